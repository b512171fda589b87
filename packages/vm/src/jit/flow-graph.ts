/** The control flow graph of one function: blocks in arrays, reverse post-order, immediate dominators. */
import type { FunctionRange, ProgramImage } from "../program/image.ts";

/** No block. */
export const NO_BLOCK = -1;

/** Blocks are numbered by address. Block b covers slots [start[b], end[b]). */
export interface FlowGraph {
  readonly count: number;
  readonly start: Int32Array;
  readonly end: Int32Array;
  /** Slot of the last instruction. */
  readonly last: Int32Array;
  /** Where the jump at the end goes; NO_BLOCK for exits and falling through. */
  readonly taken: Int32Array;
  /** The next block where control can fall into it; else NO_BLOCK. */
  readonly falls: Int32Array;
  /** Reachable blocks in reverse post-order. */
  readonly order: Int32Array;
  /** Position in `order`; -1 for unreachable blocks. */
  readonly position: Int32Array;
  /** Immediate dominator of each reachable block but the first. */
  readonly dominator: Int32Array;
  /** 1 for targets of edges that go backward in `order`. */
  readonly isLoopHeader: Uint8Array;
  /** Edges that go forward in `order`, per target. */
  readonly forwardEdges: Int32Array;
  /** True when every backward edge goes to a dominator of its source. */
  readonly reducible: boolean;
}

/** Builds the graph of a checked function. */
export function buildFlowGraph(image: ProgramImage, range: FunctionRange): FlowGraph {
  const blockAt = findBlocks(image, range);
  const count = blockAt.count;
  const start = new Int32Array(count);
  const end = new Int32Array(count);
  const last = new Int32Array(count);
  const taken = new Int32Array(count).fill(NO_BLOCK);
  const falls = new Int32Array(count).fill(NO_BLOCK);
  let block = -1;
  for (let slot = range.start; slot < range.end; slot = image.nextSlot(slot)) {
    if (blockAt.index[slot - range.start] !== NO_BLOCK) {
      block++;
      start[block] = slot;
    }
    last[block] = slot;
    end[block] = image.nextSlot(slot);
  }
  for (let b = 0; b < count; b++) {
    const slot = last[b] as number;
    if (image.isExit(slot)) continue;
    if (image.isJump(slot)) taken[b] = blockAt.index[image.jumpTarget(slot) - range.start] as number;
    if (!image.isUnconditionalJump(slot) && b + 1 < count) falls[b] = b + 1;
  }
  const partial = { count, start, end, last, taken, falls };
  const { order, position } = reversePostOrder(count, taken, falls);
  return { ...partial, order, position, ...analyse(partial, order, position) };
}

/** Numbers the slots that start a block. */
function findBlocks(image: ProgramImage, range: FunctionRange): { count: number; index: Int32Array } {
  const index = new Int32Array(range.end - range.start + 1).fill(NO_BLOCK);
  index[0] = 0;
  for (let slot = range.start; slot < range.end; slot = image.nextSlot(slot)) {
    if (image.isJump(slot)) index[image.jumpTarget(slot) - range.start] = 0;
    if (image.isJump(slot) || image.isExit(slot)) index[slot + 1 - range.start] = 0;
  }
  let count = 0;
  for (let i = 0; i < range.end - range.start; i++) if (index[i] === 0) index[i] = count++;
  return { count, index };
}

function reversePostOrder(
  count: number,
  taken: Int32Array,
  falls: Int32Array,
): { order: Int32Array; position: Int32Array } {
  const post: number[] = [];
  // 0: not seen; then how many successors were followed, plus one.
  const state = new Uint8Array(count);
  const path = [0];
  state[0] = 1;
  while (path.length > 0) {
    const block = path[path.length - 1] as number;
    const step = state[block] as number;
    if (step > 2) {
      post.push(block);
      path.pop();
      continue;
    }
    state[block] = step + 1;
    // The jump first, so that falling through comes first in reverse.
    const next = step === 1 ? (taken[block] as number) : (falls[block] as number);
    if (next === NO_BLOCK || state[next] !== 0) continue;
    state[next] = 1;
    path.push(next);
  }
  const order = Int32Array.from(post.reverse());
  const position = new Int32Array(count).fill(-1);
  for (let i = 0; i < order.length; i++) position[order[i] as number] = i;
  return { order, position };
}

type Edges = Pick<FlowGraph, "count" | "taken" | "falls">;

/** More blocks than this are not analysed: the dominator iteration may take quadratic time. */
const ANALYSIS_LIMIT = 20_000;

function analyse(
  edges: Edges,
  order: Int32Array,
  position: Int32Array,
): Pick<FlowGraph, "dominator" | "isLoopHeader" | "forwardEdges" | "reducible"> {
  const isLoopHeader = new Uint8Array(edges.count);
  const forwardEdges = new Int32Array(edges.count);
  const small = edges.count <= ANALYSIS_LIMIT;
  const dominator = small ? dominators(edges, order, position) : new Int32Array(0);
  const isAbove = small ? dominance(order, dominator) : () => false;
  let reducible = small;
  const visit = (block: number, next: number): void => {
    if (next === NO_BLOCK) return;
    if ((position[next] as number) > (position[block] as number)) {
      forwardEdges[next] = (forwardEdges[next] as number) + 1;
      return;
    }
    isLoopHeader[next] = 1;
    if (!isAbove(next, block)) reducible = false;
  };
  for (const block of order) {
    visit(block, edges.taken[block] as number);
    visit(block, edges.falls[block] as number);
  }
  return { dominator, isLoopHeader, forwardEdges, reducible };
}

/** A test whether one block dominates another, from intervals in the dominator tree. */
function dominance(order: Int32Array, dominator: Int32Array): (above: number, below: number) => boolean {
  const size = new Int32Array(dominator.length).fill(1);
  for (let i = order.length - 1; i > 0; i--) {
    const block = order[i] as number;
    const parent = dominator[block] as number;
    size[parent] = (size[parent] as number) + (size[block] as number);
  }
  const first = new Int32Array(dominator.length);
  const free = new Int32Array(dominator.length);
  free[order[0] as number] = 1;
  for (let i = 1; i < order.length; i++) {
    const block = order[i] as number;
    const parent = dominator[block] as number;
    const at = free[parent] as number;
    first[block] = at;
    free[parent] = at + (size[block] as number);
    free[block] = at + 1;
  }
  return (above, below) => {
    const distance = (first[below] as number) - (first[above] as number);
    return distance >= 0 && distance < (size[above] as number);
  };
}

/** Immediate dominators by iteration over the reverse post-order (Cooper, Harvey, Kennedy 2001). */
function dominators(edges: Edges, order: Int32Array, position: Int32Array): Int32Array {
  const dominator = new Int32Array(edges.count).fill(NO_BLOCK);
  const entry = order[0] as number;
  dominator[entry] = entry;
  const intersect = (a: number, b: number): number => {
    let [x, y] = [a, b];
    while (x !== y) {
      while ((position[x] as number) > (position[y] as number)) x = dominator[x] as number;
      while ((position[y] as number) > (position[x] as number)) y = dominator[y] as number;
    }
    return x;
  };
  const update = (block: number, next: number): boolean => {
    if (next === NO_BLOCK || next === entry) return false;
    const old = dominator[next] as number;
    const now = old === NO_BLOCK ? block : intersect(block, old);
    dominator[next] = now;
    return now !== old;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of order) {
      if (update(block, edges.taken[block] as number)) changed = true;
      if (update(block, edges.falls[block] as number)) changed = true;
    }
  }
  return dominator;
}
