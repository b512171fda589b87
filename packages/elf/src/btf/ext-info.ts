/** .BTF.ext: function types, source lines and CO-RE relocations by section and instruction (uapi: struct bpf_func_info ...). */
import { ByteReader, ByteWriter } from "@bpfkit/base/bytes";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { BtfBuilder } from "./builder.ts";
import { type CoreRelocation, coreRelocationCodec } from "./core-relocation.ts";
import { type FuncInfo, funcInfoCodec } from "./func-info.ts";
import { btfMagic, btfVersion, readBtfPreamble } from "./header.ts";
import { type LineInfo, lineInfoCodec } from "./line-info.ts";
import type { BtfTable } from "./type-table.ts";

/** The content of .BTF.ext, by name of the code section. Offsets count bytes from the start of that section. */
export interface ExtInfo {
  readonly funcs: ReadonlyMap<string, readonly FuncInfo[]>;
  readonly lines: ReadonlyMap<string, readonly LineInfo[]>;
  readonly coreRelocations: ReadonlyMap<string, readonly CoreRelocation[]>;
}

/** How one kind of record is read and written. */
export interface RecordCodec<T> {
  /** For messages. */
  readonly name: string;
  /** Bytes that are written, and the least that are read; files may have longer records. */
  readonly size: number;
  readonly decode: (reader: ByteReader, strings: (offset: number) => string) => T;
  readonly encode: (value: T, writer: ByteWriter, strings: (text: string) => number) => void;
}

/** Header length with the CO-RE fields, as LLVM writes it. */
const headerSize = 32;
/** Header length of the first version, without CO-RE fields. */
const smallHeaderSize = 24;

/**
 * Reads .BTF.ext. Strings come from `btf`, the .BTF section of the same object.
 * @throws BpfkitError `EL101` to `EL103` for the header, `EL105` for strings, `EL111` for records
 */
export function decodeExtInfo(bytes: Uint8Array, btf: BtfTable, name = ".BTF.ext"): ExtInfo {
  const preamble = readBtfPreamble(bytes, name, smallHeaderSize);
  const { view, littleEndian } = preamble;
  const part = <T>(at: number, codec: RecordCodec<T>): Map<string, T[]> => {
    if (at + 8 > preamble.headerSize) return new Map();
    const offset = preamble.headerSize + view.getUint32(at, littleEndian);
    const size = view.getUint32(at + 4, littleEndian);
    if (offset + size > bytes.length) {
      throw new BpfkitError(
        "EL103",
        `${name}: ${codec.name} at ${offset} with ${size} bytes lies outside the section`,
      );
    }
    const reader = new ByteReader(bytes.subarray(offset, offset + size), {
      littleEndian,
      name: `${name}: ${codec.name}`,
    });
    return decodePart(reader, codec, btf, name);
  };
  return {
    funcs: part(8, funcInfoCodec),
    lines: part(16, lineInfoCodec),
    coreRelocations: part(24, coreRelocationCodec),
  };
}

function decodePart<T>(
  reader: ByteReader,
  codec: RecordCodec<T>,
  btf: BtfTable,
  name: string,
): Map<string, T[]> {
  const sections = new Map<string, T[]>();
  if (reader.remaining === 0) return sections;
  const strings = (offset: number): string => btf.string(offset);
  const size = reader.u32();
  if (size < codec.size || size % 4 !== 0) {
    throw new BpfkitError("EL111", `${name}: ${codec.name} records of ${size} bytes are not known`);
  }
  while (reader.remaining > 0) {
    const section = strings(reader.u32());
    const count = reader.u32();
    if (count * size > reader.remaining) {
      throw new BpfkitError(
        "EL111",
        `${name}: ${count} ${codec.name} records do not fit the ${reader.remaining} bytes left`,
      );
    }
    const list = sections.get(section) ?? [];
    for (let index = 0; index < count; index++) {
      const next = reader.offset + size;
      list.push(codec.decode(reader, strings));
      reader.seek(next);
    }
    sections.set(section, list);
  }
  return sections;
}

/**
 * Writes .BTF.ext, little-endian. Adds its strings to `builder`: call it before `builder.encode()`. Sections come in
 * the order of the maps, records in the order given (the kernel wants ascending offsets).
 */
export function encodeExtInfo(info: ExtInfo, builder: BtfBuilder): Uint8Array {
  const strings = (text: string): number => builder.string(text);
  const funcs = encodePart(info.funcs, funcInfoCodec, strings);
  const lines = encodePart(info.lines, lineInfoCodec, strings);
  const relocations = encodePart(info.coreRelocations, coreRelocationCodec, strings);
  const out = new ByteWriter();
  out.u16(btfMagic).u8(btfVersion).u8(0).u32(headerSize);
  out.u32(0).u32(funcs.length);
  out.u32(funcs.length).u32(lines.length);
  out.u32(funcs.length + lines.length).u32(relocations.length);
  return out.bytes(funcs).bytes(lines).bytes(relocations).finish();
}

function encodePart<T>(
  sections: ReadonlyMap<string, readonly T[]>,
  codec: RecordCodec<T>,
  strings: (text: string) => number,
): Uint8Array {
  const writer = new ByteWriter();
  for (const [section, records] of sections) {
    if (records.length === 0) continue;
    if (writer.length === 0) writer.u32(codec.size);
    writer.u32(strings(section)).u32(records.length);
    for (const record of records) codec.encode(record, writer, strings);
  }
  return writer.finish();
}
