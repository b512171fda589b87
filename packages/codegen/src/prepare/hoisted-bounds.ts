/**
 * `x < min(a, b)` in a loop back to `x < a && x < b`. The optimiser takes the smaller bound out of the loop; the verifier, which
 * often knows one of the two exactly, then knows neither, and walks more rounds with more ways pending. LLVM's BPF back end
 * undoes it, too. (LLVM: hoistMinMax in LICM.cpp, sinkMinMax in BPFCheckAndAdjustIR.cpp.)
 */
import type {
  BasicBlock,
  CallInstruction,
  CompareInstruction,
  IntegerPredicate,
  IrFunction,
  Type,
  Value,
} from "../ir/index.ts";
import { successorsOf, terminatorOf } from "../ir/index.ts";
import type { InstructionList } from "./build.ts";
import { expandInstructions } from "./expand.ts";
import { intrinsicName } from "./intrinsics.ts";

type Choice = "umin" | "umax" | "smin" | "smax";

/** A value that is the smaller or the greater of two, perhaps extended. */
interface Bound {
  readonly call: CallInstruction;
  readonly choice: Choice;
  readonly extension: "zext" | "sext" | undefined;
  /** The orders in which the extended choice is the choice of the extended operands. */
  readonly orders: "u" | "s" | "us";
}

/** A compare to take apart. */
interface BoundCompare {
  readonly bound: Bound;
  readonly other: Value;
  /** Of the other value to the bound. */
  readonly predicate: IntegerPredicate;
}

/** Takes apart compares in loops with the lesser or the greater of two values that is made before the loop. */
export function splitHoistedBounds(fn: IrFunction): void {
  const made = new Map<Value, BasicBlock>();
  for (const block of fn.blocks)
    for (const instruction of block.instructions)
      if (choiceOf(instruction) !== undefined) made.set(instruction, block);
  if (made.size === 0) return;
  const found = new Map<Value, BoundCompare>();
  for (const block of fn.blocks) {
    for (const instruction of block.instructions) {
      if (instruction.opcode !== "icmp") continue;
      const compare = match(instruction);
      const home = compare === undefined ? undefined : made.get(compare.bound.call);
      if (compare !== undefined && home !== undefined && repeatsWithout(block, home))
        found.set(instruction, compare);
    }
  }
  if (found.size === 0) return;
  expandInstructions(fn, (instruction, code) => {
    const compare = found.get(instruction);
    return compare === undefined ? undefined : takeApart(compare, code);
  });
}

/** The other way round: `a < b` is `b > a`. Equality is not among them. */
const swapped: Partial<Record<IntegerPredicate, IntegerPredicate>> = {
  ult: "ugt",
  ule: "uge",
  ugt: "ult",
  uge: "ule",
  slt: "sgt",
  sle: "sge",
  sgt: "slt",
  sge: "sle",
};

function match({ lhs, rhs, predicate }: CompareInstruction): BoundCompare | undefined {
  const exchanged = swapped[predicate];
  if (exchanged === undefined) return undefined;
  const [left, right] = [boundOf(lhs), boundOf(rhs)];
  if ((left === undefined) === (right === undefined)) return undefined;
  const compare =
    left === undefined
      ? { bound: right!, other: lhs, predicate }
      : { bound: left, other: rhs, predicate: exchanged };
  return compare.bound.orders.includes(predicate.charAt(0)) ? compare : undefined;
}

function choiceOf(value: Value): Choice | undefined {
  if (value.kind !== "instruction" || value.opcode !== "call" || value.callee.kind !== "function")
    return undefined;
  if (value.type.kind !== "integer") return undefined;
  const name = intrinsicName(value.callee.name);
  return name === "umin" || name === "umax" || name === "smin" || name === "smax" ? name : undefined;
}

function boundOf(value: Value): Bound | undefined {
  if (value.kind !== "instruction") return undefined;
  const isExtended = value.opcode === "zext" || value.opcode === "sext";
  const call = isExtended ? value.value : value;
  const choice = choiceOf(call);
  if (choice === undefined || call.kind !== "instruction" || call.opcode !== "call") return undefined;
  const own = choice.charAt(0) as "u" | "s";
  if (!isExtended) return { call, choice, extension: undefined, orders: own };
  // Both orders are one where the top bit is clear.
  if (value.opcode === "zext" && own === "u") return { call, choice, extension: "zext", orders: "us" };
  if (value.opcode === "sext") return { call, choice, extension: "sext", orders: own };
  // A lesser one that is not negative has two operands that are not.
  if (choice === "smin" && value.flags.includes("nneg"))
    return { call, choice, extension: "zext", orders: "us" };
  return undefined;
}

function takeApart({ bound, other, predicate }: BoundCompare, code: InstructionList): Value {
  const { call, choice, extension } = bound;
  const extended = (value: Value, type: Type): Value =>
    extension === undefined ? value : code.cast(extension, value, type);
  const [first, second] = call.args.map((each) =>
    code.compare(predicate, other, extended(each, other.type)),
  ) as [Value, Value];
  const isLess = predicate.charAt(1) === "l";
  return code.binary(isLess === choice.endsWith("min") ? "and" : "or", first, second);
}

/** True where a way leads from a block back to it that does not touch the other. */
function repeatsWithout(block: BasicBlock, other: BasicBlock): boolean {
  if (block === other) return false;
  const seen = new Set([other]);
  const work = [block];
  for (let at = work.pop(); at !== undefined; at = work.pop()) {
    const terminator = terminatorOf(at);
    for (const successor of terminator === undefined ? [] : successorsOf(terminator)) {
      if (successor === block) return true;
      if (seen.has(successor)) continue;
      seen.add(successor);
      work.push(successor);
    }
  }
  return false;
}
