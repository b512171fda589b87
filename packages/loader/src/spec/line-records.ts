/** line_info of .BTF.ext as the kernel wants it: string offsets kept, by section and byte offset. */
import { ByteReader } from "@bpfkit/base/bytes";
import { BpfkitError } from "@bpfkit/base/diagnostics";

/** `struct bpf_line_info` before relocation; names are offsets in the string section of .BTF. */
export interface LineRecord {
  /** Bytes from the start of the section. */
  readonly offset: number;
  readonly fileNameOffset: number;
  readonly textOffset: number;
  /** Line shifted left by ten, plus the column. */
  readonly lineAndColumn: number;
}

const recordSize = 16;

/**
 * Reads the records by section name. `stringAt` gives .BTF strings, which name the sections.
 * @throws BpfkitError BY001 or LD014 where the bytes are cut off or inconsistent.
 */
export function readLineRecords(
  bytes: Uint8Array,
  stringAt: (offset: number) => string,
): Map<string, LineRecord[]> {
  const reader = new ByteReader(bytes, { name: ".BTF.ext" });
  reader.seek(4);
  const headerSize = reader.u32();
  reader.seek(16);
  const start = headerSize + reader.u32();
  const end = start + reader.u32();
  const records = new Map<string, LineRecord[]>();
  if (end === start) return records;
  reader.seek(start);
  const size = reader.u32();
  if (size < recordSize) {
    throw new BpfkitError(
      "LD014",
      `.BTF.ext has line records of ${size} bytes where ${recordSize} are needed`,
    );
  }
  for (let at = start + 4; at < end; ) {
    reader.seek(at);
    const name = stringAt(reader.u32());
    const count = reader.u32();
    at += 8;
    if (at + count * size > end) {
      throw new BpfkitError("LD014", `.BTF.ext has more line records for section ${name} than fit it`);
    }
    const list = records.get(name) ?? [];
    for (let index = 0; index < count; index += 1, at += size) {
      reader.seek(at);
      list.push({
        offset: reader.u32(),
        fileNameOffset: reader.u32(),
        textOffset: reader.u32(),
        lineAndColumn: reader.u32(),
      });
    }
    records.set(name, list);
  }
  return records;
}
