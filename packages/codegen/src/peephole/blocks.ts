/** Control flow of allocated code: empty blocks are skipped, blocks with one way between them are joined. */
import { removeUnreachable } from "../analysis/cfg.ts";
import type { MachineBlock, MachineFunction } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";

/** Simplifies branches until nothing changes. Blocks must have no phis; they are linked afterwards. */
export function simplifyBlocks(fn: MachineFunction): void {
  for (let changed = true; changed; ) {
    changed = threadJumps(fn);
    for (const block of fn.blocks) changed = dropUselessBranch(block) || changed;
    removeUnreachable(fn);
    changed = joinBlocks(fn) || changed;
  }
}

/** Sends jumps to blocks that only jump on to where those lead. */
function threadJumps(fn: MachineFunction): boolean {
  const ends = new Map<MachineBlock, MachineBlock>();
  for (const block of fn.blocks) {
    const only = block.instructions.length === 1 ? block.instructions[0]! : undefined;
    if (only?.opcode === "goto" && only.target !== undefined && only.target !== block) {
      ends.set(block, only.target);
    }
  }
  let changed = false;
  const final = (start: MachineBlock): MachineBlock => {
    let block = start;
    for (let step = 0; step <= ends.size; step++) {
      const next = ends.get(block);
      if (next === undefined) break;
      block = next;
    }
    return block;
  };
  for (const block of fn.blocks) {
    for (const insn of block.instructions) {
      const { targets } = insn.assembly ?? { targets: [] };
      for (const [index, way] of targets.entries()) {
        const target = final(way);
        if (target === way) continue;
        targets[index] = target;
        changed = true;
      }
      if (insn.target === undefined) continue;
      const target = final(insn.target);
      if (target !== insn.target) {
        insn.target = target;
        changed = true;
      }
    }
  }
  return changed;
}

/** A branch to where the goto after it leads decides nothing. */
function dropUselessBranch(block: MachineBlock): boolean {
  const last = block.instructions[block.instructions.length - 1];
  const branch = block.instructions[block.instructions.length - 2];
  if (last?.opcode !== "goto" || branch?.opcode !== "branch" || branch.target !== last.target) return false;
  block.instructions.splice(-2, 1);
  return true;
}

/** Appends a block to its only predecessor where that leads nowhere else. */
function joinBlocks(fn: MachineFunction): boolean {
  const gone = new Set<MachineBlock>();
  for (const block of fn.blocks) {
    if (gone.has(block)) continue;
    for (;;) {
      const next = onlyNext(block);
      if (next === undefined || next === fn.blocks[0] || gone.has(next)) break;
      block.instructions.pop();
      for (const insn of next.instructions) block.instructions.push(insn);
      block.successors = next.successors;
      for (const successor of next.successors) {
        successor.predecessors = successor.predecessors.map((one) => (one === next ? block : one));
      }
      block.loopDepth = Math.min(block.loopDepth, next.loopDepth);
      gone.add(next);
    }
  }
  if (gone.size === 0) return false;
  const kept = fn.blocks.filter((block) => !gone.has(block));
  fn.blocks.length = 0;
  fn.blocks.push(...kept);
  return true;
}

function onlyNext(block: MachineBlock): MachineBlock | undefined {
  const last: MachineInstruction | undefined = block.instructions[block.instructions.length - 1];
  if (last?.opcode !== "goto" || block.successors.length !== 1) return undefined;
  const next = last.target!;
  return next !== block && next.predecessors.length === 1 ? next : undefined;
}
