/**
 * Intrinsics that instruction selection does not know, as ordinary instructions. What is left for selection: memcpy
 * and its kin, min and max, abs, bswap, the CO-RE barrier, traps.
 */
import type { CallInstruction, IntegerPredicate, IrFunction, Type, Value } from "../ir/index.ts";
import { bitWidth, falseValue, i1, integerType, intOf, literalStruct, trueValue } from "../ir/index.ts";
import { countLeadingZeros, countOnes, countTrailingZeros, reverseBits } from "./bit-counts.ts";
import type { InstructionList } from "./build.ts";
import type { Expansion } from "./expand.ts";
import { expandInstructions, removed } from "./expand.ts";
import { loadAtOffset, storeAtOffset } from "./static-offsets.ts";

/** Expands one intrinsic; the name part behind `llvm.` and before the types chose it. */
type Handler = (call: CallInstruction, code: InstructionList) => Value | typeof removed | undefined;

const remove: Handler = () => removed;
const firstArgument: Handler = (call) => argument(call, 0);

const handlers: Readonly<Record<string, Handler>> = {
  "dbg.value": remove,
  "dbg.declare": remove,
  "dbg.assign": remove,
  "dbg.label": remove,
  "invariant.start": (call) => ({ kind: "null", type: call.type }),
  "invariant.end": remove,
  assume: remove,
  donothing: remove,
  sideeffect: remove,
  pseudoprobe: remove,
  prefetch: remove,
  "var.annotation": remove,
  "experimental.noalias.scope.decl": remove,
  stackrestore: remove,
  stacksave: (call) => ({ kind: "null", type: call.type }),
  expect: firstArgument,
  "expect.with.probability": firstArgument,
  annotation: firstArgument,
  "ptr.annotation": firstArgument,
  "ssa.copy": firstArgument,
  "launder.invariant.group": firstArgument,
  "strip.invariant.group": firstArgument,
  "threadlocal.address": firstArgument,
  "preserve.static.offset": firstArgument,
  "is.constant": () => falseValue,
  "allow.runtime.check": () => trueValue,
  "allow.ubsan.check": () => trueValue,
  objectsize: (call) => intOf(bitWidth(call.type), isTrue(argument(call, 1)) ? 0 : -1),
  fshl: (call, code) => funnelShift(call, code, "left"),
  fshr: (call, code) => funnelShift(call, code, "right"),
  "uadd.with.overflow": (call, code) => {
    const [a, b] = operands(call);
    const sum = code.binary("add", a, b);
    return pair(code, sum, code.compare("ult", sum, a));
  },
  "usub.with.overflow": (call, code) => {
    const [a, b] = operands(call);
    return pair(code, code.binary("sub", a, b), code.compare("ult", a, b));
  },
  "sadd.with.overflow": (call, code) => {
    const { sum, overflow } = signedSum(call, code, "add");
    return pair(code, sum, overflow);
  },
  "ssub.with.overflow": (call, code) => {
    const { sum, overflow } = signedSum(call, code, "sub");
    return pair(code, sum, overflow);
  },
  "umul.with.overflow": (call, code) => multiply(call, code, "zext"),
  "smul.with.overflow": (call, code) => multiply(call, code, "sext"),
  "uadd.sat": (call, code) => {
    const [a, b] = operands(call);
    const sum = code.binary("add", a, b);
    return code.select(code.compare("ult", sum, a), intOf(bitWidth(a.type), -1), sum);
  },
  "usub.sat": (call, code) => {
    const [a, b] = operands(call);
    const difference = code.binary("sub", a, b);
    return code.select(code.compare("ult", a, b), intOf(bitWidth(a.type), 0), difference);
  },
  "sadd.sat": (call, code) => saturate(call, code, "add"),
  "ssub.sat": (call, code) => saturate(call, code, "sub"),
  ctpop: (call, code) => countOnes(code, argument(call, 0)),
  ctlz: (call, code) => countLeadingZeros(code, argument(call, 0)),
  cttz: (call, code) => countTrailingZeros(code, argument(call, 0)),
  bitreverse: (call, code) => reverseBits(code, argument(call, 0)),
  ucmp: (call, code) => threeWay(call, code, "ult"),
  scmp: (call, code) => threeWay(call, code, "slt"),
  umin: (call, code) => wideChoice(call, code, "ult"),
  umax: (call, code) => wideChoice(call, code, "ugt"),
  smin: (call, code) => wideChoice(call, code, "slt"),
  smax: (call, code) => wideChoice(call, code, "sgt"),
  abs: (call, code) => {
    const value = argument(call, 0);
    if (bitWidth(value.type) <= 64) return undefined;
    const zero = intOf(bitWidth(value.type), 0);
    return code.select(code.compare("slt", value, zero), code.binary("sub", zero, value), value);
  },
  "bpf.getelementptr.and.load": loadAtOffset,
  "bpf.getelementptr.and.store": (call, code) => (storeAtOffset(call, code) ? removed : undefined),
  ptrmask: (call, code) => {
    const address = code.cast("ptrtoint", argument(call, 0), integerType(64));
    return code.cast("inttoptr", code.binary("and", address, argument(call, 1)), call.type);
  },
};

