/** The object's BTF as the kernel wants it: places of variables filled in, hidden functions made static. */
import { ByteReader } from "@bpfkit/base/bytes";
import { BpfkitError } from "@bpfkit/base/diagnostics";

/** Where the variables of one section are. */
export interface SectionPlaces {
  readonly size: number;
  /** Variable name -> offset. */
  readonly offsets: ReadonlyMap<string, number>;
}

/** Bytes that follow `struct btf_type`, by kind: fixed part and part for each element (Documentation/bpf/btf.rst). */
const tailSizes: readonly (readonly [number, number])[] = [
  [0, 0], // void
  [4, 0], // int
  [0, 0], // ptr
  [12, 0], // array
  [0, 12], // struct
  [0, 12], // union
  [0, 8], // enum
  [0, 0], // fwd
  [0, 0], // typedef
  [0, 0], // volatile
  [0, 0], // const
  [0, 0], // restrict
  [0, 0], // func
  [0, 8], // func_proto
  [4, 0], // var
  [0, 12], // datasec
  [0, 0], // float
  [4, 0], // decl_tag
  [0, 0], // type_tag
  [0, 12], // enum64
];
const kindFunc = 12;
const kindVar = 14;
const kindDatasec = 15;

/**
 * A patched copy. Compilers leave sizes of sections and offsets of variables to the ELF relocations of .BTF; the
 * kernel wants them in place and in ascending order.
 */
export function kernelBtf(
  btf: Uint8Array,
  sections: ReadonlyMap<string, SectionPlaces>,
  staticFunctions: ReadonlySet<string>,
): Uint8Array {
  const bytes = btf.slice();
  const view = new DataView(bytes.buffer);
  const reader = new ByteReader(bytes, { name: ".BTF" });
  reader.seek(4);
  const headerSize = reader.u32();
  const typeStart = headerSize + reader.u32();
  const typeEnd = typeStart + reader.u32();
  const stringStart = headerSize + reader.u32();
  const nameAt = (offset: number): string => {
    reader.seek(stringStart + offset);
    return reader.cString();
  };
  const variableNames = new Map<number, string>();
  const datasecs: number[] = [];
  let at = typeStart;
  for (let id = 1; at < typeEnd; id += 1) {
    reader.seek(at);
    const name = reader.u32();
    const info = reader.u32();
    const kind = (info >>> 24) & 0x1f;
    const tail = tailSizes[kind];
    if (tail === undefined) throw new BpfkitError("LD014", `.BTF has a type of unknown kind ${kind}`);
    if (kind === kindVar) variableNames.set(id, nameAt(name));
    if (kind === kindDatasec) datasecs.push(at);
    if (kind === kindFunc && staticFunctions.has(nameAt(name))) view.setUint32(at + 4, info & ~0xffff, true);
    at += 12 + tail[0] + tail[1] * (info & 0xffff);
  }
  for (const offset of datasecs) {
    reader.seek(offset);
    const section = sections.get(nameAt(reader.u32()));
    if (section !== undefined) placeVariables(view, offset, section, variableNames);
  }
  return bytes;
}

function placeVariables(
  view: DataView,
  at: number,
  section: SectionPlaces,
  names: ReadonlyMap<number, string>,
): void {
  const count = view.getUint32(at + 4, true) & 0xffff;
  view.setUint32(at + 8, section.size, true);
  const entries: { type: number; offset: number; size: number }[] = [];
  for (let index = 0; index < count; index += 1) {
    const entry = at + 12 + index * 12;
    const type = view.getUint32(entry, true);
    const offset = section.offsets.get(names.get(type) ?? "") ?? view.getUint32(entry + 4, true);
    entries.push({ type, offset, size: view.getUint32(entry + 8, true) });
  }
  entries.sort((a, b) => a.offset - b.offset);
  entries.forEach(({ type, offset, size }, index) => {
    const entry = at + 12 + index * 12;
    view.setUint32(entry, type, true);
    view.setUint32(entry + 4, offset, true);
    view.setUint32(entry + 8, size, true);
  });
}
