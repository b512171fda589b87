/** Stacks that begin alike, put together: how often each function was on a stack, below which others. */

/** What a function is part of; it decides the colour. */
export type FrameKind = "process" | "user" | "kernel";

/** One function of a stack. */
export interface Frame {
  readonly name: string;
  readonly kind: FrameKind;
}

/** A stack, outermost function first, and how often it was seen. */
export interface CountedStack {
  readonly frames: readonly Frame[];
  readonly count: number;
}

/** One function at one place, with everything above it. */
export interface FrameNode extends Frame {
  /** How often it was seen there, by itself or below others. */
  readonly count: number;
  readonly children: readonly FrameNode[];
}

interface GrowingNode extends Frame {
  count: number;
  readonly children: Map<string, GrowingNode>;
}

const grow = (frame: Frame): GrowingNode => ({ ...frame, count: 0, children: new Map() });

/** The tree of all stacks. Functions above the same one are in the order of their names. */
export function frameTree(stacks: readonly CountedStack[]): FrameNode {
  const root = grow({ name: "all", kind: "process" });
  for (const { frames, count } of stacks) {
    root.count += count;
    let node = root;
    for (const frame of frames) {
      const key = `${frame.kind} ${frame.name}`;
      let next = node.children.get(key);
      if (next === undefined) {
        next = grow(frame);
        node.children.set(key, next);
      }
      next.count += count;
      node = next;
    }
  }
  return finished(root);
}

/** Stacks are at most 254 functions deep (two halves of 127), so this is no deep recursion. */
function finished({ name, kind, count, children }: GrowingNode): FrameNode {
  const sorted = [...children.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return { name, kind, count, children: sorted.map(finished) };
}

/** A node's place: `start` counts from the left in the same unit as `count`, `depth` from the root. */
export interface PlacedFrame {
  readonly node: FrameNode;
  readonly start: number;
  readonly depth: number;
}

/** Every node with its place, parents before children. */
export function placeFrames(root: FrameNode): PlacedFrame[] {
  const placed: PlacedFrame[] = [];
  const place = (node: FrameNode, start: number, depth: number): void => {
    placed.push({ node, start, depth });
    let next = start;
    for (const child of node.children) {
      place(child, next, depth + 1);
      next += child.count;
    }
  };
  place(root, 0, 0);
  return placed;
}
