/** How often each result is used. */
import type { IrFunction, Value } from "../ir/index.ts";
import { operandsOf } from "../ir/index.ts";

/** Uses of instructions of a function; what is not in the map has none. */
export function countUses(fn: IrFunction): Map<Value, number> {
  const uses = new Map<Value, number>();
  for (const block of fn.blocks) {
    for (const instruction of block.instructions) {
      for (const operand of operandsOf(instruction)) {
        if (operand.kind === "instruction") uses.set(operand, (uses.get(operand) ?? 0) + 1);
      }
    }
  }
  return uses;
}
