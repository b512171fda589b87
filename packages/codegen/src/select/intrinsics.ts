/** Selection of the `llvm.*` functions that reach the back end. */
import type { CallInstruction } from "../ir/instruction.ts";
import type { Value } from "../ir/value.ts";
import type { MachineBlock } from "../machine/machine-function.ts";
import type { Condition } from "../machine/machine-instruction.ts";
import type { Register } from "../machine/register.ts";
import { noRegister } from "../machine/register.ts";
import { isPassthrough, rootOf } from "./address.ts";
import { selectMemoryCopy, selectMemorySet } from "./block-memory.ts";
import { emitBranch } from "./compare-branch.ts";
import { integerValue } from "./constants.ts";
import { Refusal } from "./refuse.ts";
import type { Selector } from "./selector.ts";
import type { Extension } from "./values.ts";
import { extendedOperand, extendedRegister, registerFor } from "./values.ts";

type Handler = (s: Selector, insn: CallInstruction) => void;

const nothing: Handler = () => {};

/** By the name after `llvm.`, without the type suffixes. */
const handlers: Readonly<Record<string, Handler>> = {
  "lifetime.start": (s, insn) => markLifetime(s, insn, "lifetime-start"),
  "lifetime.end": (s, insn) => markLifetime(s, insn, "lifetime-end"),
  "dbg.value": nothing,
  "dbg.declare": nothing,
  "dbg.label": nothing,
  "dbg.assign": nothing,
  assume: nothing,
  donothing: nothing,
  prefetch: nothing,
  "experimental.noalias.scope.decl": nothing,
  "invariant.end": nothing,
  trap: (s) => {
    throw s.refuse(
      Refusal.Trap,
      "code that must not be reached is left: the compiler could not prove that it never runs",
      "__bpf_unreachable and __builtin_trap only mark what the optimiser removes: make the condition constant, or return.",
    );
  },
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
  "bpf.pseudo": selectPseudo,
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

/** Keeps the marker: variables that never live at the same time share their place on the stack. */
function markLifetime(s: Selector, insn: CallInstruction, opcode: "lifetime-start" | "lifetime-end"): void {
  const pointer = insn.args[insn.args.length - 1];
  const slot = pointer === undefined ? undefined : s.slots.get(rootOf(pointer).root);
  if (slot !== undefined) s.emit(opcode, { slot });
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
  const b = extendedOperand(s, right, width, how);
  const join = s.machine.newBlock();
  const around = s.machine.newBlock();
  const head = s.block;
  emitBranch(s, condition, width, a, b, join, around);
  s.startBlock(around, head);
  const other = b.register === noRegister ? extendedRegister(s, right, width, how) : b.register;
  s.emit("goto", { target: join });
  s.startBlock(join, head);
  s.define(insn, joinOf(s, join, [head, a], [around, other]));
}

/** The register of a phi of two values. */
function joinOf(
  s: Selector,
  join: MachineBlock,
  ...ways: readonly (readonly [MachineBlock, Register])[]
): Register {
  const known = ways.map(([, register]) => s.machine.significantBits[register] ?? 64);
  const dst = s.machine.newRegister(Math.max(...known));
  join.phis.push({ dst, incoming: ways.map(([block, register]) => ({ block, register })) });
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
  s.startBlock(around, head);
  const negated = s.machine.newRegister(width);
  s.emit("negate", { dst: negated, a: value, width });
  s.emit("goto", { target: join });
  s.startBlock(join, head);
  const dst = joinOf(s, join, [head, value], [around, negated]);
  s.define(insn, dst);
}

/** A two-slot load whose source field says what the number stands for: a map's descriptor and the like. */
function selectPseudo(s: Selector, insn: CallInstruction): void {
  const [kind, number] = insn.args.map(integerValue);
  if (kind === undefined || number === undefined || kind > 15n) {
    throw s.refuse(Refusal.Unsupported, "the operands of llvm.bpf.pseudo are not constant");
  }
  const dst = s.machine.newRegister();
  const operand = { tiedTo: -1, text: undefined, narrow: false, isMemory: false, slot: -1, offset: 0 };
  s.emit("assembly", {
    assembly: {
      template: `ld_pseudo $0, ${kind}, ${number}`,
      operands: [{ ...operand, register: dst, isOutput: true, earlyClobber: false }],
      clobbers: [],
      targets: [],
    },
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
