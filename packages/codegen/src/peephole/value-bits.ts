/** What is known of the bits of each value of SSA code: zeros above, and copies of the sign. */
import type { MachineFunction } from "../machine/machine-function.ts";
import type { AluOperation, MachineInstruction } from "../machine/machine-instruction.ts";
import { forEachUse } from "../machine/operands.ts";
import type { Register } from "../machine/register.ts";
import { isVirtual, noRegister } from "../machine/register.ts";
import { aluSignificantBits, bitLength } from "../select/bits.ts";

/** Facts by register. Smaller numbers say more. */
export interface ValueBits {
  /** All bits from this one up are zero. */
  readonly zero: Uint8Array;
  /** The 64 bits are the sign-extension of this many low ones. */
  readonly signed: Uint8Array;
  /** The low 32 bits are the sign-extension of this many low ones. */
  readonly signedLow: Uint8Array;
}

/** An instruction, or a phi by what goes in. */
type Node = MachineInstruction | { readonly dst: Register; readonly inputs: readonly Register[] };

/** The facts of one value. */
interface Facts {
  readonly zero: number;
  readonly signed: number;
  readonly signedLow: number;
}

const nothing: Facts = { zero: 64, signed: 64, signedLow: 32 };

/** Computes the facts: the least fixed point, phis being assumed small until shown otherwise. */
export function valueBits(fn: MachineFunction): ValueBits {
  const bits: ValueBits = {
    zero: new Uint8Array(fn.registerLimit),
    signed: new Uint8Array(fn.registerLimit),
    signedLow: new Uint8Array(fn.registerLimit),
  };
  const users: Node[][] = [];
  const work: Node[] = [];
  collect(fn, users, work, bits);
  // Facts only ever weaken, a bounded number of times per register, so the list stays bounded.
  for (let at = 0; at < work.length; at++) {
    const node = work[at]!;
    const facts = "inputs" in node ? join(node.inputs, bits) : factsOf(node, bits, fn);
    if (weaken(bits, node.dst, facts)) for (const user of users[node.dst] ?? []) work.push(user);
  }
  return bits;
}

function collect(fn: MachineFunction, users: Node[][], work: Node[], bits: ValueBits): void {
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
      for (const operand of insn.assembly?.operands ?? []) {
        if (operand.isOutput) weaken(bits, operand.register, nothing);
      }
      if (!isVirtual(insn.dst)) continue;
      forEachUse(insn, (register) => use(register, insn));
      work.push(insn);
    }
  }
}

/** Lowers what is known of a register to the facts; returns whether that changed anything. */
function weaken(bits: ValueBits, register: Register, facts: Facts): boolean {
  const zero = Math.max(bits.zero[register]!, facts.zero);
  // Zeros above are copies of a zero sign.
  const signed = Math.max(bits.signed[register]!, Math.min(facts.signed, facts.zero + 1, 64));
  const signedLow = Math.max(
    bits.signedLow[register]!,
    Math.min(facts.signedLow, facts.zero + 1, facts.signed, 32),
  );
  const changed =
    zero > bits.zero[register]! || signed > bits.signed[register]! || signedLow > bits.signedLow[register]!;
  bits.zero[register] = zero;
  bits.signed[register] = signed;
  bits.signedLow[register] = signedLow;
  return changed;
}

function read(bits: ValueBits, register: Register): Facts {
  if (!isVirtual(register)) return nothing;
  return {
    zero: bits.zero[register]!,
    signed: bits.signed[register]!,
    signedLow: bits.signedLow[register]!,
  };
}

function join(inputs: readonly Register[], bits: ValueBits): Facts {
  let [zero, signed, signedLow] = [0, 0, 0];
  for (const register of inputs) {
    const facts = read(bits, register);
    zero = Math.max(zero, facts.zero);
    signed = Math.max(signed, facts.signed);
    signedLow = Math.max(signedLow, facts.signedLow);
  }
  return { zero, signed, signedLow };
}

function factsOf(insn: MachineInstruction, bits: ValueBits, fn: MachineFunction): Facts {
  const known = fn.significantBits[insn.dst] ?? 64;
  const a = read(bits, insn.a);
  switch (insn.opcode) {
    case "copy":
      return isVirtual(insn.a) ? a : { ...nothing, zero: known };
    case "zero-extend":
      return { ...nothing, zero: Math.min(32, a.zero), signedLow: a.signedLow };
    case "sign-extend": {
      const from = insn.size * 8;
      if (insn.width === 32) return { ...nothing, zero: 32, signedLow: Math.min(from, a.signedLow) };
      return { ...nothing, signed: Math.min(from, a.signed) };
    }
    case "load":
      return { ...nothing, zero: known, signed: insn.signed ? insn.size * 8 : 64 };
    case "move":
      return moveFacts(insn);
    case "alu":
      return insn.symbol === "" ? aluFacts(insn, a, bits) : nothing;
    default:
      return { ...nothing, zero: known };
  }
}

function moveFacts(insn: MachineInstruction): Facts {
  const zero = insn.width === 32 ? bitLength(insn.imm >>> 0) : insn.imm < 0 ? 64 : bitLength(insn.imm);
  const sign = bitLength(insn.imm < 0 ? ~insn.imm : insn.imm) + 1;
  return { zero, signed: insn.width === 64 ? sign : 64, signedLow: sign };
}

function aluFacts(insn: MachineInstruction, a: Facts, bits: ValueBits): Facts {
  const operation = insn.operation as AluOperation;
  const hasRegister = insn.b !== noRegister;
  const b = hasRegister ? read(bits, insn.b) : immediateFacts(insn);
  const right = hasRegister ? { bits: b.zero } : { imm: insn.imm };
  const zero = aluSignificantBits(operation, insn.width, a.zero, right);
  const signed = insn.width === 64 ? signAfter(operation, a.signed, b.signed, insn, 64) : 64;
  const signedLow = signAfter(operation, a.signedLow, b.signedLow, insn, 32);
  // A right shift of 64 bits brings upper bits down: only what is known of all 64 says something of the lower half.
  const brings = insn.width === 64 && ["lshr", "ashr", "udiv", "umod", "sdiv", "smod"].includes(operation);
  return { zero, signed, signedLow: brings ? Math.min(32, signed) : signedLow };
}

function immediateFacts(insn: MachineInstruction): Facts {
  const sign = bitLength(insn.imm < 0 ? ~insn.imm : insn.imm) + 1;
  return { zero: 64, signed: sign, signedLow: sign };
}

/** Bits of which the result is the sign-extension, from those of the operands. */
function signAfter(
  operation: AluOperation,
  a: number,
  b: number,
  insn: MachineInstruction,
  width: 32 | 64,
): number {
  switch (operation) {
    case "and":
    case "or":
    case "xor":
      return Math.max(a, b);
    case "add":
    case "sub":
      return Math.min(width, Math.max(a, b) + 1);
    case "mul":
      return Math.min(width, a + b);
    case "ashr":
      return insn.b === noRegister ? Math.max(1, a - insn.imm) : a;
    case "shl":
      return insn.b === noRegister ? Math.min(width, a + insn.imm) : width;
    default:
      return width;
  }
}