/** Expands the intrinsics of a function. */
export function expandIntrinsics(fn: IrFunction): void {
  const expand: Expansion = (instruction, code) => {
    if (instruction.opcode !== "call" || instruction.callee.kind !== "function") return undefined;
    const name = intrinsicName(instruction.callee.name);
    const handler = name === undefined ? undefined : handlers[name];
    if (handler === undefined || instruction.type.kind === "vector") return undefined;
    return handler(instruction, code);
  };
  expandInstructions(fn, expand);
}

/** `llvm.umul.with.overflow.i64` is "umul.with.overflow"; undefined for other functions. */
export function intrinsicName(name: string): string | undefined {
  if (!name.startsWith("llvm.")) return undefined;
  const parts = name.slice(5).split(".");
  while (
    parts.length > 1 &&
    /^([ip][0-9]+|isVoid|sl?_.*|a[0-9]+.*)$/.test(parts[parts.length - 1] as string)
  ) {
    parts.pop();
  }
  return parts.join(".");
}

function argument(call: CallInstruction, index: number): Value {
  return call.args[index] as Value;
}

function operands(call: CallInstruction): [Value, Value] {
  return [argument(call, 0), argument(call, 1)];
}

function isTrue(value: Value): boolean {
  return value.kind === "int" && value.value !== 0n;
}

/** `{ value, i1 }`, which the aggregate pass takes apart again. */
function pair(code: InstructionList, value: Value, overflow: Value): Value {
  const type = literalStruct([value.type, i1]);
  return code.insert(code.insert({ kind: "undef", type }, value, [0]), overflow, [1]);
}

function signedSum(
  call: CallInstruction,
  code: InstructionList,
  opcode: "add" | "sub",
): { sum: Value; overflow: Value } {
  const [a, b] = operands(call);
  const sum = code.binary(opcode, a, b);
  // The sign is wrong where both operands (for a difference: the first and the inverted second) disagree with it.
  const left = code.binary("xor", a, opcode === "add" ? sum : b);
  const right = code.binary("xor", opcode === "add" ? b : a, sum);
  const signs = code.binary("and", left, right);
  return { sum, overflow: code.compare("slt", signs, intOf(bitWidth(a.type), 0)) };
}

function saturate(call: CallInstruction, code: InstructionList, opcode: "add" | "sub"): Value {
  const bits = bitWidth(call.type);
  const { sum, overflow } = signedSum(call, code, opcode);
  const sign = code.binaryConstant("ashr", argument(call, 0), bits - 1);
  const limit = code.binaryConstant("xor", sign, (1n << BigInt(bits - 1)) - 1n);
  return code.select(overflow, limit, sum);
}

/** Multiplies in twice the width; 64-bit operands need the wide-integer pass after this. */
function multiply(call: CallInstruction, code: InstructionList, extend: "zext" | "sext"): Value {
  const [a, b] = operands(call);
  const bits = bitWidth(a.type);
  const wide: Type = integerType(bits <= 16 ? 32 : bits <= 32 ? 64 : 128);
  const product = code.binary("mul", code.cast(extend, a, wide), code.cast(extend, b, wide));
  const low = code.cast("trunc", product, a.type);
  return pair(code, low, code.compare("ne", code.cast(extend, low, wide), product));
}

function funnelShift(call: CallInstruction, code: InstructionList, way: "left" | "right"): Value {
  const [high, low] = operands(call);
  const amount = argument(call, 2);
  const bits = bitWidth(call.type);
  if (amount.kind === "int") {
    const shift = Number(amount.value % BigInt(bits));
    if (shift === 0) return way === "left" ? high : low;
    const up = way === "left" ? shift : bits - shift;
    const top = code.binaryConstant("shl", high, up);
    return code.binary("or", top, code.binaryConstant("lshr", low, bits - up));
  }
  const isPower = (bits & (bits - 1)) === 0;
  const shift = isPower
    ? code.binaryConstant("and", amount, bits - 1)
    : code.binaryConstant("urem", amount, bits);
  if (isPower && high === low) {
    const negated = code.binary("sub", intOf(bits, 0), shift);
    const back = code.binaryConstant("and", negated, bits - 1);
    const first = code.binary(way === "left" ? "shl" : "lshr", high, shift);
    return code.binary("or", first, code.binary(way === "left" ? "lshr" : "shl", high, back));
  }
  // One step of the other shift is done before, so that a shift by the whole width never happens.
  const rest = code.binary("sub", intOf(bits, bits - 1), shift);
  if (way === "left") {
    const bottom = code.binary("lshr", code.binaryConstant("lshr", low, 1), rest);
    return code.binary("or", code.binary("shl", high, shift), bottom);
  }
  const top = code.binary("shl", code.binaryConstant("shl", high, 1), rest);
  return code.binary("or", top, code.binary("lshr", low, shift));
}

/** Selection has its own code for the smaller or larger one of two registers. */
function wideChoice(
  call: CallInstruction,
  code: InstructionList,
  predicate: IntegerPredicate,
): Value | undefined {
  const [a, b] = operands(call);
  if (bitWidth(a.type) <= 64) return undefined;
  return code.select(code.compare(predicate, a, b), a, b);
}

function threeWay(call: CallInstruction, code: InstructionList, less: "ult" | "slt"): Value {
  const [a, b] = operands(call);
  const below = code.cast("zext", code.compare(less, a, b), call.type);
  const above = code.cast("zext", code.compare(less, b, a), call.type);
  return code.binary("sub", above, below);
}
