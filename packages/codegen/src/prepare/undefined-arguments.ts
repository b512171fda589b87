/**
 * Arguments the optimiser found unused in the callee and replaced by poison. The verifier checks arguments of global
 * subprograms by their declared type all the same: a pointer is passed on from the caller's own parameter where it has
 * one at that place.
 */
import type { IrFunction } from "../ir/index.ts";
import { sameType } from "../ir/index.ts";

/** Gives undefined pointer arguments of direct calls a value of their type. */
export function defineArguments(fn: IrFunction): void {
  for (const block of fn.blocks) {
    for (const instruction of block.instructions) {
      if (instruction.opcode !== "call" || instruction.callee.kind !== "function") continue;
      for (const [index, argument] of instruction.args.entries()) {
        if (argument.kind !== "poison" && argument.kind !== "undef") continue;
        const own = fn.parameters[index];
        if (argument.type.kind === "pointer" && own !== undefined && sameType(own.type, argument.type)) {
          instruction.args[index] = own;
        }
      }
    }
  }
}
