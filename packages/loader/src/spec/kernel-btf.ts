/** The object's BTF as the kernel wants it: places of variables filled in, hidden functions static, no externs. */
import { RawKind, type RawType, rewriteTypes } from "./raw-types.ts";

/** Where the variables of one section are. */
export interface SectionPlaces {
  readonly size: number;
  /** Variable name -> offset. */
  readonly offsets: ReadonlyMap<string, number>;
}

const linkage = { static: 0, extern: 2 } as const;
const nothing = new Uint8Array(0);

/** Sections of what the object does not define: the kernel wants neither them nor their members. */
const externSections: ReadonlySet<string> = new Set([".ksyms", ".kconfig"]);

/**
 * A patched copy. Compilers leave sizes of sections and offsets of variables to the ELF relocations of .BTF; the
 * kernel wants them in place and in ascending order. Functions and variables that are only declared, which it refuses,
 * become typedefs of the same numbers.
 */
export function kernelBtf(
  btf: Uint8Array,
  sections: ReadonlyMap<string, SectionPlaces>,
  staticFunctions: ReadonlySet<string>,
): Uint8Array {
  const variableNames = new Map<number, string>();
  const withoutExterns = rewriteTypes(btf, (type, { id, nameAt }) => {
    switch (type.kind) {
      case RawKind.Func:
        if (type.count === linkage.extern) return { ...type, kind: RawKind.Typedef, count: 0 };
        return staticFunctions.has(nameAt(type.name)) ? { ...type, count: linkage.static } : type;
      case RawKind.Var:
        if (type.tail[0] === linkage.extern) return { ...type, kind: RawKind.Typedef, tail: nothing };
        variableNames.set(id, nameAt(type.name));
        return type;
      case RawKind.Datasec:
        if (!externSections.has(nameAt(type.name))) return type;
        return { ...type, name: 0, kind: RawKind.Struct, count: 0, sizeOrType: 0, tail: nothing };
      default:
        return type;
    }
  });
  return rewriteTypes(withoutExterns, (type, { nameAt }) => {
    if (type.kind !== RawKind.Datasec) return type;
    const name = nameAt(type.name);
    const section = sections.get(name);
    const placed = section === undefined ? type : placeVariables(type, section, variableNames);
    // The question mark of SEC("?.struct_ops") is the loader's; kernels before 6.11 refuse it.
    return name.startsWith("?") ? { ...placed, name: placed.name + 1 } : placed;
  });
}

function placeVariables(type: RawType, section: SectionPlaces, names: ReadonlyMap<number, string>): RawType {
  const view = new DataView(type.tail.buffer, type.tail.byteOffset, type.tail.byteLength);
  const entries: { type: number; offset: number; size: number }[] = [];
  for (let at = 0; at < type.tail.length; at += 12) {
    const variable = view.getUint32(at, true);
    const offset = section.offsets.get(names.get(variable) ?? "") ?? view.getUint32(at + 4, true);
    entries.push({ type: variable, offset, size: view.getUint32(at + 8, true) });
  }
  entries.sort((a, b) => a.offset - b.offset);
  const words = new Uint32Array(entries.flatMap((entry) => [entry.type, entry.offset, entry.size]));
  return { ...type, sizeOrType: section.size, tail: new Uint8Array(words.buffer) };
}
