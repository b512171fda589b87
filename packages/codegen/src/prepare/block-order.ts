/** Order of blocks: definitions before uses, and no blocks that cannot be reached. */
import type { BasicBlock, IrFunction } from "../ir/index.ts";
import { postorder } from "../ir/index.ts";

/** The reachable blocks so that each comes after the blocks that dominate it. */
export function reversePostorder(fn: IrFunction): BasicBlock[] {
  const entry = fn.blocks[0];
  if (entry === undefined) return [];
  return postorder(entry).reverse();
}

/** Removes blocks that cannot be reached, and the ways from them out of phis. The order of the rest stays. */
export function removeUnreachableBlocks(fn: IrFunction): void {
  const reachable = new Set(reversePostorder(fn));
  if (reachable.size === fn.blocks.length) return;
  fn.blocks = fn.blocks.filter((block) => reachable.has(block));
  for (const block of fn.blocks) {
    for (const instruction of block.instructions) {
      if (instruction.opcode !== "phi") break;
      instruction.incoming = instruction.incoming.filter((each) => reachable.has(each.block));
    }
  }
}
