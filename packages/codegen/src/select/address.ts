/** Addresses: bases with constant offsets that loads and stores take in, and arithmetic for the rest. */

import { sizeOf, structLayout } from "../ir/data-layout.ts";
import type { CallInstruction, GepInstruction } from "../ir/instruction.ts";
import type { Type } from "../ir/type.ts";
import type { ConstantExpression, Value } from "../ir/value.ts";
import type { Register } from "../machine/register.ts";
import { fitsSigned16 } from "./bits.ts";
import { integerValue } from "./constants.ts";
import type { Selector } from "./selector.ts";

/** A base, a register or a frame slot, and a constant offset. */
export interface Address {
  readonly register: Register;
  /** Frame slot, or -1. */
  readonly slot: number;
  readonly offset: number;
}

/** A pointer split into its root and the constant bytes that gep instructions add to it. */
interface Rooted {
  readonly root: Value;
  readonly offset: number;
}

/** Follows geps with constant indices, and calls that pass their argument through, to where a pointer comes from. */
export function rootOf(pointer: Value): Rooted {
  let root = pointer;
  let offset = 0;
  for (;;) {
    if ((root.kind === "instruction" || root.kind === "expression") && root.opcode === "gep") {
      const step = constantGepOffset(root as GepInstruction | ConstantExpression);
      // A frame slot may be far away for now: only the sum with its place must fit.
      if (step === undefined || !fitsSigned16(offset + step)) return { root, offset };
      offset += step;
      root = root.kind === "instruction" ? (root as GepInstruction).pointer : root.operands[0]!;
    } else if (root.kind === "instruction" && root.opcode === "call" && isPassthrough(root)) {
      root = root.args[1]!;
    } else if (root.kind === "instruction" && (root.opcode === "freeze" || root.opcode === "bitcast")) {
      root = root.value;
    } else if (root.kind === "expression" && root.opcode === "bitcast") {
      root = root.operands[0]!;
    } else {
      return { root, offset };
    }
  }
}

/** True for `llvm.bpf.passthrough`, which only kept the optimiser from seeing through a value. */
export function isPassthrough(call: CallInstruction): boolean {
  return call.callee.kind === "function" && call.callee.name.startsWith("llvm.bpf.passthrough.");
}

/** The largest power of two that surely divides an address, at least `stated`. */
export function alignmentOf(s: Selector, pointer: Value, stated: number): number {
  const { root, offset } = rootOf(pointer);
  const slot = s.slots.get(root);
  let base = 1;
  if (slot !== undefined) base = s.machine.slots[slot]!.align;
  else if (root.kind === "global") base = root.align ?? 1;
  else return stated;
  const low = offset === 0 ? base : Math.min(base, offset & -offset);
  return Math.max(stated, low);
}

/** Name of a global, function or alias; undefined for other values. */
export function symbolOf(value: Value): string | undefined {
  switch (value.kind) {
    case "global":
    case "function":
    case "alias":
      return value.name;
    default:
      return undefined;
  }
}

/** A register holding a pointer that is an alloca or a constant distance from one or from anything else. */
export function addressRegister(s: Selector, pointer: Value): Register {
  const dst = s.machine.newRegister();
  moveAddress(s, dst, pointer);
  return dst;
}

/** Sets `dst` to a pointer whose root is a frame slot. */
export function moveAddress(s: Selector, dst: Register, pointer: Value): boolean {
  const { root, offset } = rootOf(pointer);
  const slot = s.slots.get(root);
  if (slot === undefined) return false;
  s.emit("frame-address", { dst, slot, offset });
  return true;
}

/** Bytes that a gep adds where all indices are constant; undefined otherwise. */
export function constantGepOffset(gep: GepInstruction | ConstantExpression): number | undefined {
  const isExpression = gep.kind === "expression";
  const indices = isExpression ? gep.operands.slice(1) : gep.indices;
  let offset = 0;
  for (const term of gepTerms(gep.sourceType!, indices)) {
    if (term.index === undefined) offset += term.bytes;
    else {
      const number = integerValue(term.index);
      if (number === undefined) return undefined;
      offset +=
        Number(BigInt.asIntN(term.index.type.kind === "integer" ? term.index.type.bits : 64, number)) *
        term.bytes;
    }
  }
  return Number.isSafeInteger(offset) ? offset : undefined;
}

/** One part of an address: constant bytes, or bytes per unit of an index. */
export interface GepTerm {
  readonly bytes: number;
  readonly index: Value | undefined;
}

/** The parts of an address. */
export function* gepTerms(sourceType: Type, indices: readonly Value[]): Generator<GepTerm> {
  let type = sourceType;
  for (let position = 0; position < indices.length; position++) {
    const index = indices[position]!;
    if (position === 0) {
      yield { bytes: sizeOf(type), index };
      continue;
    }
    if (type.kind === "struct") {
      const field = Number(integerValue(index) ?? 0n);
      yield { bytes: structLayout(type).offsets[field] ?? 0, index: undefined };
      type = type.fields[field] ?? type;
    } else if (type.kind === "array" || type.kind === "vector") {
      type = type.element;
      yield { bytes: sizeOf(type), index };
    } else {
      yield { bytes: sizeOf(type), index };
    }
  }
}
