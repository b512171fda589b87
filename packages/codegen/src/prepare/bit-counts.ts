/** Counting bits without an instruction for it (the SWAR methods of Warren, "Hacker's Delight", chapters 5 and 7). */
import type { Value } from "../ir/index.ts";
import { bitWidth, integerType } from "../ir/index.ts";
import type { InstructionList } from "./build.ts";

/** The value zero-extended to 32 or 64 bits, whichever holds it; 128-bit values stay. */
function widened(code: InstructionList, value: Value): Value {
  const bits = bitWidth(value.type);
  if (bits === 32 || bits >= 64) return value;
  return code.cast("zext", value, integerType(bits < 32 ? 32 : 64));
}

/** The count in the type of the value that was counted. */
function narrowed(code: InstructionList, count: Value, value: Value): Value {
  return bitWidth(count.type) === bitWidth(value.type) ? count : code.cast("trunc", count, value.type);
}

/** A byte or a wider pattern repeated over the width. */
function repeated(pattern: bigint, patternBits: number, bits: number): bigint {
  let value = 0n;
  for (let at = 0; at < bits; at += patternBits) value |= pattern << BigInt(at);
  return value;
}

/** Number of set bits. */
export function countOnes(code: InstructionList, value: Value): Value {
  return narrowed(code, ones(code, widened(code, value)), value);
}

function ones(code: InstructionList, value: Value): Value {
  const bits = bitWidth(value.type);
  if (bits > 64) return wideOnes(code, value);
  const step = (from: Value, by: number): Value => code.binaryConstant("lshr", from, by);
  const odd = code.binaryConstant("and", step(value, 1), repeated(0x55n, 8, bits));
  const pairs = code.binary("sub", value, odd);
  const low = code.binaryConstant("and", pairs, repeated(0x33n, 8, bits));
  const high = code.binaryConstant("and", step(pairs, 2), repeated(0x33n, 8, bits));
  const nibbles = code.binary("add", low, high);
  const bytes = code.binaryConstant(
    "and",
    code.binary("add", nibbles, step(nibbles, 4)),
    repeated(0x0fn, 8, bits),
  );
  const sums = code.binaryConstant("mul", bytes, repeated(0x01n, 8, bits));
  return step(sums, bits - 8);
}

function wideOnes(code: InstructionList, value: Value): Value {
  const half = integerType(64);
  const low = ones(code, code.cast("trunc", value, half));
  const high = ones(code, code.cast("trunc", code.binaryConstant("lshr", value, 64), half));
  return code.cast("zext", code.binary("add", low, high), value.type);
}

/** Zeros above the highest set bit; the width for 0. */
export function countLeadingZeros(code: InstructionList, value: Value): Value {
  const wide = widened(code, value);
  const bits = bitWidth(wide.type);
  let smeared = wide;
  for (let by = 1; by < bits; by *= 2) {
    smeared = code.binary("or", smeared, code.binaryConstant("lshr", smeared, by));
  }
  const count = ones(code, code.binaryConstant("xor", smeared, -1));
  const extra = bits - bitWidth(value.type);
  return narrowed(code, extra === 0 ? count : code.binaryConstant("sub", count, extra), value);
}

/** Zeros below the lowest set bit; the width for 0. */
export function countTrailingZeros(code: InstructionList, value: Value): Value {
  let wide = widened(code, value);
  const bits = bitWidth(value.type);
  if (wide !== value) wide = code.binaryConstant("or", wide, 1n << BigInt(bits));
  const below = code.binaryConstant("sub", wide, 1);
  const mask = code.binary("and", code.binaryConstant("xor", wide, -1), below);
  return narrowed(code, ones(code, mask), value);
}

/** The bits in opposite order. */
export function reverseBits(code: InstructionList, value: Value): Value {
  const bits = bitWidth(value.type);
  const wide = bits > 64 ? value : widened(code, value);
  const wideBits = bitWidth(wide.type);
  let current = wide;
  for (let by = 1; by < wideBits; by *= 2) {
    const pattern = (1n << BigInt(by)) - 1n;
    const mask = repeated(pattern, by * 2, wideBits);
    const up = code.binaryConstant("shl", code.binaryConstant("and", current, mask), by);
    const down = code.binaryConstant("and", code.binaryConstant("lshr", current, by), mask);
    current = code.binary("or", up, down);
  }
  if (wideBits === bits) return current;
  return narrowed(code, code.binaryConstant("lshr", current, wideBits - bits), value);
}
