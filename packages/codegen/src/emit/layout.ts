/** Order of blocks: chains of fall-through, loops kept together, then the jumps that remain. */
import { reversePostorder } from "../analysis/cfg.ts";
import type { MachineBlock, MachineFunction } from "../machine/machine-function.ts";
import type { Condition } from "../machine/machine-instruction.ts";
import { invertCondition, swapCondition } from "../machine/machine-instruction.ts";
import { noRegister } from "../machine/register.ts";

/** Sorts the blocks of a function with linked blocks and known loops. */
export function orderBlocks(fn: MachineFunction): void {
  const order = reversePostorder(fn);
  const position = new Int32Array(fn.blockLimit);
  order.forEach((block, index) => {
    position[block.id] = index;
  });
  const placed = new Uint8Array(fn.blockLimit);
  const result: MachineBlock[] = [];
  for (const start of order) {
    let block: MachineBlock | undefined = start;
    while (block !== undefined && placed[block.id] === 0) {
      placed[block.id] = 1;
      result.push(block);
      block = nextOf(block, placed, position);
    }
  }
  fn.blocks.length = 0;
  for (const block of result) fn.blocks.push(block);
}

/**
 * The successor to fall through to: in the same loop if there is one, all of its other ways in placed if possible, and
 * rather one that does something than one that only makes constants for where it leads. The verifier follows the
 * fall-through first; what it learns on the longer way covers the shorter one, seldom the other way round.
 */
function nextOf(block: MachineBlock, placed: Uint8Array, position: Int32Array): MachineBlock | undefined {
  let best: MachineBlock | undefined;
  let bestScore = -1;
  for (const successor of block.successors) {
    if (placed[successor.id] === 1) continue;
    const ready = successor.predecessors.every(
      (one) => placed[one.id] === 1 || position[one.id]! >= position[successor.id]!,
    );
    if (!ready) continue;
    const score = 2 * successor.loopDepth + (onlyMakesConstants(successor) ? 0 : 1);
    if (score > bestScore || (score === bestScore && position[successor.id]! < position[best!.id]!)) {
      best = successor;
      bestScore = score;
    }
  }
  return best;
}

function onlyMakesConstants({ instructions, successors }: MachineBlock): boolean {
  return (
    successors.length === 1 && instructions.every(({ opcode }) => opcode === "move" || opcode === "goto")
  );
}

/** Inverts branches and drops gotos so that blocks fall through to the next where they can. */
export function settleJumps(fn: MachineFunction): void {
  fn.blocks.forEach((block, index) => {
    const next = fn.blocks[index + 1];
    const { instructions } = block;
    const last = instructions[instructions.length - 1];
    if (last?.opcode !== "goto") return;
    if (last.target === next) {
      instructions.pop();
      return;
    }
    const branch = instructions[instructions.length - 2];
    if (branch?.opcode !== "branch" || branch.target !== next) return;
    const inverted = invertible(fn, invertCondition(branch.operation as Condition), branch.b !== noRegister);
    if (inverted === undefined) return;
    branch.operation = inverted.condition;
    if (inverted.exchange) [branch.a, branch.b] = [branch.b, branch.a];
    branch.target = last.target;
    instructions.pop();
  });
}

/** The condition as the instruction set has it: v1 lacks "less than", for which registers can be exchanged. */
function invertible(
  fn: MachineFunction,
  condition: Condition,
  registers: boolean,
): { condition: Condition; exchange: boolean } | undefined {
  const lacking = !fn.features.lessThanJumps && ["ult", "ule", "slt", "sle"].includes(condition);
  if (!lacking) return { condition, exchange: false };
  return registers ? { condition: swapCondition(condition), exchange: true } : undefined;
}
