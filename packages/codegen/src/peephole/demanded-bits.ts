/** Which low bits of each value anybody reads; masks and extensions of the bits above them go. */
import type { MachineFunction } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import { forEachUse } from "../machine/operands.ts";
import type { Register } from "../machine/register.ts";
import { isVirtual, noRegister } from "../machine/register.ts";
import { bitLength } from "../select/bits.ts";
import { definitionsOf, replaceRegisters } from "./known-bits.ts";

/** Removes masks and extensions from SSA code that only change bits nobody reads. */
export function removeUndemandedBits(fn: MachineFunction): void {
  const demanded = demandedBits(fn);
  const definitions = definitionsOf(fn);
  const aliases = new Map<Register, Register>();
  for (const block of fn.blocks) {
    block.instructions = block.instructions.filter((insn) => {
      const same = sourceInDemandedBits(insn, demanded, definitions);
      if (same === noRegister) return true;
      aliases.set(insn.dst, same);
      return false;
    });
  }
  if (aliases.size > 0) replaceRegisters(fn, aliases);
}

/** The register whose demanded bits the instruction leaves as they are, or `noRegister`. */
function sourceInDemandedBits(
  insn: MachineInstruction,
  demanded: Uint8Array,
  definitions: readonly (MachineInstruction | undefined)[],
): Register {
  if (!isVirtual(insn.dst) || !isVirtual(insn.a)) return noRegister;
  const bits = demanded[insn.dst]!;
  if (insn.opcode === "zero-extend") return bits <= 32 ? insn.a : noRegister;
  if (insn.opcode === "sign-extend") return bits <= insn.size * 8 ? insn.a : noRegister;
  if (insn.opcode !== "alu" || insn.b !== noRegister || insn.symbol !== "") return noRegister;
  if (insn.operation === "and") return trailingOnes(insn) >= bits ? insn.a : noRegister;
  if (insn.operation !== "lshr" && insn.operation !== "ashr") return noRegister;
  const raised = definitions[insn.a];
  if (raised?.opcode !== "alu" || raised.operation !== "shl" || raised.width !== insn.width)
    return noRegister;
  if (raised.b !== noRegister || raised.imm !== insn.imm || !isVirtual(raised.a)) return noRegister;
  return bits <= insn.width - insn.imm ? raised.a : noRegister;
}

/** Low bits that a mask keeps; those above the width of the operation are cleared. */
function trailingOnes(insn: MachineInstruction): number {
  const cleared = ~insn.imm;
  const ones = cleared === 0 ? insn.width : 31 - Math.clz32(cleared & -cleared);
  return Math.min(ones, insn.width);
}

/** Number of low bits of each register that are read, through phis. */
function demandedBits(fn: MachineFunction): Uint8Array {
  const demanded = new Uint8Array(fn.registerLimit);
  const work: Register[] = [];
  const demand = (register: Register, bits: number): void => {
    if (!isVirtual(register) || demanded[register]! >= bits) return;
    demanded[register] = bits;
    work.push(register);
  };
  const inputs = new Map<Register, readonly Register[]>();
  const definitions = definitionsOf(fn);
  for (const block of fn.blocks) {
    for (const phi of block.phis) {
      inputs.set(
        phi.dst,
        phi.incoming.map((way) => way.register),
      );
    }
    for (const insn of block.instructions) if (!passesBits(insn)) demandAll(insn, demand);
  }
  while (work.length > 0) {
    const register = work.pop()!;
    const bits = demanded[register]!;
    const phi = inputs.get(register);
    if (phi !== undefined) for (const input of phi) demand(input, bits);
    const insn = definitions[register];
    if (insn !== undefined && passesBits(insn)) demandOperands(insn, bits, demand);
  }
  return demanded;
}

/** True for instructions that read of their operands only what somebody reads of their result. */
function passesBits(insn: MachineInstruction): boolean {
  if (!isVirtual(insn.dst)) return false;
  switch (insn.opcode) {
    case "copy":
    case "zero-extend":
    case "sign-extend":
    case "negate":
      return true;
    case "alu":
      return insn.symbol === "" && !["udiv", "sdiv", "umod", "smod"].includes(insn.operation);
    default:
      return false;
  }
}

type Demand = (register: Register, bits: number) => void;

/** What instructions with effects, and those that mix all bits, read. */
function demandAll(insn: MachineInstruction, demand: Demand): void {
  switch (insn.opcode) {
    case "store":
      if (insn.a !== noRegister) demand(insn.a, 64);
      if (insn.b !== noRegister) demand(insn.b, insn.size * 8);
      return;
    case "branch":
    case "alu":
      demand(insn.a, insn.width);
      if (insn.b !== noRegister) demand(insn.b, insn.width);
      return;
    case "swap":
      demand(insn.a, insn.size * 8);
      return;
    case "copy":
      // Into an argument or result register: a narrow one is read narrowly.
      demand(insn.a, insn.width);
      return;
    default:
      forEachUse(insn, (register) => demand(register, 64));
  }
}

function demandOperands(insn: MachineInstruction, bits: number, demand: Demand): void {
  const wanted = Math.min(bits, insn.width);
  switch (insn.opcode) {
    case "copy":
      demand(insn.a, bits);
      return;
    case "zero-extend":
      demand(insn.a, Math.min(bits, 32));
      return;
    case "sign-extend":
      demand(insn.a, insn.size * 8);
      return;
    case "negate":
      demand(insn.a, wanted);
      return;
    default:
  }
  const hasRegister = insn.b !== noRegister;
  switch (insn.operation) {
    case "and": {
      const mask = insn.width === 32 ? insn.imm >>> 0 : insn.imm;
      demand(insn.a, hasRegister || mask < 0 ? wanted : Math.min(wanted, bitLength(mask)));
      break;
    }
    case "shl":
      demand(insn.a, hasRegister ? wanted : Math.max(0, wanted - insn.imm));
      if (hasRegister) demand(insn.b, insn.width);
      return;
    case "lshr":
      demand(insn.a, hasRegister ? insn.width : Math.min(insn.width, wanted + insn.imm));
      if (hasRegister) demand(insn.b, insn.width);
      return;
    case "ashr":
      // The copies of the sign come from the top bit.
      demand(insn.a, hasRegister || wanted + insn.imm > insn.width ? insn.width : wanted + insn.imm);
      if (hasRegister) demand(insn.b, insn.width);
      return;
    default:
      demand(insn.a, wanted);
  }
  if (hasRegister) demand(insn.b, wanted);
}
