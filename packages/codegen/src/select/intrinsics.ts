/** Selection of the `llvm.*` functions that reach the back end. */
import type { CallInstruction } from "../ir/instruction.ts";
import type { Value } from "../ir/value.ts";
import type { Condition } from "../machine/machine-instruction.ts";
import type { Register } from "../machine/register.ts";
import { noRegister } from "../machine/register.ts";
import { isPassthrough } from "./address.ts";
import { selectMemoryCopy, selectMemorySet } from "./block-memory.ts";
import { emitBranch } from "./compare-branch.ts";
import { integerValue } from "./constants.ts";
import { Refusal } from "./refuse.ts";
import type { Selector } from "./selector.ts";
import type { Extension } from "./values.ts";
import { extendedRegister, registerFor } from "./values.ts";

type Handler = (s: Selector, insn: CallInstruction) => void;

const nothing: Handler = () => {};

/** By the name after `llvm.`, without the type suffixes. */
const handlers: Readonly<Record<string, Handler>> = {
  "lifetime.start": nothing,
  "lifetime.end": nothing,
  "dbg.value": nothing,
  "dbg.declare": nothing,
  "dbg.label": nothing,
  "dbg.assign": nothing,
  assume: nothing,
  donothing: nothing,
  prefetch: nothing,
  "experimental.noalias.scope.decl": nothing,
  "invariant.end": nothing,
  trap: (s) => s.emit("return", {}),
  expect: (s, insn) => s.define(insn, registerFor(s, insn.args[0]!)),
  "ssa.copy": (s, insn) => s.define(insn, registerFor(s, insn.args[0]!)),
  "bpf.passthrough": (s, insn) => s.define(insn, registerFor(s, insn.args[1]!)),
  memcpy: (s, insn) => selectMemoryCopy(s, insn, false),
  "memcpy.inline": (s, insn) => selectMemoryCopy(s, insn, false),
  memmove: (s, insn) => selectMemoryCopy(s, insn, true),
  memset: selectMemorySet,
  "memset.inline": selectMemorySet,
  bswap: selectByteSwap,
  umin: (s, insn) => selectMinMax(s, insn, "ult", "zero"),
  umax: (s, insn) => selectMinMax(s, insn, "ugt", "zero"),
  smin: (s, insn) => selectMinMax(s, insn, "slt", "sign"),
  smax: (s, insn) => selectMinMax(s, insn, "sgt", "sign"),
  abs: selectAbsolute,
  "bpf.load.byte": (s, insn) => selectPacketLoad(s, insn, 1),
  "bpf.load.half": (s, insn) => selectPacketLoad(s, insn, 2),
  "bpf.load.word": (s, insn) => selectPacketLoad(s, insn, 4),
};

/** Selects a call of an intrinsic. */
export function selectIntrinsic(s: Selector, insn: CallInstruction, name: string): void {
  if (isPassthrough(insn)) {
    s.define(insn, registerFor(s, insn.args[1]!));
    return;
  }
  const handler = handlers[baseName(name)];
  if (handler === undefined) {
    throw s.refuse(Refusal.Unsupported, `the compiler intrinsic "${name}" is not supported`);
  }
  handler(s, insn);
}

/** The name without `llvm.` and without type suffixes such as `.p0.i64`. */
function baseName(name: string): string {
  const parts = name.slice("llvm.".length).split(".");
  while (parts.length > 1 && /^(p\d+|i\d+|isVoid|s_.*|sl_.*)$/.test(parts[parts.length - 1]!)) parts.pop();
  return parts.join(".");
}

function selectByteSwap(s: Selector, insn: CallInstruction): void {
  const bits = s.bitsOf(insn.type);
  if (bits !== 16 && bits !== 32 && bits !== 64) {
    throw s.refuse(Refusal.Unsupported, `a byte swap of ${bits} bits is not supported`);
  }
  const dst = s.machine.newRegister(bits);
  const size = bits === 16 ? 2 : bits === 32 ? 4 : 8;
  const operation = s.features.v4 ? "bswap" : "be";
  s.emit("swap", { dst, a: registerFor(s, insn.args[0]!), size, operation });
  s.define(insn, dst);
}

function selectMinMax(s: Selector, insn: CallInstruction, condition: Condition, how: Extension): void {
  const bits = s.bitsOf(insn.type);
  const width = s.classOf(bits);
  const [first, second] = insn.args as [Value, Value];
  const [left, right] = integerValue(first) === undefined ? [first, second] : [second, first];
  const a = extendedRegister(s, left, width, how);
  const number = integerValue(right);
  const b = extendedRegister(s, right, width, how);
  const imm = number === undefined ? undefined : immediateOf(number, bits, width, how);
  const operand = imm === undefined ? { register: b, imm: 0 } : { register: noRegister, imm };
  s.define(insn, chooseByBranch(s, condition, width, a, operand, a, b));
}

function immediateOf(number: bigint, bits: number, width: 32 | 64, how: Extension): number | undefined {
  const value = how === "sign" ? BigInt.asIntN(bits, number) : number;
  const signed = BigInt.asIntN(width, value);
  return signed >= -0x8000_0000n && signed <= 0x7fff_ffffn ? Number(signed) : undefined;
}

/** `a condition b ? kept : other`, where `kept` is at hand and `other` too. */
function chooseByBranch(
  s: Selector,
  condition: Condition,
  width: 32 | 64,
  a: Register,
  b: { register: Register; imm: number },
  kept: Register,
  other: Register,
): Register {
  const join = s.machine.newBlock();
  const around = s.machine.newBlock();
  const head = s.block;
  const bits = s.machine.significantBits;
  const dst = s.machine.newRegister(Math.max(bits[kept] ?? 64, bits[other] ?? 64));
  emitBranch(s, condition, width, a, b, join, around);
  s.startBlock(around);
  s.emit("goto", { target: join });
  s.startBlock(join);
  join.phis.push({
    dst,
    incoming: [
      { block: head, register: kept },
      { block: around, register: other },
    ],
  });
  return dst;
}

function selectAbsolute(s: Selector, insn: CallInstruction): void {
  const bits = s.bitsOf(insn.type);
  const width = s.classOf(bits);
  const value = extendedRegister(s, insn.args[0]!, width, "sign");
  const join = s.machine.newBlock();
  const around = s.machine.newBlock();
  const head = s.block;
  emitBranch(s, "sgt", width, value, { register: noRegister, imm: -1 }, join, around);
  s.startBlock(around);
  const negated = s.machine.newRegister(width);
  s.emit("negate", { dst: negated, a: value, width });
  s.emit("goto", { target: join });
  s.startBlock(join);
  const dst = s.machine.newRegister();
  join.phis.push({
    dst,
    incoming: [
      { block: head, register: value },
      { block: around, register: negated },
    ],
  });
  s.define(insn, dst);
}

/** The classic loads from packet data: r6 holds the context, the result comes in r0. */
function selectPacketLoad(s: Selector, insn: CallInstruction, size: 1 | 2 | 4): void {
  const [context, offset] = insn.args as [Value, Value];
  const number = integerValue(offset);
  s.emit("copy", { dst: 6, a: registerFor(s, context) });
  const register = number === undefined ? registerFor(s, offset) : noRegister;
  s.emit("load-packet", { a: 6, b: register, imm: Number(BigInt.asIntN(32, number ?? 0n)), size });
  const dst = s.machine.newRegister(size * 8);
  s.emit("copy", { dst, a: 0 });
  s.define(insn, dst);
}
