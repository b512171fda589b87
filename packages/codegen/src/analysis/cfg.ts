/** Order and reachability of the blocks of a machine function. */
import type { MachineBlock, MachineFunction } from "../machine/machine-function.ts";

/** Blocks in reverse postorder from the entry; blocks that cannot be reached are left out. Needs linked blocks. */
export function reversePostorder(fn: MachineFunction): MachineBlock[] {
  const entry = fn.blocks[0];
  if (entry === undefined) return [];
  const order: MachineBlock[] = [];
  const seen = new Uint8Array(fn.blockLimit);
  const stack: { block: MachineBlock; next: number }[] = [{ block: entry, next: 0 }];
  seen[entry.id] = 1;
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    // Successors from last to first, so that the first one follows its predecessor in the final order.
    const successor = top.block.successors[top.block.successors.length - 1 - top.next++];
    if (successor === undefined) {
      order.push(top.block);
      stack.pop();
    } else if (seen[successor.id] === 0) {
      seen[successor.id] = 1;
      stack.push({ block: successor, next: 0 });
    }
  }
  return order.reverse();
}

/** Drops blocks that cannot be reached, and the phi inputs that came from them. Blocks stay in their order. */
export function removeUnreachable(fn: MachineFunction): void {
  fn.linkBlocks();
  const reachable = new Set(reversePostorder(fn));
  if (reachable.size === fn.blocks.length) return;
  const kept = fn.blocks.filter((block) => reachable.has(block));
  fn.blocks.length = 0;
  for (const block of kept) {
    fn.blocks.push(block);
    for (const phi of block.phis) {
      const incoming = phi.incoming.filter((way) => reachable.has(way.block));
      phi.incoming.length = 0;
      phi.incoming.push(...incoming);
    }
  }
  fn.linkBlocks();
}
