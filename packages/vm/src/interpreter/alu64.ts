/** 64-bit arithmetic of the reference interpreter. */
import { AluOp, Source } from "@bpfkit/elf/isa";
import type { ProgramImage } from "../program/image.ts";

/** Executes the Alu64 instruction at `slot`. Stores to the register file wrap to 64 bits by themselves. */
export function alu64(image: ProgramImage, slot: number, regs: BigUint64Array): void {
  const opcode = image.opcode[slot] as number;
  const dst = image.dst[slot] as number;
  const off = image.off[slot] as number;
  const left = regs[dst] as bigint;
  const right =
    (opcode & Source.X) !== 0
      ? (regs[image.src[slot] as number] as bigint)
      : BigInt.asUintN(64, BigInt(image.imm[slot] as number));
  switch (opcode & 0xf0) {
    case AluOp.Add:
      regs[dst] = left + right;
      return;
    case AluOp.Sub:
      regs[dst] = left - right;
      return;
    case AluOp.Mul:
      regs[dst] = left * right;
      return;
    case AluOp.Div:
      regs[dst] = off === 0 ? divide(left, right) : divideSigned(left, right);
      return;
    case AluOp.Or:
      regs[dst] = left | right;
      return;
    case AluOp.And:
      regs[dst] = left & right;
      return;
    case AluOp.Lsh:
      regs[dst] = left << (right & 63n);
      return;
    case AluOp.Rsh:
      regs[dst] = left >> (right & 63n);
      return;
    case AluOp.Neg:
      regs[dst] = -left;
      return;
    case AluOp.Mod:
      regs[dst] = off === 0 ? remainder(left, right) : remainderSigned(left, right);
      return;
    case AluOp.Xor:
      regs[dst] = left ^ right;
      return;
    case AluOp.Mov:
      // off: how many low bits of the source are moved and sign-extended; 0 moves all.
      regs[dst] = off === 0 ? right : BigInt.asIntN(off, right);
      return;
    case AluOp.Arsh:
      regs[dst] = BigInt.asIntN(64, left) >> (right & 63n);
      return;
    default:
      // End in this class is the unconditional byte swap of ISA v4.
      regs[dst] = swapBytes(left, image.imm[slot] as number);
  }
}

/** x / 0 is 0. */
function divide(left: bigint, right: bigint): bigint {
  return right === 0n ? 0n : left / right;
}

/** The smallest number by -1 is itself, by wrapping. */
function divideSigned(left: bigint, right: bigint): bigint {
  return right === 0n ? 0n : BigInt.asIntN(64, left) / BigInt.asIntN(64, right);
}

/** x % 0 is x. */
function remainder(left: bigint, right: bigint): bigint {
  return right === 0n ? left : left % right;
}

/** The result has the sign of the dividend. */
function remainderSigned(left: bigint, right: bigint): bigint {
  return right === 0n ? left : BigInt.asIntN(64, left) % BigInt.asIntN(64, right);
}

/** Reverses the low `bits` (16, 32 or 64) of a value and clears the rest. */
export function swapBytes(value: bigint, bits: number): bigint {
  let result = 0n;
  for (let shift = 0n; shift < BigInt(bits); shift += 8n)
    result = (result << 8n) | ((value >> shift) & 0xffn);
  return result;
}
