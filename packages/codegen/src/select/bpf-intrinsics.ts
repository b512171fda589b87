/**
 * The intrinsics that LLVM's BPF passes put in to hold the optimiser back, taken out again before selection (LLVM does
 * this in BPFCheckAndAdjustIR).
 */
import type { IrFunction } from "../ir/function.ts";
import type {
  CallInstruction,
  CompareInstruction,
  Instruction,
  IntegerPredicate,
} from "../ir/instruction.ts";
import { replaceValues } from "../ir/operands.ts";
import type { Value } from "../ir/value.ts";
import { isPassthrough } from "./address.ts";
import { integerValue } from "./constants.ts";

/** Predicates of `llvm.bpf.compare` by number (LLVM: CmpInst::Predicate). */
const predicates: Readonly<Record<number, IntegerPredicate>> = {
  32: "eq",
  33: "ne",
  34: "ugt",
  35: "uge",
  36: "ult",
  37: "ule",
  38: "sgt",
  39: "sge",
  40: "slt",
  41: "sle",
};

/** Replaces `llvm.bpf.passthrough` by its argument and `llvm.bpf.compare` by the comparison it stands for. */
export function removeBarrierIntrinsics(fn: IrFunction): void {
  const replacements = new Map<Value, Value>();
  for (const block of fn.blocks) {
    if (!block.instructions.some((insn) => insn.opcode === "call" && isBarrier(insn))) continue;
    const kept: Instruction[] = [];
    for (const insn of block.instructions) {
      if (insn.opcode !== "call" || !isBarrier(insn)) {
        kept.push(insn);
        continue;
      }
      const comparison = comparisonOf(insn);
      if (comparison !== undefined) kept.push(comparison);
      replacements.set(insn, comparison ?? insn.args[1]!);
    }
    block.instructions = kept;
  }
  replaceValues(fn, replacements);
}

function isBarrier(call: CallInstruction): boolean {
  return isPassthrough(call) || comparisonOf(call) !== undefined;
}

function comparisonOf(call: CallInstruction): CompareInstruction | undefined {
  if (call.callee.kind !== "function" || !call.callee.name.startsWith("llvm.bpf.compare.")) return undefined;
  const [number, lhs, rhs] = call.args;
  const predicate = predicates[Number((number && integerValue(number)) ?? -1n)];
  if (lhs === undefined || rhs === undefined || predicate === undefined) return undefined;
  const { type, name, debugLocation, attachments } = call;
  return { kind: "instruction", opcode: "icmp", type, name, debugLocation, attachments, predicate, lhs, rhs };
}
