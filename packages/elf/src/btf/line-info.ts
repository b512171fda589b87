/** Line records of .BTF.ext: file, line, column and text of the C behind an instruction. */
import type { RecordCodec } from "./ext-info.ts";

/** The C line that an instruction, and those after it, came from (struct bpf_line_info). */
export interface LineInfo {
  /** Bytes from the start of the section. */
  readonly insnOffset: number;
  readonly file: string;
  /** The whole line as it stands in the file; empty where it was not known. */
  readonly text: string;
  /** From 1. */
  readonly line: number;
  /** From 1; 0 where unknown. */
  readonly column: number;
}

/** Line and column share a word: 22 and 10 bits. */
const columnBits = 10;
const largestColumn = 0x3ff;
const largestLine = 0x3f_ffff;

/** See {@link RecordCodec}. A column past 1023 is written as 0, a line past 4194303 as that number. */
export const lineInfoCodec: RecordCodec<LineInfo> = {
  name: "line info",
  size: 16,
  decode: (reader, strings) => {
    const insnOffset = reader.u32();
    const file = strings(reader.u32());
    const text = strings(reader.u32());
    const word = reader.u32();
    return { insnOffset, file, text, line: word >>> columnBits, column: word & largestColumn };
  },
  encode: (value, writer, strings) => {
    const line = Math.min(value.line, largestLine);
    const column = value.column > largestColumn ? 0 : value.column;
    writer.u32(value.insnOffset).u32(strings(value.file)).u32(strings(value.text));
    writer.u32(line * 2 ** columnBits + column);
  },
};
