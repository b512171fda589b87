/** Selection of atomic operations. */
import type {
  AtomicRmwInstruction,
  CompareExchangeInstruction,
  ExtractValueInstruction,
  FenceInstruction,
  Instruction,
  Ordering,
} from "../ir/instruction.ts";
import type { Value } from "../ir/value.ts";
import type { AccessSize, AtomicOperation } from "../machine/machine-instruction.ts";
import type { Register } from "../machine/register.ts";
import { addressFor } from "./gep.ts";
import { Refusal } from "./refuse.ts";
import type { Operand, Selector } from "./selector.ts";
import { extendedOperand, registerFor } from "./values.ts";

const operations: Readonly<Record<string, AtomicOperation>> = {
  add: "add",
  sub: "add",
  or: "or",
  and: "and",
  xor: "xor",
  xchg: "exchange",
};

function atomicSize(s: Selector, bits: number): AccessSize {
  if (bits === 64) return 8;
  if (bits === 32) return 4;
  throw s.refuse(
    Refusal.Atomic,
    `atomic operations on ${bits} bits do not exist in BPF`,
    "Use a 32-bit or 64-bit variable.",
  );
}

/** Selects `atomicrmw`. */
export function selectAtomicRmw(s: Selector, insn: AtomicRmwInstruction): void {
  const operation = operations[insn.operation];
  if (operation === undefined) {
    throw s.refuse(Refusal.Atomic, `the atomic operation "${insn.operation}" does not exist in BPF`);
  }
  const size = atomicSize(s, s.bitsOf(insn.type));
  const width = size === 8 || !s.features.alu32 ? 64 : 32;
  const address = addressFor(s, insn.pointer);
  let value = registerFor(s, insn.value);
  if (insn.operation === "sub") {
    const negated = s.machine.newRegister(width);
    s.emit("negate", { dst: negated, a: value, width });
    value = negated;
  }
  const fetch = operation === "exchange" || (s.users.get(insn)?.length ?? 0) > 0;
  if (size === 4 && fetch) needsNarrow(s, "a 32-bit atomic operation that returns the old value");
  if (size === 4 && operation !== "add")
    needsNarrow(s, `the atomic operation "${insn.operation}" on 32 bits`);
  const place = { a: address.register, slot: address.slot, offset: address.offset };
  if (!fetch) {
    s.emit("atomic", { operation, ...place, b: value, size, width });
    return;
  }
  const dst = s.machine.newRegister(size * 8);
  s.emit("atomic", { operation, ...place, b: value, dst, size, width, fetch: true });
  s.define(insn, dst);
}

/** Of the atomic operations on 32 bits, only adding without a result is older than v3 (LLVM: BPFHasALU32). */
function needsNarrow(s: Selector, what: string): void {
  if (s.features.alu32) return;
  throw s.refuse(
    Refusal.Atomic,
    `${what} needs -mcpu=v3`,
    "Use a 64-bit variable, or build for v3 (Linux 5.12 or newer).",
  );
}

/** What an access that orders others around it is called: acquire and release are v4's, stronger ones nobody's. */
export function orderedAccess(s: Selector, ordering: Ordering, own: "acquire" | "release"): boolean {
  switch (ordering) {
    case "notatomic":
    case "unordered":
    case "monotonic":
      return false;
    case own:
      if (s.features.v4) return true;
      throw s.refuse(
        Refusal.Atomic,
        `a${own === "acquire" ? "n atomic load" : "n atomic store"} with ordering ${own} needs -mcpu=v4`,
        "Build for v4 (Linux 6.15 or newer), or use an atomic operation that returns the old value: it orders memory.",
      );
    default:
      throw s.refuse(
        Refusal.Atomic,
        `an atomic ${own === "acquire" ? "load" : "store"} with ordering ${ordering} does not exist in BPF`,
        `Use ${own} ordering, or an atomic operation that returns the old value: it orders memory on both sides.`,
      );
  }
}

/** Selects `cmpxchg`: the old value goes through r0. */
export function selectCompareExchange(s: Selector, insn: CompareExchangeInstruction): void {
  const bits = s.bitsOf(insn.expected.type);
  const size = atomicSize(s, bits);
  if (size === 4) needsNarrow(s, "a 32-bit compare-and-exchange");
  const width = size === 8 || !s.features.alu32 ? 64 : 32;
  const address = addressFor(s, insn.pointer);
  const replacement = registerFor(s, insn.replacement);
  const expected = registerFor(s, insn.expected);
  s.emit("copy", { dst: 0, a: expected, width });
  s.emit("compare-exchange", {
    a: address.register,
    b: replacement,
    slot: address.slot,
    offset: address.offset,
    size,
    width,
  });
  const old = s.machine.newRegister(size * 8);
  s.emit("copy", { dst: old, a: 0 });
  s.define(insn, old);
}

/** True for the part of a cmpxchg result that says whether it happened. */
export function isExchangeSuccess(value: Value): value is ExtractValueInstruction {
  return (
    value.kind === "instruction" &&
    value.opcode === "extractvalue" &&
    value.aggregate.kind === "instruction" &&
    value.aggregate.opcode === "cmpxchg" &&
    value.indices[0] === 1
  );
}

/** The comparison that tells whether an exchange happened: the old value against the expected one. */
export function exchangeParts(
  s: Selector,
  value: ExtractValueInstruction,
): { old: Register; expected: Operand; width: 32 | 64 } {
  const exchange = value.aggregate as Instruction as CompareExchangeInstruction;
  const width = s.classOf(s.bitsOf(exchange.expected.type));
  return {
    old: s.registerOf(exchange),
    expected: extendedOperand(s, exchange.expected, width, "zero"),
    width,
  };
}

/** Selects the old value out of a cmpxchg result. */
export function selectExtractValue(s: Selector, insn: ExtractValueInstruction): void {
  if (insn.aggregate.kind === "instruction" && insn.aggregate.opcode === "cmpxchg") {
    s.define(insn, s.registerOf(insn.aggregate));
    return;
  }
  const part = s.parts.get(insn.aggregate)?.[insn.indices[0] ?? -1];
  if (part !== undefined && insn.indices.length === 1) {
    s.define(insn, part);
    return;
  }
  throw s.refuse(Refusal.Unsupported, "a struct value in registers is not supported here");
}

/** A fence within the thread only keeps the compiler in order; BPF has no instruction for the other kind. */
export function selectFence(s: Selector, insn: FenceInstruction): void {
  if (insn.syncScope === "singlethread") return;
  throw s.refuse(
    Refusal.Atomic,
    "BPF has no memory fence",
    "Use an atomic operation that returns its old value: it orders memory on both sides.",
  );
}
