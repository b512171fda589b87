/**
 * Switches to compares: balanced trees with short chains at their leaves. Neither bit tests nor jump tables, which the
 * verifier does not follow.
 */
import type { BasicBlock, IrFunction, PhiInstruction, SwitchInstruction, Value } from "../ir/index.ts";
import { integerType, intOf, newBlock } from "../ir/index.ts";
import { InstructionList } from "./build.ts";

/** Up to so many clusters are compared one after the other. */
const leafClusters = 3;

/** Consecutive case values with one target. */
interface Cluster {
  readonly low: bigint;
  high: bigint;
  readonly target: BasicBlock;
}

/** A part of the tree: which clusters can still match in which block, and what is known about the value. */
interface Part {
  readonly block: BasicBlock;
  readonly clusters: readonly Cluster[];
  readonly min: bigint;
  readonly max: bigint;
}

/** The switch being lowered. */
interface Lowering {
  readonly instruction: SwitchInstruction;
  readonly value: Value;
  readonly bits: number;
  readonly signed: boolean;
  /** Undefined where the default cannot be reached. */
  readonly defaultTarget: BasicBlock | undefined;
  readonly newBlocks: BasicBlock[];
  /** Blocks that now branch to each old target. */
  readonly edges: Map<BasicBlock, BasicBlock[]>;
}

/** Replaces all switches of a function. */
export function lowerSwitches(fn: IrFunction): void {
  const blocks: BasicBlock[] = [];
  for (const block of fn.blocks) {
    blocks.push(block);
    const last = block.instructions[block.instructions.length - 1];
    if (last?.opcode === "switch") blocks.push(...lowerSwitch(block, last));
  }
  fn.blocks = blocks;
}

function lowerSwitch(block: BasicBlock, instruction: SwitchInstruction): BasicBlock[] {
  block.instructions.pop();
  const widened = widen(block, instruction);
  const unreachable = isUnreachable(instruction.defaultTarget);
  const state: Lowering = {
    instruction,
    ...widened,
    defaultTarget: unreachable ? undefined : instruction.defaultTarget,
    newBlocks: [],
    edges: new Map(),
  };
  const { bits, signed } = state;
  const min = signed ? -(1n << BigInt(bits - 1)) : 0n;
  const max = signed ? (1n << BigInt(bits - 1)) - 1n : (1n << BigInt(bits)) - 1n;
  const clusters = clustersOf(state);
  const pending: Part[] = [{ block, clusters, min, max }];
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (part.clusters.length > leafClusters) pending.push(...split(state, part));
    else emitLeaf(state, part);
  }
  updatePhis(state, block);
  return state.newBlocks;
}

/** Narrow and odd values are extended once, and compared unsigned then; i32 and i64 in signed order as they are. */
function widen(
  block: BasicBlock,
  instruction: SwitchInstruction,
): { value: Value; bits: number; signed: boolean } {
  const { value } = instruction;
  const bits = value.type.kind === "integer" ? value.type.bits : 64;
  if (bits === 32 || bits >= 64) return { value, bits, signed: true };
  const wide = bits < 32 ? 32 : 64;
  const code = new InstructionList(instruction.debugLocation);
  const extended = code.cast("zext", value, integerType(wide));
  block.instructions.push(...code.list);
  return { value: extended, bits: wide, signed: false };
}

function isUnreachable(block: BasicBlock): boolean {
  return block.instructions[0]?.opcode === "unreachable";
}

/** Cases in order of value, neighbours with one target merged, cases that do what the default does left out. */
function clustersOf(state: Lowering): Cluster[] {
  const { signed, instruction, defaultTarget } = state;
  const cases = instruction.cases
    .filter((each) => each.target !== defaultTarget && !isUnreachable(each.target))
    .map((each) => {
      const { value, type } = each.value;
      return { low: signed ? BigInt.asIntN(type.bits, value) : value, target: each.target };
    });
  cases.sort((a, b) => (a.low < b.low ? -1 : a.low > b.low ? 1 : 0));
  const clusters: Cluster[] = [];
  for (const { low, target } of cases) {
    const last = clusters[clusters.length - 1];
    if (last !== undefined && last.target === target && last.high + 1n === low) last.high = low;
    else clusters.push({ low, high: low, target });
  }
  return clusters;
}

