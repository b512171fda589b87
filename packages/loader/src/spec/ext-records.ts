/** func_info and line_info of .BTF.ext as the kernel wants them: string offsets kept, by section and byte offset. */
import { ByteReader } from "@bpfkit/base/bytes";
import { BpfkitError } from "@bpfkit/base/diagnostics";

/** `struct bpf_func_info` before relocation. */
export interface FuncRecord {
  /** Bytes from the start of the section. */
  readonly offset: number;
  readonly typeId: number;
}

/** `struct bpf_line_info` before relocation; names are offsets in the string section of .BTF. */
export interface LineRecord {
  readonly offset: number;
  readonly fileNameOffset: number;
  readonly textOffset: number;
  /** Line shifted left by ten, plus the column. */
  readonly lineAndColumn: number;
}

/** Records by section name. */
export interface ExtRecords {
  readonly funcs: ReadonlyMap<string, readonly FuncRecord[]>;
  readonly lines: ReadonlyMap<string, readonly LineRecord[]>;
}

/**
 * Reads both record kinds. `stringAt` gives .BTF strings, which name the sections.
 * @throws BpfkitError BY001 or LD014 where the bytes are cut off or inconsistent.
 */
export function readExtRecords(bytes: Uint8Array, stringAt: (offset: number) => string): ExtRecords {
  const reader = new ByteReader(bytes, { name: ".BTF.ext" });
  if (reader.u16() !== 0xeb9f) throw new BpfkitError("LD014", ".BTF.ext does not start with the BTF magic");
  reader.seek(4);
  const headerSize = reader.u32();
  const funcStart = headerSize + reader.u32();
  const funcSize = reader.u32();
  const lineStart = headerSize + reader.u32();
  const lineSize = reader.u32();
  const funcs = readTable(reader, funcStart, funcSize, 8, stringAt, () => ({
    offset: reader.u32(),
    typeId: reader.u32(),
  }));
  const lines = readTable(reader, lineStart, lineSize, 16, stringAt, () => ({
    offset: reader.u32(),
    fileNameOffset: reader.u32(),
    textOffset: reader.u32(),
    lineAndColumn: reader.u32(),
  }));
  return { funcs, lines };
}

/** One sub-section: a record size, then for each ELF section its name, a count and that many records. */
function readTable<T>(
  reader: ByteReader,
  start: number,
  size: number,
  leastRecordSize: number,
  stringAt: (offset: number) => string,
  read: () => T,
): Map<string, T[]> {
  const records = new Map<string, T[]>();
  if (size === 0) return records;
  reader.seek(start);
  const recordSize = reader.u32();
  if (recordSize < leastRecordSize) {
    throw new BpfkitError(
      "LD014",
      `.BTF.ext has records of ${recordSize} bytes where ${leastRecordSize} are needed`,
    );
  }
  let at = start + 4;
  while (at < start + size) {
    reader.seek(at);
    const name = stringAt(reader.u32());
    const count = reader.u32();
    at += 8;
    if (at + count * recordSize > start + size) {
      throw new BpfkitError("LD014", `.BTF.ext has more records for section ${name} than fit it`);
    }
    const list = records.get(name) ?? [];
    for (let index = 0; index < count; index += 1) {
      reader.seek(at + index * recordSize);
      list.push(read());
    }
    records.set(name, list);
    at += count * recordSize;
  }
  return records;
}
