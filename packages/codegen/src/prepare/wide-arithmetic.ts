/** Products and shifts of two-word integers. */
import type { Value } from "../ir/index.ts";
import { bitWidth, i64, intOf } from "../ir/index.ts";
import type { InstructionList } from "./build.ts";

type Words = readonly Value[];

function toWord(code: InstructionList, value: Value, extend: "zext" | "sext" = "zext"): Value {
  return bitWidth(value.type) === 64 ? value : code.cast(extend, value, i64);
}

function toHigh(code: InstructionList, value: Value, like: Value): Value {
  return bitWidth(like.type) === 64 ? value : code.cast("trunc", value, like.type);
}

/** The product, from four products of half words (Knuth, The Art of Computer Programming 4.3.1, algorithm M). */
export function multiplyWide(code: InstructionList, left: Words, right: Words): Value[] {
  const [aLow, aHigh] = left as [Value, Value];
  const [bLow, bHigh] = right as [Value, Value];
  const low32 = (value: Value): Value => code.binaryConstant("and", value, 0xffff_ffff);
  const high32 = (value: Value): Value => code.binaryConstant("lshr", value, 32);
  const mul = (x: Value, y: Value): Value => code.binary("mul", x, y);
  const add = (x: Value, y: Value): Value => code.binary("add", x, y);
  const a0 = low32(aLow);
  const a1 = high32(aLow);
  const b0 = low32(bLow);
  const b1 = high32(bLow);
  const p0 = mul(a0, b0);
  const middle = add(mul(a1, b0), high32(p0));
  const cross = add(mul(a0, b1), low32(middle));
  const carry = add(add(mul(a1, b1), high32(middle)), high32(cross));
  const low = mul(aLow, bLow);
  const outer = add(mul(aLow, toWord(code, bHigh)), mul(toWord(code, aHigh), bLow));
  return [low, toHigh(code, add(carry, outer), aHigh)];
}

/** A shift by a constant or a variable amount; the amount's low word counts. */
export function shiftWide(
  code: InstructionList,
  opcode: "shl" | "lshr" | "ashr",
  words: Words,
  amount: Words,
): Value[] {
  const [low, high] = words as [Value, Value];
  const extend = opcode === "ashr" ? "sext" : "zext";
  const wide = toWord(code, high, extend);
  const by = amount[0] as Value;
  const shifted =
    by.kind === "int"
      ? shiftByConstant(code, opcode, low, wide, Number(by.value))
      : shiftByVariable(code, opcode, low, wide, by);
  return [shifted[0], toHigh(code, shifted[1], high)];
}

function shiftByConstant(
  code: InstructionList,
  opcode: "shl" | "lshr" | "ashr",
  low: Value,
  high: Value,
  by: number,
): [Value, Value] {
  const zero = intOf(64, 0);
  const shift = (op: "shl" | "lshr" | "ashr", value: Value, amount: number): Value =>
    amount === 0 ? value : code.binaryConstant(op, value, amount);
  if (by === 0) return [low, high];
  if (opcode === "shl") {
    if (by >= 64) return [zero, by >= 128 ? zero : shift("shl", low, by - 64)];
    return [shift("shl", low, by), code.binary("or", shift("shl", high, by), shift("lshr", low, 64 - by))];
  }
  const fill = opcode === "ashr" ? code.binaryConstant("ashr", high, 63) : zero;
  if (by >= 64) return [by >= 128 ? fill : shift(opcode, high, by - 64), fill];
  const joined = code.binary("or", shift("lshr", low, by), shift("shl", high, 64 - by));
  return [joined, shift(opcode, high, by)];
}

/** Both halves of the range of amounts are computed, and one chosen; no single shift exceeds 63. */
function shiftByVariable(
  code: InstructionList,
  opcode: "shl" | "lshr" | "ashr",
  low: Value,
  high: Value,
  by: Value,
): [Value, Value] {
  const zero = intOf(64, 0);
  const amount = code.binaryConstant("and", by, 63);
  const rest = code.binaryConstant("xor", amount, 63);
  const isSmall = code.compare("ult", by, intOf(64, 64));
  if (opcode === "shl") {
    const carried = code.binary("lshr", code.binaryConstant("lshr", low, 1), rest);
    const up = code.binary("shl", low, amount);
    const both = code.binary("or", code.binary("shl", high, amount), carried);
    return [code.select(isSmall, up, zero), code.select(isSmall, both, up)];
  }
  const carried = code.binary("shl", code.binaryConstant("shl", high, 1), rest);
  const down = code.binary(opcode, high, amount);
  const both = code.binary("or", code.binary("lshr", low, amount), carried);
  const fill = opcode === "ashr" ? code.binaryConstant("ashr", high, 63) : zero;
  return [code.select(isSmall, both, down), code.select(isSmall, down, fill)];
}
