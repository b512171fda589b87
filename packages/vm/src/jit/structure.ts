/**
 * Control flow: from blocks and jumps to nested WebAssembly blocks and loops.
 *
 * Reducible graphs, which is all that C compilers make, are nested along the dominator tree (N. Ramsey, "Beyond
 * Relooper", 2022): a block with several forward predecessors is placed after a `block` that its dominator opens, a loop
 * header opens a `loop`, every other block stands where its only predecessor jumps. Irreducible graphs run in one loop
 * that dispatches on the number of the next block. Neither form recurses.
 */
import { emitBurn } from "./alu.ts";
import { emitCondition } from "./branch.ts";
import { emitExit } from "./call.ts";
import { type FlowGraph, NO_BLOCK } from "./flow-graph.ts";
import { type FunctionCode, Import, Local } from "./function-code.ts";
import { EMPTY_BLOCK, Op } from "./wasm-op.ts";

/** Emits the straight-line part of a block: all but the jump or exit that may end it. */
export type BodyEmitter = (block: number) => void;

/** Deepest nesting that is emitted; beyond it the dispatching form is used. */
const NESTING_LIMIT = 2000;

/** Emits a function's blocks. */
export function emitFlow(code: FunctionCode, graph: FlowGraph, body: BodyEmitter): void {
  if (!graph.reducible || nestingDepth(graph) > NESTING_LIMIT) new Dispatcher(code, graph, body).emit();
  else new Nester(code, graph, body).emit();
}

/** True for blocks that get a `block` of their own to be jumped to. */
function isMerge(graph: FlowGraph, block: number): boolean {
  return (graph.forwardEdges[block] as number) >= 2;
}

/** How deep the nested form would nest, at most one too many per block that is reached without a label. */
function nestingDepth(graph: FlowGraph): number {
  // Height at which each block is opened, and how many of its merge blocks are still to be placed.
  const height = new Int32Array(graph.count);
  const merges = new Int32Array(graph.count);
  for (const block of graph.order) {
    const above = graph.dominator[block] as number;
    if (isMerge(graph, block)) merges[above] = (merges[above] as number) + 1;
  }
  const left = merges.slice();
  let deepest = 0;
  for (const block of graph.order) {
    const above = graph.dominator[block] as number;
    if (above !== block) {
      const outside = (height[above] as number) + (graph.isLoopHeader[above] as number);
      if (isMerge(graph, block)) {
        left[above] = (left[above] as number) - 1;
        height[block] = outside + (left[above] as number);
      } else height[block] = outside + (merges[above] as number) + (bothInline(graph, above) ? 1 : 0);
    }
    deepest = Math.max(deepest, (height[block] as number) + (merges[block] as number) + 2);
  }
  return deepest;
}

/** True where both ways out of a block need an `if`: neither is a jump that costs nothing. */
function bothInline(graph: FlowGraph, block: number): boolean {
  const [taken, falls] = [graph.taken[block] as number, graph.falls[block] as number];
  if (taken === NO_BLOCK || falls === NO_BLOCK || isMerge(graph, falls)) return false;
  const free = (graph.start[taken] as number) > (graph.last[block] as number);
  return !(free && isMerge(graph, taken));
}

/** Work still to do, as (kind, block) pairs on a stack. */
const Task = { Block: 0, EndThenBlock: 1, End: 2, Else: 3, Edge: 4 } as const;

class Nester {
  readonly #code: FunctionCode;
  readonly #graph: FlowGraph;
  readonly #body: BodyEmitter;
  readonly #tasks: number[] = [];
  /** Number of open blocks, loops and ifs. */
  #height = 0;
  /** Height at which the label of a block (for forward jumps) and of a loop (for backward ones) was opened. */
  readonly #blockLabel: Int32Array;
  readonly #loopLabel: Int32Array;
  /** Merge blocks that each block immediately dominates, in reverse post-order: a linked list. */
  readonly #firstMerge: Int32Array;
  readonly #nextMerge: Int32Array;

  constructor(code: FunctionCode, graph: FlowGraph, body: BodyEmitter) {
    this.#code = code;
    this.#graph = graph;
    this.#body = body;
    this.#blockLabel = new Int32Array(graph.count);
    this.#loopLabel = new Int32Array(graph.count);
    this.#firstMerge = new Int32Array(graph.count).fill(NO_BLOCK);
    this.#nextMerge = new Int32Array(graph.count).fill(NO_BLOCK);
    for (let i = graph.order.length - 1; i > 0; i--) {
      const block = graph.order[i] as number;
      if (!isMerge(graph, block)) continue;
      const above = graph.dominator[block] as number;
      this.#nextMerge[block] = this.#firstMerge[above] as number;
      this.#firstMerge[above] = block;
    }
  }

  emit(): void {
    this.#push(Task.Block, 0);
    while (this.#tasks.length > 0) {
      const block = this.#tasks.pop() as number;
      const kind = this.#tasks.pop() as number;
      switch (kind) {
        case Task.Block:
          this.#open(block);
          break;
        case Task.EndThenBlock:
          this.#end();
          this.#open(block);
          break;
        case Task.End:
          this.#end();
          break;
        case Task.Else:
          this.#code.op(Op.Else);
          break;
        default:
          this.#edge(block >> 1, (block & 1) === 1);
      }
    }
    // Every path has returned.
    this.#code.op(Op.Unreachable);
  }

