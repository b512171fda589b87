/**
 * `x - low < size` back to two compares. The optimiser joins the bounds of a range check into one; the verifier then
 * knows nothing of `x` itself. LLVM's BPF passes keep them apart for the same reason.
 */
import type { Instruction, IrFunction, Value } from "../ir/index.ts";
import { bitWidth, intOf } from "../ir/index.ts";
import type { InstructionList } from "./build.ts";
import { expandInstructions } from "./expand.ts";
import { countUses } from "./use-counts.ts";

/** Splits range checks whose difference is used for nothing else. */
export function splitRangeCompares(fn: IrFunction): void {
  const uses = countUses(fn);
  expandInstructions(fn, (instruction, code) => split(instruction, code, uses));
}

function split(
  instruction: Instruction,
  code: InstructionList,
  uses: ReadonlyMap<Value, number>,
): Value | undefined {
  if (instruction.opcode !== "icmp" || instruction.rhs.kind !== "int") return undefined;
  const { lhs, predicate } = instruction;
  if (predicate !== "ult" && predicate !== "ugt") return undefined;
  if (lhs.kind !== "instruction" || lhs.opcode !== "add" || lhs.rhs.kind !== "int") return undefined;
  if (uses.get(lhs) !== 1) return undefined;
  const bits = bitWidth(lhs.type);
  const low = BigInt.asUintN(bits, -lhs.rhs.value);
  const inside = predicate === "ult";
  const last = low + instruction.rhs.value - (inside ? 1n : 0n);
  if (low === 0n || last < low || last >= (1n << BigInt(bits)) - 1n) return undefined;
  const below = code.compare(inside ? "uge" : "ult", lhs.lhs, intOf(bits, low));
  const above = code.compare(inside ? "ule" : "ugt", lhs.lhs, intOf(bits, last));
  return code.binary(inside ? "and" : "or", below, above);
}
