/** Natural loops: how deep each block is nested. */
import type { MachineBlock, MachineFunction } from "../machine/machine-function.ts";
import { dominatorsOf } from "./dominators.ts";

/**
 * Sets `loopDepth` of every block from the natural loops (back edges to a dominator). Cycles with several entries
 * count as no loop: they only make the allocator's estimate of frequencies a little worse.
 */
export function findLoops(fn: MachineFunction): void {
  const dominators = dominatorsOf(fn);
  for (const block of fn.blocks) block.loopDepth = 0;
  const stamp = new Int32Array(fn.blockLimit).fill(-1);
  for (const header of dominators.order) {
    const latches = header.predecessors.filter((latch) => dominators.dominates(header, latch));
    if (latches.length === 0) continue;
    for (const block of loopBody(header, latches, stamp)) block.loopDepth++;
  }
}

function loopBody(
  header: MachineBlock,
  latches: readonly MachineBlock[],
  stamp: Int32Array,
): readonly MachineBlock[] {
  const body = [header];
  stamp[header.id] = header.id;
  const work = [...latches];
  while (work.length > 0) {
    const block = work.pop()!;
    if (stamp[block.id] === header.id) continue;
    stamp[block.id] = header.id;
    body.push(block);
    work.push(...block.predecessors);
  }
  return body;
}
