/** Data sections -> one-element array maps, and the variables in them by name. */
import { MapType } from "@bpfkit/base/abi";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { BtfTable } from "@bpfkit/elf/btf";
import type { ObjectSection, ObjectSymbol } from "@bpfkit/elf/object";
import { emptyMapSpec, kernelObjectName, type MapOrigin, type MapSpec } from "./map-spec.ts";
import type { VariableSpec } from "./variable-spec.ts";

/** BPF_F_RDONLY_PROG: programs cannot write the map. */
const readOnlyForPrograms = 1 << 7;
/** No real program has more global data than this in one section. */
const maxSectionBytes = 64 << 20;

/** What kind of data a section holds, by its name; undefined: it is no data section. */
export function dataOrigin(sectionName: string): MapOrigin | undefined {
  for (const origin of ["rodata", "data", "bss"] as const) {
    if (sectionName === `.${origin}` || sectionName.startsWith(`.${origin}.`)) return origin;
  }
  return undefined;
}

/** The map that holds a data section. */
export function dataSectionMap(
  section: ObjectSection,
  origin: MapOrigin,
  objectName: string,
  symbols: readonly ObjectSymbol[],
): MapSpec {
  if (section.size > maxSectionBytes) {
    throw new BpfkitError("LD011", `section ${section.name} is too big: ${section.size} bytes`);
  }
  const [address] = section.relocations;
  if (address !== undefined) {
    const holder = variableAt(symbols, address.offset) ?? `section ${section.name}`;
    throw new BpfkitError("LD012", `${holder} holds the address of a function, map or variable`, {
      hint: "BPF programs have no constant addresses: use arrays of characters in place of pointers to text, or fill the table when the program runs.",
    });
  }
  const contents = new Uint8Array(section.size);
  if (origin !== "bss") contents.set(section.data.subarray(0, section.size));
  const spec = emptyMapSpec(section.name, origin);
  spec.kernelName = dataMapKernelName(section.name, objectName);
  spec.type = MapType.Array;
  spec.keySize = 4;
  spec.valueSize = section.size;
  spec.maxEntries = 1;
  spec.contents = contents;
  if (origin === "rodata") {
    spec.flags = readOnlyForPrograms;
    spec.frozen = true;
  }
  return spec;
}

/** The variable around an offset, in words. Clang calls the initial value of `f`'s local `t` `__const.f.t`. */
function variableAt(symbols: readonly ObjectSymbol[], offset: number): string | undefined {
  const found = symbols.find(
    ({ type, value, size }) =>
      type === "object" && offset >= Number(value) && offset < Number(value) + Number(size),
  );
  const local = /^__const\.([^.]+)\.([^.]+)/.exec(found?.name ?? "");
  if (local !== null) return `variable '${local[2]}' of ${local[1]}`;
  return found === undefined ? undefined : `variable '${found.name}'`;
}

/** As libbpf names them: `myprog.rodata` with the object's name cut to fit, custom sections under their own name. */
function dataMapKernelName(sectionName: string, objectName: string): string {
  if (sectionName.indexOf(".", 1) !== -1) return kernelObjectName(sectionName);
  const room = 15 - sectionName.length;
  const stem = objectName
    .replace(/^.*\//, "")
    .replace(/(\.bpf)?\.[^.]*$/, "")
    .slice(0, room);
  return kernelObjectName(stem + sectionName);
}

/** The variables of a data section: names and types from its BTF datasec, places from the symbol table. */
export function dataSectionVariables(
  btf: BtfTable,
  datasecId: number,
  place: { readonly map: MapSpec; readonly sectionBytes: number },
  symbols: readonly ObjectSymbol[],
): VariableSpec[] {
  const { map, sectionBytes } = place;
  const datasec = btf.type(datasecId);
  if (datasec.kind !== "datasec") return [];
  const places = new Map(symbols.map((symbol) => [symbol.name, symbol]));
  const variables: VariableSpec[] = [];
  for (const entry of datasec.entries) {
    const variable = btf.type(entry.type);
    if (variable.kind !== "var") continue;
    const offset = places.get(variable.name)?.value ?? entry.offset;
    const size = entry.size;
    if (offset + size > sectionBytes) {
      throw new BpfkitError("LD013", `variable ${variable.name} lies outside of its section ${map.name}`);
    }
    variables.push({
      name: variable.name,
      map,
      offset,
      size,
      typeId: variable.type,
      constant: map.origin === "rodata",
    });
  }
  return variables;
}
