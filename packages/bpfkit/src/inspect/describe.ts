/** Reads an object file into a description of everything in it. */
import { mapTypeName, programTypeName } from "@bpfkit/base/abi";
import type { BtfTable } from "@bpfkit/elf/btf";
import {
  type ObjectFile,
  type ObjectSection,
  RelocationType,
  readObject,
  SectionFlag,
} from "@bpfkit/elf/object";
import { type CodeSection, CollectionSpec, type ExternSpec, type MapSpec } from "@bpfkit/loader";
import type {
  BtfDescription,
  ExternDescription,
  MapDescription,
  ObjectDescription,
  ProgramDescription,
  RelocationDescription,
  SectionDescription,
} from "./description.ts";
import { describeFunction } from "./instructions.ts";
import { describeStructOps } from "./struct-ops.ts";
import { typeName } from "./type-name.ts";

/**
 * Describes an object.
 * @param file names it in messages
 * @throws BpfkitError EL0xx for bytes that are no BPF object, LD0xx for one that says something impossible
 */
export function describeObject(bytes: Uint8Array, file: string): ObjectDescription {
  const object = readObject(bytes, file);
  const spec = CollectionSpec.fromObject(bytes, file, { toLookAt: true });
  const programs = describePrograms(spec);
  return {
    file,
    sizeBytes: bytes.length,
    license: spec.license,
    sections: object.sections.map(describeSection),
    programs,
    maps: [...spec.maps.values()].map((map) => describeMap(map, spec)),
    externs: [...spec.externs.values()].map((extern) => describeExtern(extern, spec.btf)),
    structOps: spec.btf === undefined ? [] : describeStructOps(object, spec.btf),
    relocations: describeRelocations(object),
    ...(spec.btf === undefined ? {} : { btf: describeBtf(spec.btf, codeSections(spec)) }),
  };
}

/** Every code section, each once. */
function codeSections(spec: CollectionSpec): CodeSection[] {
  const found = new Set<CodeSection>();
  const waiting = [...spec.programs.values()].map(({ code }) => code);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    for (const reference of next.references.values()) {
      if (reference.kind === "call" || reference.kind === "function-address") waiting.push(reference.code);
    }
  }
  return [...found];
}

function describePrograms(spec: CollectionSpec): ProgramDescription[] {
  const entries = new Map(
    [...spec.programs.values()].map((program) => [`${program.code.name} ${program.entry.slot}`, program]),
  );
  const described: ProgramDescription[] = [];
  for (const code of codeSections(spec).reverse()) {
    for (const entry of code.functions) {
      const program = entries.get(`${code.name} ${entry.slot}`);
      described.push({
        name: entry.name,
        section: code.name,
        type: program === undefined ? "subprogram" : programTypeName(program.type),
        ...(program?.attachTo === undefined ? {} : { attachTo: program.attachTo }),
        slots: entry.slots,
        instructions: describeFunction(code, entry, spec.btf),
      });
    }
  }
  return described;
}

function describeSection(section: ObjectSection): SectionDescription {
  const types: Readonly<Record<number, string>> = { 1: "progbits", 7: "note", 8: "nobits" };
  const letters: readonly (readonly [number, string])[] = [
    [SectionFlag.Write, "W"],
    [SectionFlag.Alloc, "A"],
    [SectionFlag.Execinstr, "X"],
    [SectionFlag.Merge, "M"],
    [SectionFlag.Strings, "S"],
  ];
  return {
    name: section.name,
    type: types[section.type] ?? String(section.type),
    flags: letters.map(([bit, letter]) => ((section.flags & bit) !== 0 ? letter : "")).join(""),
    sizeBytes: section.size,
    align: section.addressAlign,
    relocations: section.relocations.length,
  };
}

function describeExtern(extern: ExternSpec, btf: BtfTable | undefined): ExternDescription {
  const { name, section, weak, typeId } = extern;
  return { name, section, weak, type: btf === undefined || typeId === 0 ? "" : typeName(btf, typeId) };
}

function describeMap(map: MapSpec, { btf, variables }: CollectionSpec): MapDescription {
  const name = (id: number) => (btf === undefined || id === 0 ? "" : typeName(btf, id));
  return {
    name: map.name,
    type: mapTypeName(map.type),
    keyType: name(map.keyTypeId),
    valueType: name(map.valueTypeId),
    keySizeBytes: map.keySize,
    valueSizeBytes: map.valueSize,
    maxEntries: map.maxEntries,
    flags: map.flags,
    origin: map.origin,
    attributes: attributesOf(map),
    variables: [...variables.values()]
      .filter((variable) => variable.map === map)
      .map(({ name: spelled, typeId, offset, size }) => ({
        name: spelled,
        type: name(typeId),
        offset,
        sizeBytes: size,
      })),
  };
}

function attributesOf(map: MapSpec): MapDescription["attributes"] {
  const { pinning, numaNode, mapExtra, inner, initialValues, frozen, tags } = map;
  return {
    ...(pinning === 0 ? {} : { pinned: true as const }),
    ...(numaNode === undefined ? {} : { numaNode }),
    ...(mapExtra === undefined ? {} : { mapExtra: `0x${mapExtra.toString(16)}` }),
    ...(inner === undefined ? {} : { inner: innerText(inner) }),
    ...(initialValues.length === 0 ? {} : { values: initialValues }),
    ...(frozen ? { frozen: true as const } : {}),
    ...(tags.length === 0 ? {} : { tags }),
  };
}

function innerText({ type, keySize, valueSize, maxEntries }: MapSpec): string {
  return `${mapTypeName(type)} of ${maxEntries}, key ${keySize}, value ${valueSize} bytes`;
}

function describeRelocations(object: ObjectFile): RelocationDescription[] {
  const names = new Map<number, string>(Object.entries(RelocationType).map(([name, value]) => [value, name]));
  return object.sections.flatMap((section) =>
    section.relocations.map((relocation) => {
      const symbol = object.symbols[relocation.symbol];
      const place = typeof symbol?.section === "number" ? object.sections[symbol.section]?.name : undefined;
      return {
        section: section.name,
        offset: relocation.offset,
        type: names.get(relocation.type) ?? String(relocation.type),
        symbol: symbol?.name || (place ?? ""),
      };
    }),
  );
}

function describeBtf(btf: BtfTable, code: readonly CodeSection[]): BtfDescription {
  const kinds: Record<string, number> = {};
  for (let id = 1; id < btf.typeCount; id++) {
    const { kind } = btf.type(id);
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  const count = (pick: (section: CodeSection) => number) =>
    code.reduce((sum, section) => sum + pick(section), 0);
  return {
    types: btf.typeCount - 1,
    kinds,
    functions: count(({ funcs }) => funcs.length),
    lines: count(({ lines }) => lines.length),
    coreRelocations: count(({ coreRelocations }) => coreRelocations.length),
  };
}