/** Branches on the first value of the right half. */
function split(state: Lowering, part: Part): Part[] {
  const middle = Math.ceil(part.clusters.length / 2);
  const leftClusters = part.clusters.slice(0, middle);
  const rightClusters = part.clusters.slice(middle);
  const pivot = (rightClusters[0] as Cluster).low;
  const left = addBlock(state, part.block);
  const right = addBlock(state, part.block);
  const code = new InstructionList(state.instruction.debugLocation);
  const condition = code.compare(state.signed ? "slt" : "ult", state.value, intOf(state.bits, pivot));
  code.conditionalBranch(condition, left, right);
  part.block.instructions.push(...code.list);
  return [
    { block: right, clusters: rightClusters, min: pivot, max: part.max },
    { block: left, clusters: leftClusters, min: part.min, max: pivot - 1n },
  ];
}

/** Compares with each cluster in turn; what matches none goes to the default. */
function emitLeaf(state: Lowering, part: Part): void {
  let { block, min, max } = part;
  const last = part.clusters.length - 1;
  for (const [index, cluster] of part.clusters.entries()) {
    const certain =
      (cluster.low <= min && cluster.high >= max) || (index === last && state.defaultTarget === undefined);
    if (certain) {
      goTo(state, block, cluster.target);
      return;
    }
    block = emitCompare(state, block, cluster, min, max, index === last ? state.defaultTarget : undefined);
    if (index === last) return;
    if (cluster.low <= min) min = cluster.high + 1n;
    if (cluster.high >= max) max = cluster.low - 1n;
  }
  if (state.defaultTarget !== undefined) goTo(state, block, state.defaultTarget);
  else unreachable(state, block);
}

/** Goes to the cluster's target where the value lies in it, else on; returns the block to go on in. */
function emitCompare(
  state: Lowering,
  block: BasicBlock,
  cluster: Cluster,
  min: bigint,
  max: bigint,
  otherwise: BasicBlock | undefined,
): BasicBlock {
  const miss = otherwise ?? addBlock(state, block);
  const { low, high } = cluster;
  const { bits, value, signed } = state;
  const branch = (at: BasicBlock, predicate: "eq" | "slt" | "ult" | "sgt" | "ugt", bound: bigint) => {
    const code = new InstructionList(state.instruction.debugLocation);
    const condition = code.compare(predicate, value, intOf(bits, bound));
    at.instructions.push(...code.list);
    return condition;
  };
  const finish = (at: BasicBlock, condition: Value, ifTrue: BasicBlock, ifFalse: BasicBlock) => {
    const code = new InstructionList(state.instruction.debugLocation);
    code.conditionalBranch(condition, ifTrue, ifFalse);
    at.instructions.push(...code.list);
    addEdge(state, at, ifTrue);
    addEdge(state, at, ifFalse);
  };
  if (low === high) {
    finish(block, branch(block, "eq", low), cluster.target, miss);
    return miss;
  }
  let at = block;
  if (low > min) {
    const next = high < max ? addBlock(state, block) : cluster.target;
    finish(at, branch(at, signed ? "slt" : "ult", low), miss, next);
    at = next;
  }
  if (high < max) finish(at, branch(at, signed ? "sgt" : "ugt", high), miss, cluster.target);
  return miss;
}

function goTo(state: Lowering, block: BasicBlock, target: BasicBlock): void {
  const code = new InstructionList(state.instruction.debugLocation);
  code.branch(target);
  block.instructions.push(...code.list);
  addEdge(state, block, target);
}

function unreachable(state: Lowering, block: BasicBlock): void {
  block.instructions.push({ ...state.instruction, opcode: "unreachable" });
}

function addBlock(state: Lowering, near: BasicBlock): BasicBlock {
  const block = newBlock(`${near.name}.case${state.newBlocks.length}`);
  state.newBlocks.push(block);
  return block;
}

function addEdge(state: Lowering, from: BasicBlock, to: BasicBlock): void {
  const known = state.edges.get(to);
  if (known === undefined) state.edges.set(to, [from]);
  else known.push(from);
}

/** The targets' phis: what came from the switch now comes from the blocks that replaced it. */
function updatePhis(state: Lowering, block: BasicBlock): void {
  const { instruction } = state;
  const targets = new Set([instruction.defaultTarget, ...instruction.cases.map((each) => each.target)]);
  for (const target of targets) {
    const sources = state.edges.get(target) ?? [];
    for (const phi of target.instructions) {
      if (phi.opcode !== "phi") break;
      updatePhi(phi, block, sources);
    }
  }
}

function updatePhi(phi: PhiInstruction, from: BasicBlock, sources: readonly BasicBlock[]): void {
  const way = phi.incoming.find((each) => each.block === from);
  if (way === undefined) return;
  phi.incoming = phi.incoming.filter((each) => each.block !== from);
  for (const block of sources) phi.incoming.push({ value: way.value, block });
}
