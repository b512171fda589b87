/** Immediate dominators, by the iterative algorithm of Cooper, Harvey and Kennedy. */
import type { MachineBlock, MachineFunction } from "../machine/machine-function.ts";
import { reversePostorder } from "./cfg.ts";

/** Who dominates whom. */
export interface Dominators {
  /** Blocks in reverse postorder. */
  readonly order: readonly MachineBlock[];
  /** The immediate dominator; undefined for the entry. */
  immediate(block: MachineBlock): MachineBlock | undefined;
  /** True where every way to `block` leads through `dominator`; a block dominates itself. */
  dominates(dominator: MachineBlock, block: MachineBlock): boolean;
}

/** Computes the dominator tree of a function with linked blocks. */
export function dominatorsOf(fn: MachineFunction): Dominators {
  const order = reversePostorder(fn);
  const position = new Int32Array(fn.blockLimit).fill(-1);
  order.forEach((block, index) => {
    position[block.id] = index;
  });
  const parent = dominatorTree(
    order.map((block) => block.predecessors.map((one) => position[one.id]!).filter((at) => at >= 0)),
  );
  const { enter, leave } = numberTree(parent);
  return {
    order,
    immediate(block) {
      const at = position[block.id]!;
      return at <= 0 ? undefined : order[parent[at]!];
    },
    dominates(dominator, block) {
      const upper = position[dominator.id]!;
      const lower = position[block.id]!;
      return enter[upper]! <= enter[lower]! && leave[lower]! <= leave[upper]!;
    },
  };
}

/**
 * Immediate dominators in a graph whose nodes are numbered in reverse postorder from the entry, node 0.
 * @param predecessors of each node, by number
 * @returns the dominator of each node; the entry is its own
 */
export function dominatorTree(predecessors: readonly (readonly number[])[]): Int32Array {
  const parent = new Int32Array(predecessors.length).fill(-1);
  parent[0] = 0;
  for (let changed = true; changed; ) {
    changed = false;
    for (let index = 1; index < predecessors.length; index++) {
      let best = -1;
      for (const at of predecessors[index]!) {
        if (parent[at]! >= 0) best = best < 0 ? at : intersect(parent, at, best);
      }
      if (parent[index] !== best) {
        parent[index] = best;
        changed = true;
      }
    }
  }
  return parent;
}

function intersect(parent: Int32Array, first: number, second: number): number {
  let left = first;
  let right = second;
  while (left !== right) {
    while (left > right) left = parent[left]!;
    while (right > left) right = parent[right]!;
  }
  return left;
}

/** Interval numbers of the tree, so that domination is two comparisons. */
function numberTree(parent: Int32Array): { enter: Int32Array; leave: Int32Array } {
  const count = parent.length;
  const children: number[][] = Array.from({ length: count }, () => []);
  for (let index = 1; index < count; index++) children[parent[index]!]?.push(index);
  const enter = new Int32Array(count);
  const leave = new Int32Array(count);
  let clock = 0;
  const stack: { node: number; next: number }[] = count > 0 ? [{ node: 0, next: 0 }] : [];
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    if (top.next === 0) enter[top.node] = clock++;
    const child = children[top.node]![top.next++];
    if (child === undefined) {
      leave[top.node] = clock++;
      stack.pop();
    } else {
      stack.push({ node: child, next: 0 });
    }
  }
  return { enter, leave };
}
