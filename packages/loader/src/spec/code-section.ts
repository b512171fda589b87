/** Executable sections: instructions, functions and what each relocation points at. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { ExtInfo } from "@bpfkit/elf/btf";
import { decodeInstructions, slotCount } from "@bpfkit/elf/isa";
import {
  type ObjectFile,
  type ObjectRelocation,
  type ObjectSection,
  type ObjectSymbol,
  RelocationType,
} from "@bpfkit/elf/object";
import type { LineRecord } from "./line-records.ts";
import type { CodeFunction, CodeSection, PlacedInstruction, Reference } from "./program-spec.ts";

/** BPF_LD | BPF_IMM | BPF_DW and BPF_JMP | BPF_CALL. */
const loadImmediate = 0x18;
const call = 0x85;

/** Being built: references are added once every section is known. */
export interface OpenCodeSection extends CodeSection {
  readonly references: Map<number, Reference>;
  readonly bySlot: ReadonlyMap<number, PlacedInstruction>;
}

/** Decodes a section's instructions and finds its functions. */
export function openCodeSection(
  object: ObjectFile,
  index: number,
  ext: ExtInfo | undefined,
  lines: ReadonlyMap<string, readonly LineRecord[]> | undefined,
): OpenCodeSection {
  const section = object.sections[index];
  if (section === undefined) throw new BpfkitError("LD020", `there is no section ${index}`);
  if (section.data.length % 8 !== 0) {
    throw new BpfkitError("LD020", `section ${section.name} does not hold whole instructions`);
  }
  const instructions: PlacedInstruction[] = [];
  let slot = 0;
  for (const instruction of decodeInstructions(section.data)) {
    instructions.push({ slot, instruction });
    slot += slotCount(instruction);
  }
  const bySlot = new Map(instructions.map((placed) => [placed.slot, placed]));
  return {
    name: section.name,
    instructions,
    bySlot,
    references: new Map(),
    functions: sectionFunctions(object, index, section, slot, bySlot),
    lines: ext?.lines.get(section.name) ?? [],
    funcs: ext?.funcs.get(section.name) ?? [],
    lineRecords: lines?.get(section.name) ?? [],
    coreRelocations: ext?.coreRelocations.get(section.name) ?? [],
  };
}

function sectionFunctions(
  object: ObjectFile,
  index: number,
  section: ObjectSection,
  slots: number,
  bySlot: ReadonlyMap<number, PlacedInstruction>,
): CodeFunction[] {
  const symbols = object.symbols
    .filter((symbol) => symbol.section === index && symbol.type === "func")
    .sort((a, b) => a.value - b.value);
  return symbols.map((symbol, position) => {
    const start = symbol.value / 8;
    const next = symbols[position + 1]?.value ?? slots * 8;
    const length = (symbol.size === 0 ? next - symbol.value : symbol.size) / 8;
    const end = start + length;
    const whole = bySlot.has(start) && length > 0 && (end === slots || bySlot.has(end));
    if (!whole || symbol.value + length * 8 > next) {
      throw new BpfkitError(
        "LD021",
        `function ${symbol.name} in section ${section.name} does not cover whole instructions of its own`,
      );
    }
    return { name: symbol.name, slot: start, slots: length, global: symbol.binding !== "local" };
  });
}

/** What the resolver knows of the object. */
export interface ReferenceTargets {
  readonly object: ObjectFile;
  readonly code: ReadonlyMap<number, OpenCodeSection>;
  /** Section index of `.maps`; -1: there is none. */
  readonly mapsSection: number;
  /** Offset in `.maps` -> map name. */
  readonly mapAt: ReadonlyMap<number, string>;
  /** Section index -> name of the data section's map. */
  readonly dataMaps: ReadonlyMap<number, string>;
}

/** Turns every relocation of a section into a {@link Reference}. */
export function resolveReferences(index: number, targets: ReferenceTargets): void {
  const section = targets.object.sections[index];
  const code = targets.code.get(index);
  if (section === undefined || code === undefined) return;
  for (const relocation of section.relocations) {
    const slot = relocation.offset / 8;
    const placed = code.bySlot.get(slot);
    const symbol = targets.object.symbols[relocation.symbol];
    if (placed === undefined || symbol === undefined) {
      throw new BpfkitError(
        "LD022",
        `a relocation at byte ${relocation.offset} of section ${section.name} fits no instruction or symbol`,
      );
    }
    code.references.set(slot, referenceOf(placed, relocation, symbol, section, targets));
  }
}

function referenceOf(
  placed: PlacedInstruction,
  relocation: ObjectRelocation,
  symbol: ObjectSymbol,
  section: ObjectSection,
  targets: ReferenceTargets,
): Reference {
  const { opcode, imm } = placed.instruction;
  const isCall = opcode === call && relocation.type === RelocationType.R_BPF_64_32;
  if (!isCall && (opcode !== loadImmediate || relocation.type !== RelocationType.R_BPF_64_64)) {
    throw new BpfkitError(
      "LD022",
      `relocation type ${relocation.type} at byte ${relocation.offset} of section ${section.name} does not suit its instruction`,
    );
  }
  if (symbol.section === "undefined") return { kind: "extern", name: symbol.name };
  const name = symbol.name === "" ? `data in section ${section.name}` : symbol.name;
  if (typeof symbol.section !== "number") {
    throw new BpfkitError("LD023", `${name} is a ${symbol.section} symbol, which programs cannot use`, {
      hint: "Compile with -fno-common.",
    });
  }
  const code = targets.code.get(symbol.section);
  if (code !== undefined) {
    const base = symbol.value / 8;
    if (isCall) return { kind: "call", code, slot: base + imm + 1 };
    return { kind: "function-address", code, slot: base + imm / 8 };
  }
  if (!isCall && symbol.section === targets.mapsSection) {
    const map = targets.mapAt.get(symbol.value + imm);
    if (map !== undefined) return { kind: "map", map };
  }
  const data = targets.dataMaps.get(symbol.section);
  if (!isCall && data !== undefined) return { kind: "data", map: data, offset: symbol.value + imm };
  const target = targets.object.sections[symbol.section]?.name ?? `${symbol.section}`;
  throw new BpfkitError(
    "LD023",
    `section ${section.name} uses ${name} in section ${target}, which is no map, data or code`,
  );
}
