/** Extensions and masks that change nothing, by what is known of the bits of their operands. */
import type { MachineFunction } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import { mapUses } from "../machine/operands.ts";
import type { Register } from "../machine/register.ts";
import { isVirtual, noRegister } from "../machine/register.ts";
import { bitLength } from "../select/bits.ts";
import type { ValueBits } from "./value-bits.ts";
import { valueBits } from "./value-bits.ts";

/** Removes redundant extensions from SSA code, and records what is known of each register. */
export function removeRedundantExtensions(fn: MachineFunction): void {
  const bits = valueBits(fn);
  const aliases = new Map<Register, Register>();
  const definitions = definitionsOf(fn);
  for (const block of fn.blocks) {
    block.instructions = block.instructions.filter((insn) => {
      const same = unchangedSource(insn, bits, definitions);
      if (same === noRegister) return true;
      aliases.set(insn.dst, same);
      return false;
    });
  }
  for (let register = 0; register < bits.zero.length; register++) {
    fn.significantBits[register] = bits.zero[register]!;
  }
  if (aliases.size > 0) replaceRegisters(fn, aliases);
}

/** Replaces registers in the whole function; chains are followed. */
export function replaceRegisters(fn: MachineFunction, aliases: ReadonlyMap<Register, Register>): void {
  const change = (register: Register): Register => {
    let found = register;
    for (let next = aliases.get(found); next !== undefined; next = aliases.get(found)) found = next;
    return found;
  };
  for (const block of fn.blocks) {
    for (const phi of block.phis) {
      for (const way of phi.incoming) way.register = change(way.register);
    }
    for (const insn of block.instructions) mapUses(insn, change);
  }
}

/** The instruction that defines each virtual register of SSA code. */
export function definitionsOf(fn: MachineFunction): (MachineInstruction | undefined)[] {
  const definitions: (MachineInstruction | undefined)[] = [];
  for (const block of fn.blocks) {
    for (const insn of block.instructions) if (isVirtual(insn.dst)) definitions[insn.dst] = insn;
  }
  return definitions;
}

/** The register whose content the instruction repeats, or `noRegister`. */
function unchangedSource(
  insn: MachineInstruction,
  bits: ValueBits,
  definitions: readonly (MachineInstruction | undefined)[],
): Register {
  if (!isVirtual(insn.dst) || !isVirtual(insn.a)) return noRegister;
  const known = bits.zero[insn.a]!;
  if (insn.opcode === "zero-extend") return known <= 32 ? insn.a : noRegister;
  if (insn.opcode === "sign-extend") {
    return isSignExtended(bits, insn.a, insn.size * 8, insn.width) ? insn.a : noRegister;
  }
  if (insn.opcode !== "alu" || insn.b !== noRegister || insn.symbol !== "") return noRegister;
  if (insn.operation === "and") {
    const mask = insn.width === 32 ? insn.imm >>> 0 : insn.imm;
    const isLowMask = mask >= 0 && Number.isInteger(Math.log2(mask + 1));
    return isLowMask && known <= bitLength(mask) ? insn.a : noRegister;
  }
  if (insn.operation !== "lshr" && insn.operation !== "ashr") return noRegister;
  const raised = definitions[insn.a];
  if (raised?.opcode !== "alu" || raised.operation !== "shl" || raised.width !== insn.width)
    return noRegister;
  if (raised.b !== noRegister || raised.imm !== insn.imm || !isVirtual(raised.a)) return noRegister;
  const room = insn.width - insn.imm;
  if (insn.operation === "lshr") return bits.zero[raised.a]! <= room ? raised.a : noRegister;
  return isSignExtended(bits, raised.a, room, insn.width) ? raised.a : noRegister;
}

/**
 * True where sign-extending the low `from` bits to `width` would leave the whole register as it is; a 32-bit
 * operation would also clear the upper half.
 */
function isSignExtended(bits: ValueBits, register: Register, from: number, width: 32 | 64): boolean {
  if (width === 64) return bits.signed[register]! <= from;
  return bits.signedLow[register]! <= from && bits.zero[register]! <= 32;
}
