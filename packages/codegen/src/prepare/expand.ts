/** Replaces single instructions by straight-line code, all over a function. */
import type { Instruction, IrFunction, Value } from "../ir/index.ts";
import { replaceValues } from "../ir/index.ts";
import { InstructionList } from "./build.ts";

/** The instruction is gone and had no result. */
export const removed = "removed";

/**
 * What takes the place of an instruction: undefined leaves it as it is; else the code in the list comes in, and uses
 * of the result become the value that is returned.
 */
export type Expansion = (
  instruction: Instruction,
  code: InstructionList,
) => Value | typeof removed | undefined;

/** Applies an expansion to each instruction once; what it adds is not visited again. */
export function expandInstructions(fn: IrFunction, expand: Expansion): void {
  const replacements = new Map<Value, Value>();
  for (const block of fn.blocks) {
    let output: Instruction[] | undefined;
    for (const [index, instruction] of block.instructions.entries()) {
      const code = new InstructionList(instruction.debugLocation);
      const result = expand(instruction, code);
      if (result === undefined) {
        output?.push(instruction);
        continue;
      }
      output ??= block.instructions.slice(0, index);
      output.push(...code.list);
      if (result !== removed) replacements.set(instruction, result);
    }
    if (output !== undefined) block.instructions = output;
  }
  replaceValues(fn, replacements);
}
