/** Which high bits of each value are zero, through phis too; extensions and masks that change nothing go. */
import type { MachineFunction } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import { forEachUse, mapUses } from "../machine/operands.ts";
import type { Register } from "../machine/register.ts";
import { isVirtual, noRegister } from "../machine/register.ts";
import { aluSignificantBits, bitLength } from "../select/bits.ts";

/** Removes redundant extensions from SSA code, and records what is known of each register. */
export function removeRedundantExtensions(fn: MachineFunction): void {
  const bits = computeBits(fn);
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
  for (let register = 0; register < bits.length; register++) fn.significantBits[register] = bits[register]!;
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
  bits: Uint8Array,
  definitions: readonly (MachineInstruction | undefined)[],
): Register {
  if (!isVirtual(insn.dst) || !isVirtual(insn.a)) return noRegister;
  const known = bits[insn.a]!;
  if (insn.opcode === "zero-extend") return known <= 32 ? insn.a : noRegister;
  if (insn.opcode === "sign-extend") return known < insn.size * 8 ? insn.a : noRegister;
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
  const room = insn.width - insn.imm - (insn.operation === "ashr" ? 1 : 0);
  return bits[raised.a]! <= room ? raised.a : noRegister;
}

/** An instruction, or a phi by what goes in. */
type Node = MachineInstruction | { readonly dst: Register; readonly inputs: readonly Register[] };

/** Significant bits of all registers: least fixed point, phis assumed small until shown otherwise. */
function computeBits(fn: MachineFunction): Uint8Array {
  const bits = new Uint8Array(fn.registerLimit);
  const users: Node[][] = [];
  const work: Node[] = [];
  const use = (register: Register, user: Node): void => {
    const list = users[register];
    if (list === undefined) users[register] = [user];
    else list.push(user);
  };
  for (const block of fn.blocks) {
    for (const phi of block.phis) {
      const node = { dst: phi.dst, inputs: phi.incoming.map((way) => way.register) };
      for (const register of node.inputs) use(register, node);
      work.push(node);
    }
    for (const insn of block.instructions) {
      for (const operand of insn.assembly?.operands ?? []) if (operand.isOutput) bits[operand.register] = 64;
      if (!isVirtual(insn.dst)) continue;
      forEachUse(insn, (register) => use(register, insn));
      work.push(insn);
    }
  }
  // Bits only ever grow, at most 64 times per register, so the list stays bounded.
  for (let at = 0; at < work.length; at++) {
    const node = work[at]!;
    const next = "inputs" in node ? joinBits(node.inputs, bits) : resultBits(node, bits, fn);
    if (next <= bits[node.dst]!) continue;
    bits[node.dst] = next;
    for (const user of users[node.dst] ?? []) work.push(user);
  }
  return bits;
}

function joinBits(inputs: readonly Register[], bits: Uint8Array): number {
  let most = 0;
  for (const register of inputs) most = Math.max(most, isVirtual(register) ? bits[register]! : 64);
  return most;
}

function resultBits(insn: MachineInstruction, bits: Uint8Array, fn: MachineFunction): number {
  const of = (register: Register): number => (isVirtual(register) ? bits[register]! : 64);
  switch (insn.opcode) {
    case "copy":
      return isVirtual(insn.a) ? of(insn.a) : (fn.significantBits[insn.dst] ?? 64);
    case "zero-extend":
      return Math.min(32, of(insn.a));
    case "alu":
      if (insn.symbol !== "") return 64;
      return aluSignificantBits(
        insn.operation as Parameters<typeof aluSignificantBits>[0],
        insn.width,
        of(insn.a),
        insn.b === noRegister ? { imm: insn.imm } : { bits: of(insn.b) },
      );
    default:
      return fn.significantBits[insn.dst] ?? 64;
  }
}
