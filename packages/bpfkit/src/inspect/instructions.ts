/** The instructions of one function with their source lines, references and CO-RE relocations. */
import type { BtfTable, CoreRelocation } from "@bpfkit/elf/btf";
import { encodeInstructions, printInstruction } from "@bpfkit/elf/isa";
import type { CodeFunction, CodeSection, Reference } from "@bpfkit/loader";
import type { InstructionDescription } from "./description.ts";
import { accessName, typeName } from "./type-name.ts";

const slotBytes = 8;

/** Names of enum bpf_core_relo_kind (uapi linux/bpf.h), as libbpf's messages have them. */
const coreKinds = [
  "byte_off",
  "byte_sz",
  "field_exists",
  "signed",
  "lshift_u64",
  "rshift_u64",
  "local_type_id",
  "target_type_id",
  "type_exists",
  "type_size",
  "enumval_exists",
  "enumval_value",
  "type_matches",
];

/** Describes a function's instructions; slots count from its start. */
export function describeFunction(
  code: CodeSection,
  entry: CodeFunction,
  btf: BtfTable | undefined,
): InstructionDescription[] {
  const lines = new Map(code.lines.map((line) => [line.insnOffset / slotBytes, line]));
  const relocations = new Map(code.coreRelocations.map((each) => [each.insnOffset / slotBytes, each]));
  const end = entry.slot + entry.slots;
  const described: InstructionDescription[] = [];
  let shown = "";
  for (const { slot, instruction } of code.instructions) {
    if (slot < entry.slot || slot >= end) continue;
    const reference = code.references.get(slot);
    const relocation = relocations.get(slot);
    const line = lines.get(slot);
    const place = line === undefined ? "" : `${line.file}:${line.line}`;
    const begins = line !== undefined && place !== shown;
    if (begins) shown = place;
    described.push({
      slot: slot - entry.slot,
      bytes: hex(encodeInstructions([instruction])),
      text: printInstruction(instruction),
      ...(reference === undefined ? {} : { reference: referenceText(reference) }),
      ...(relocation === undefined ? {} : { core: coreText(relocation, btf) }),
      ...(begins ? { source: { file: line.file, line: line.line, text: line.text } } : {}),
    });
  }
  return described;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

function referenceText(reference: Reference): string {
  switch (reference.kind) {
    case "map":
      return `map ${reference.map}`;
    case "data":
      return `${reference.map}+${reference.offset}`;
    case "extern":
      return `extern ${reference.name}`;
    default: {
      const target = reference.code.functions.find(({ slot }) => slot === reference.slot);
      return target?.name ?? `${reference.code.name}+${reference.slot * slotBytes}`;
    }
  }
}

function coreText(relocation: CoreRelocation, btf: BtfTable | undefined): string {
  const kind = coreKinds[relocation.kind] ?? `kind ${relocation.kind}`;
  if (btf === undefined) return `${kind} type ${relocation.typeId} (${relocation.access})`;
  const path = relocation.kind <= 5 ? accessName(btf, relocation.typeId, relocation.access) : "";
  return `${kind} ${typeName(btf, relocation.typeId)}${path} (${relocation.access})`;
}
