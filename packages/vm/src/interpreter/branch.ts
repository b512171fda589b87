/** Conditions of jumps in the reference interpreter. */
import { Class, JumpOp, Source } from "@bpfkit/elf/isa";
import type { ProgramImage } from "../program/image.ts";

/** Is the jump at `slot` taken? A `may_goto` is only asked about when it is. */
export function isTaken(image: ProgramImage, slot: number, regs: BigUint64Array): boolean {
  const opcode = image.opcode[slot] as number;
  const operation = opcode & 0xf0;
  if (operation === JumpOp.Ja || operation === JumpOp.Jcond) return true;
  const bits = (opcode & 7) === Class.Jmp32 ? 32 : 64;
  const left = BigInt.asUintN(bits, regs[image.dst[slot] as number] as bigint);
  const right = BigInt.asUintN(
    bits,
    (opcode & Source.X) !== 0
      ? (regs[image.src[slot] as number] as bigint)
      : BigInt(image.imm[slot] as number),
  );
  const signed =
    operation === JumpOp.Jsgt ||
    operation === JumpOp.Jsge ||
    operation === JumpOp.Jslt ||
    operation === JumpOp.Jsle;
  return signed
    ? compareSigned(operation, BigInt.asIntN(bits, left), BigInt.asIntN(bits, right))
    : compare(operation, left, right);
}

function compare(operation: number, left: bigint, right: bigint): boolean {
  switch (operation) {
    case JumpOp.Jeq:
      return left === right;
    case JumpOp.Jne:
      return left !== right;
    case JumpOp.Jgt:
      return left > right;
    case JumpOp.Jge:
      return left >= right;
    case JumpOp.Jlt:
      return left < right;
    case JumpOp.Jle:
      return left <= right;
    default:
      return (left & right) !== 0n;
  }
}

function compareSigned(operation: number, left: bigint, right: bigint): boolean {
  switch (operation) {
    case JumpOp.Jsgt:
      return left > right;
    case JumpOp.Jsge:
      return left >= right;
    case JumpOp.Jslt:
      return left < right;
    default:
      return left <= right;
  }
}
