/** Arithmetic on bit widths: which high bits of a result are surely zero. */
import type { AluOperation } from "../machine/machine-instruction.ts";

/** The right operand of an operation: an immediate, or a register by its significant bits. */
export type RightBits = { readonly imm: number } | { readonly bits: number };

/** True where the number is a signed 32-bit immediate. */
export function fitsSigned32(value: bigint | number): boolean {
  return value >= -0x8000_0000 && value <= 0x7fff_ffff;
}

/** True where the number is a signed 16-bit offset. */
export function fitsSigned16(value: number): boolean {
  return value >= -0x8000 && value <= 0x7fff;
}

/** Number of low bits that hold a non-negative number up to 2 ** 53. */
export function bitLength(value: number): number {
  if (value <= 0) return 0;
  return value > 0xffff_ffff ? 32 + bitLength(Math.floor(value / 2 ** 32)) : 32 - Math.clz32(value);
}

/**
 * Bits of the result of an operation above which all are zero.
 * @param width 32-bit operations zero the upper half of the register
 * @param left significant bits of the left operand's register
 */
export function aluSignificantBits(
  operation: AluOperation,
  width: 32 | 64,
  left: number,
  right: RightBits,
): number {
  const a = Math.min(left, width);
  if ("imm" in right) return immediateBits(operation, width, a, right.imm);
  const b = Math.min(right.bits, width);
  switch (operation) {
    case "and":
      return Math.min(a, b);
    case "or":
    case "xor":
      return Math.max(a, b);
    case "add":
      return Math.min(width, Math.max(a, b) + 1);
    case "mul":
      return Math.min(width, a + b);
    case "udiv":
    case "umod":
    case "lshr":
      return a;
    default:
      return width;
  }
}

function immediateBits(operation: AluOperation, width: 32 | 64, a: number, imm: number): number {
  const value = width === 32 ? imm >>> 0 : imm;
  // A negative 64-bit immediate has all upper bits set.
  const b = value < 0 ? width : bitLength(value);
  switch (operation) {
    case "and":
      return Math.min(a, b);
    case "or":
    case "xor":
      return Math.max(a, b);
    case "add":
      return Math.min(width, Math.max(a, b) + 1);
    case "mul":
      return Math.min(width, a + b);
    case "shl":
      return Math.min(width, a + imm);
    case "lshr":
      return Math.max(0, a - imm);
    case "udiv":
      return a;
    case "umod":
      return value > 0 ? Math.min(a, bitLength(value - 1)) : a;
    case "ashr":
      return a < width ? Math.max(0, a - imm) : width;
    default:
      return width;
  }
}
