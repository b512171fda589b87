/** The order in which a depth-first walk over a function's blocks leaves them. */
import type { BasicBlock } from "./function.ts";
import { terminatorOf } from "./function.ts";
import { successorsOf } from "./instruction.ts";

/** The blocks that are reached from `entry`, each behind those that only it leads to; `entry` is the last. */
export function postorder(entry: BasicBlock): BasicBlock[] {
  const order: BasicBlock[] = [];
  const seen = new Set([entry]);
  const stack = [{ block: entry, next: successors(entry) }];
  for (let top = stack[stack.length - 1]; top !== undefined; top = stack[stack.length - 1]) {
    const block = top.next.pop();
    if (block === undefined) {
      order.push(top.block);
      stack.pop();
    } else if (!seen.has(block)) {
      seen.add(block);
      stack.push({ block, next: successors(block) });
    }
  }
  return order;
}

function successors(block: BasicBlock): BasicBlock[] {
  const terminator = terminatorOf(block);
  return terminator === undefined ? [] : successorsOf(terminator);
}
