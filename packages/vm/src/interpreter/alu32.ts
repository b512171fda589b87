/** 32-bit arithmetic of the reference interpreter: results are zero-extended to 64 bits. */
import { AluOp, Source } from "@bpfkit/elf/isa";
import type { ProgramImage } from "../program/image.ts";
import { swapBytes } from "./alu64.ts";

/** Executes the Alu (32-bit) instruction at `slot`. */
export function alu32(image: ProgramImage, slot: number, regs: BigUint64Array): void {
  const opcode = image.opcode[slot] as number;
  const dst = image.dst[slot] as number;
  if ((opcode & 0xf0) === AluOp.End) {
    // The source bit asks for big-endian; the guest is little-endian, so the other form only truncates.
    const bits = image.imm[slot] as number;
    const value = regs[dst] as bigint;
    regs[dst] = (opcode & Source.X) !== 0 ? swapBytes(value, bits) : BigInt.asUintN(bits, value);
    return;
  }
  const left = Number((regs[dst] as bigint) & 0xffff_ffffn) | 0;
  const right =
    (opcode & Source.X) !== 0
      ? Number((regs[image.src[slot] as number] as bigint) & 0xffff_ffffn) | 0
      : (image.imm[slot] as number);
  regs[dst] = BigInt(operate(opcode & 0xf0, image.off[slot] as number, left, right) >>> 0);
}

/** `left` and `right` are signed 32-bit numbers; so is the result, modulo 2^32. */
function operate(operation: number, off: number, left: number, right: number): number {
  switch (operation) {
    case AluOp.Add:
      return left + right;
    case AluOp.Sub:
      return left - right;
    case AluOp.Mul:
      return Math.imul(left, right);
    case AluOp.Div:
      if (right === 0) return 0;
      return off === 0 ? Math.floor((left >>> 0) / (right >>> 0)) : Math.trunc(left / right);
    case AluOp.Or:
      return left | right;
    case AluOp.And:
      return left & right;
    case AluOp.Lsh:
      return left << right;
    case AluOp.Rsh:
      return left >>> right;
    case AluOp.Neg:
      return -left;
    case AluOp.Mod:
      if (right === 0) return left;
      return off === 0 ? (left >>> 0) % (right >>> 0) : left % right;
    case AluOp.Xor:
      return left ^ right;
    case AluOp.Mov:
      return off === 0 ? right : (right << (32 - off)) >> (32 - off);
    default:
      return left >> right;
  }
}