  #push(kind: number, block: number): void {
    this.#tasks.push(kind, block);
  }

  #begin(opcode: number): void {
    this.#code.sink.byte2(opcode, EMPTY_BLOCK);
    this.#height++;
  }

  #end(): void {
    this.#code.op(Op.End);
    this.#height--;
  }

  /** Opens the labels that a block needs, emits it, and leaves its end and its followers as tasks. */
  #open(block: number): void {
    const graph = this.#graph;
    if (graph.isLoopHeader[block] === 1) {
      this.#begin(Op.Loop);
      this.#loopLabel[block] = this.#height;
      this.#push(Task.End, block);
    }
    // The follower that comes last is outermost; tasks are a stack, so it goes in first, its label too.
    const merges: number[] = [];
    for (let m = this.#firstMerge[block] as number; m !== NO_BLOCK; m = this.#nextMerge[m] as number) {
      merges.push(m);
    }
    for (let i = merges.length - 1; i >= 0; i--) {
      const merge = merges[i] as number;
      this.#begin(Op.Block);
      this.#blockLabel[merge] = this.#height;
      this.#push(Task.EndThenBlock, merge);
    }
    this.#body(block);
    this.#terminate(block);
  }

  #terminate(block: number): void {
    const graph = this.#graph;
    const [taken, falls] = [graph.taken[block] as number, graph.falls[block] as number];
    if (taken === NO_BLOCK && falls === NO_BLOCK) {
      emitExit(this.#code);
      return;
    }
    if (taken === NO_BLOCK || falls === NO_BLOCK) {
      this.#edge(block, falls === NO_BLOCK);
      return;
    }
    emitCondition(this.#code, graph.last[block] as number);
    if (this.#isLabel(block, taken) && !this.#burns(block, true)) {
      this.#jump(Op.BrIf, block, taken);
      this.#edge(block, false);
    } else if (this.#isLabel(block, falls)) {
      this.#code.op(Op.I32Eqz);
      this.#jump(Op.BrIf, block, falls);
      this.#edge(block, true);
    } else {
      this.#begin(Op.If);
      this.#push(Task.End, block);
      this.#push(Task.Edge, block << 1);
      this.#push(Task.Else, block);
      this.#edge(block, true);
    }
  }

  /** Is the target reached by a jump rather than by standing right here? */
  #isLabel(from: number, to: number): boolean {
    return this.#isBackward(from, to) || isMerge(this.#graph, to);
  }

  #isBackward(from: number, to: number): boolean {
    return (this.#graph.position[to] as number) <= (this.#graph.position[from] as number);
  }

  /** Does following the edge cost fuel? Jumps to lower or equal slots do, as in the interpreter. */
  #burns(block: number, taken: boolean): boolean {
    if (!taken) return false;
    const target = this.#graph.start[this.#graph.taken[block] as number] as number;
    return target <= (this.#graph.last[block] as number);
  }

  /** Follows one of a block's edges: a jump, or the target itself. */
  #edge(block: number, taken: boolean): void {
    const to = (taken ? this.#graph.taken[block] : this.#graph.falls[block]) as number;
    if (this.#burns(block, taken)) {
      emitBurn(this.#code, this.#graph.last[block] as number, Import.OutOfFuel);
    }
    if (this.#isLabel(block, to)) this.#jump(Op.Br, block, to);
    else this.#push(Task.Block, to);
  }

  #jump(opcode: number, from: number, to: number): void {
    const label = (this.#isBackward(from, to) ? this.#loopLabel[to] : this.#blockLabel[to]) as number;
    this.#code.op(opcode);
    this.#code.sink.u32(this.#height - label);
  }
}

/** loop { block... { br_table next } block 0; block 1; ... } */
class Dispatcher {
  readonly #code: FunctionCode;
  readonly #graph: FlowGraph;
  readonly #body: BodyEmitter;

  constructor(code: FunctionCode, graph: FlowGraph, body: BodyEmitter) {
    this.#code = code;
    this.#graph = graph;
    this.#body = body;
  }

  emit(): void {
    const code = this.#code;
    const { order } = this.#graph;
    code.sink.byte2(Op.Loop, EMPTY_BLOCK);
    for (let i = 0; i < order.length; i++) code.sink.byte2(Op.Block, EMPTY_BLOCK);
    code.get(Local.Next);
    code.op(Op.BrTable);
    code.sink.u32(order.length - 1);
    for (let i = 0; i < order.length; i++) code.sink.u32(i);
    for (let i = 0; i < order.length; i++) {
      code.op(Op.End);
      this.#body(order[i] as number);
      this.#terminate(order[i] as number, order.length - 1 - i);
    }
    code.op(Op.End);
    code.op(Op.Unreachable);
  }

  /** `loopDepth`: label of the loop as seen from here. */
  #terminate(block: number, loopDepth: number): void {
    const code = this.#code;
    const [taken, falls] = [this.#graph.taken[block] as number, this.#graph.falls[block] as number];
    if (taken === NO_BLOCK && falls === NO_BLOCK) {
      emitExit(code);
      return;
    }
    if (taken !== NO_BLOCK && falls !== NO_BLOCK) {
      emitCondition(code, this.#graph.last[block] as number);
      code.sink.byte2(Op.If, EMPTY_BLOCK);
      this.#go(block, taken, loopDepth + 1, true);
      code.op(Op.End);
      this.#go(block, falls, loopDepth, false);
    } else if (taken !== NO_BLOCK) this.#go(block, taken, loopDepth, true);
    else this.#go(block, falls, loopDepth, false);
  }

  #go(from: number, to: number, loopDepth: number, jump: boolean): void {
    const code = this.#code;
    const last = this.#graph.last[from] as number;
    if (jump && (this.#graph.start[to] as number) <= last) emitBurn(code, last, Import.OutOfFuel);
    code.i32(this.#graph.position[to] as number);
    code.set(Local.Next);
    code.op(Op.Br);
    code.sink.u32(loopDepth);
  }
}
