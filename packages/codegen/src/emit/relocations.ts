/** Symbols in code: calls that are settled here, and relocations for the rest. */
import { helperByName } from "@bpfkit/base/abi";
import type { Instruction } from "@bpfkit/elf/isa";
import { PseudoCall } from "@bpfkit/elf/isa";
import type { ObjectRelocation } from "@bpfkit/elf/object";
import { RelocationType } from "@bpfkit/elf/object";
import type { PlacedInstruction } from "./encoded.ts";
import type { Place, SymbolTable } from "./symbols.ts";

/** An instruction with its symbol settled as far as it can be. */
export interface LinkedInstruction {
  readonly insn: Instruction;
  readonly relocation: ObjectRelocation | undefined;
}

const slotBytes = 8;

/**
 * Links one instruction.
 * @param at where the instruction is
 */
export function linkInstruction(
  placed: PlacedInstruction,
  at: Place,
  symbols: SymbolTable,
): LinkedInstruction {
  const { insn, relocation } = placed;
  if (relocation === undefined || relocation.kind === "core") return { insn, relocation: undefined };
  if (relocation.kind === "address") {
    const { symbol, addend } = symbols.reference(relocation.symbol);
    return {
      insn: { ...insn, imm: addend + (relocation.addend ?? 0) },
      relocation: { offset: at.offset, type: RelocationType.R_BPF_64_64, symbol },
    };
  }
  const helper = symbols.isDeclared(relocation.symbol) ? undefined : helperByName(relocation.symbol);
  if (helper !== undefined) {
    // Inline assembly may call helpers by name: C has them as numbers only.
    return { insn: { ...insn, src: PseudoCall.Helper, imm: helper.id }, relocation: undefined };
  }
  const place = symbols.placeOf(relocation.symbol);
  if (place !== undefined && place.section === at.section && symbols.isLocal(relocation.symbol)) {
    const distance = (place.offset - at.offset) / slotBytes - 1;
    return { insn: { ...insn, imm: distance }, relocation: undefined };
  }
  const { symbol, addend } = symbols.reference(relocation.symbol);
  return {
    insn: { ...insn, imm: addend / slotBytes - 1 },
    relocation: { offset: at.offset, type: RelocationType.R_BPF_64_32, symbol },
  };
}
