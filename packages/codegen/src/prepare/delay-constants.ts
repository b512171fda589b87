/**
 * `(x + c) - y` as `(x - y) + c`. Packet pointers are 32-bit loads in C; the verifier lets their difference be taken in
 * 32 bits, but no constant be added to one of them first. LLVM's selection has the same preference.
 */
import type { IrFunction } from "../ir/index.ts";
import { expandInstructions } from "./expand.ts";
import { countUses } from "./use-counts.ts";

/** Moves constants behind subtractions where the sum is used for nothing else. */
export function delayConstants(fn: IrFunction): void {
  const uses = countUses(fn);
  expandInstructions(fn, (instruction, code) => {
    if (instruction.opcode !== "sub" || instruction.rhs.kind === "int") return undefined;
    const { lhs, rhs } = instruction;
    if (lhs.kind !== "instruction" || lhs.opcode !== "add" || lhs.rhs.kind !== "int") return undefined;
    if (uses.get(lhs) !== 1) return undefined;
    return code.binary("add", code.binary("sub", lhs.lhs, rhs), lhs.rhs);
  });
}
