/** From which block each block may take over the constants that were put into registers there. */
import { dominatorTree } from "../analysis/dominators.ts";
import type { BasicBlock } from "../ir/function.ts";
import { successorsOf } from "../ir/instruction.ts";

/** Blocks between a block and its dominator that are looked at. */
const maxRegion = 24;

/**
 * Maps a block to its immediate dominator where no call lies on any way between them: there registers survive, so
 * that a constant need not be made again.
 * @param order reachable blocks in reverse postorder
 */
export function constantOrigins(order: readonly BasicBlock[]): ReadonlyMap<BasicBlock, BasicBlock> {
  const position = new Map(order.map((block, index) => [block, index]));
  const predecessors: number[][] = order.map(() => []);
  order.forEach((block, index) => {
    const last = block.instructions[block.instructions.length - 1];
    for (const successor of last === undefined ? [] : successorsOf(last)) {
      predecessors[position.get(successor)!]!.push(index);
    }
  });
  const parent = dominatorTree(predecessors);
  const calls = order.map((block) =>
    block.instructions.some((insn) => insn.opcode === "call" && isCall(insn.callee)),
  );
  const origins = new Map<BasicBlock, BasicBlock>();
  for (let index = 1; index < order.length; index++) {
    if (isQuiet(index, parent[index]!, predecessors, calls))
      origins.set(order[index]!, order[parent[index]!]!);
  }
  return origins;
}

/** True where no call is on a way from the end of `start` to `block`, loops included. */
function isQuiet(
  block: number,
  start: number,
  predecessors: readonly (readonly number[])[],
  calls: readonly boolean[],
): boolean {
  const seen = new Set<number>([start]);
  const work = [...predecessors[block]!];
  while (work.length > 0) {
    const at = work.pop()!;
    if (seen.has(at)) continue;
    seen.add(at);
    if (calls[at] || seen.size > maxRegion) return false;
    work.push(...predecessors[at]!);
  }
  return true;
}

/** Intrinsics become plain instructions, most of them. */
function isCall(callee: { readonly kind: string; readonly name?: string }): boolean {
  return !(callee.kind === "function" && callee.name?.startsWith("llvm.") === true);
}
