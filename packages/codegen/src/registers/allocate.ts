/**
 * Register allocation: intervals by priority take a free register, evict cheaper ones, or are split around what is
 * in their way; what is left lives in memory. (The plan is that of greedy allocators such as LLVM's.)
 */
import { InternalError } from "@bpfkit/base/diagnostics";
import type { MachineFunction } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import { isRematerialisable } from "../machine/machine-instruction.ts";
import type { Register } from "../machine/register.ts";
import { allocatableCount, firstVirtual } from "../machine/register.ts";
import { sinkComputations } from "../peephole/sink.ts";
import { allocationOrder } from "./calling-convention.ts";
import { coalesce } from "./coalesce.ts";
import type { Intervals } from "./intervals.ts";
import type { LiveInterval } from "./live-interval.ts";
import { Occupancy } from "./occupancy.ts";
import { eliminatePhis } from "./phi-elimination.ts";
import { step } from "./positions.ts";
import { PriorityQueue } from "./priority-queue.ts";
import { rewrite } from "./rewrite.ts";
import { splitInterval } from "./split.ts";
import { toTwoAddress } from "./two-address.ts";

/** What allocation has decided so far. */
export class Allocation {
  readonly fn: MachineFunction;
  readonly intervals: Intervals;
  readonly occupancy: Occupancy;
  /** Reloads of each piece, by instruction index. */
  readonly reloads = new Map<LiveInterval, number[]>();
  /** For each interval that lives in memory, the indices of the instructions after which it goes to its slot. */
  readonly spills = new Map<LiveInterval, Set<number>>();
  /** Instruction that computes each constant that is computed again where it is used. */
  readonly constants = new Map<LiveInterval, MachineInstruction>();
  /** Definitions of such constants, which vanish, by index. */
  readonly dropped = new Set<number>();
  readonly queue = new PriorityQueue<LiveInterval>();

  constructor(fn: MachineFunction, intervals: Intervals) {
    this.fn = fn;
    this.intervals = intervals;
    this.occupancy = new Occupancy(intervals.fixed);
  }

  /** How often a block runs compared to the function, as a guess. */
  frequency(index: number): number {
    return 8 ** Math.min(6, this.intervals.positions.blockAt[index]!.loopDepth);
  }

  /** Sets an interval's weight from its occurrences and reloads. */
  weigh(interval: LiveInterval): void {
    let sum = 0;
    for (const index of interval.occurrences) sum += this.frequency(index);
    for (const index of this.reloads.get(interval) ?? []) sum += this.frequency(index);
    const weight = sum / (interval.size + 25 * step);
    interval.weight = interval.isConstant ? weight / 2 : weight;
  }

  /** Puts an interval in line: long ones first, then short ones in the order of the code. */
  enqueue(interval: LiveInterval): void {
    const { positions } = this.intervals;
    const first = positions.blockAt[Math.floor(interval.start / step)];
    const last = positions.blockAt[Math.floor((interval.end - 1) / step)];
    let key: number;
    if (interval.stage === "waiting") key = interval.size;
    else if (first === last) key = 2 ** 40 - interval.start;
    else key = 2 ** 41 + interval.size;
    if (interval.weight === Number.POSITIVE_INFINITY) key += 2 ** 43;
    this.queue.push(key, interval);
  }

  /** Registers an interval would like to have, best first: those it is copied from or to. */
  hints(interval: LiveInterval): Register[] {
    const wishes = new Float64Array(allocatableCount);
    for (const index of interval.occurrences) {
      const insn = this.intervals.positions.instructions[index];
      if (insn === undefined || insn.opcode !== "copy") continue;
      const other = insn.dst === interval.register ? insn.a : insn.dst;
      const register = other < firstVirtual ? other : (this.intervals.byRegister[other]?.assigned ?? -1);
      if (register >= 0 && register < allocatableCount) wishes[register]! += this.frequency(index);
    }
    const hints: Register[] = [];
    for (let register = 0; register < allocatableCount; register++) {
      if (wishes[register]! > 0) hints.push(register);
    }
    return hints.sort((left, right) => wishes[right]! - wishes[left]!);
  }
}

/**
 * Assigns physical registers to all virtual ones; the function must be in SSA form with linked blocks and known loops.
 */
export function allocateRegisters(fn: MachineFunction): void {
  const rounds = eliminatePhis(fn);
  sinkComputations(fn);
  toTwoAddress(fn, rounds);
  const intervals = coalesce(fn);
  const allocation = new Allocation(fn, intervals);
  for (const interval of intervals.byRegister) {
    if (interval === undefined || interval.starts.length === 0) continue;
    if (interval.isConstant) allocation.constants.set(interval, definitionOf(intervals, interval));
    allocation.weigh(interval);
    allocation.enqueue(interval);
  }
  for (;;) {
    const interval = allocation.queue.pop();
    if (interval === undefined) break;
    place(allocation, interval);
  }
  recolour(allocation);
  rewrite(allocation);
}

function definitionOf(intervals: Intervals, interval: LiveInterval): MachineInstruction {
  for (const index of interval.occurrences) {
    const insn = intervals.positions.instructions[index];
    if (insn !== undefined && insn.dst === interval.register && isRematerialisable(insn)) return insn;
  }
  throw new InternalError(`constant register ${interval.register} has no definition`);
}

function place(allocation: Allocation, interval: LiveInterval): void {
  const { occupancy } = allocation;
  const hints = allocation.hints(interval);
  const order = [...hints, ...allocationOrder];
  const wish = hints[0];
  if (wish !== undefined && !occupancy.isFreeFor(wish, interval) && makeRoom(allocation, wish, interval)) {
    occupancy.assign(wish, interval);
    return;
  }
  for (const register of order) {
    if (!occupancy.isFreeFor(register, interval)) continue;
    occupancy.assign(register, interval);
    return;
  }
  if (evict(allocation, interval, order)) return;
  switch (interval.stage) {
    case "new":
      interval.stage = "waiting";
      allocation.enqueue(interval);
      return;
    case "minimal":
      throw new InternalError(`no register for a minimal interval in ${allocation.fn.name}`);
    default:
      splitInterval(allocation, interval);
  }
}

/** Moves those who hold a wished-for register, not wishing for it themselves, to others that are free for them. */
function makeRoom(allocation: Allocation, wish: Register, interval: LiveInterval): boolean {
  const { occupancy } = allocation;
  const { fixed, owners } = occupancy.conflicts(wish, interval);
  if (fixed || owners.length > 2) return false;
  const moves: { owner: LiveInterval; to: Register }[] = [];
  for (const owner of owners) {
    if (allocation.hints(owner).includes(wish)) return false;
    const to = allocationOrder.find((register) => register !== wish && occupancy.isFreeFor(register, owner));
    if (to === undefined) return false;
    moves.push({ owner, to });
  }
  for (const { owner, to } of moves) {
    occupancy.release(owner);
    // Two owners may want the same other register: the second goes back in line.
    if (occupancy.isFreeFor(to, owner)) occupancy.assign(to, owner);
    else allocation.enqueue(owner);
  }
  return true;
}

/** Takes the register whose owners weigh least, where all weigh less than the interval; they go back in line. */
function evict(allocation: Allocation, interval: LiveInterval, order: readonly Register[]): boolean {
  let best: { register: Register; owners: readonly LiveInterval[]; cost: number } | undefined;
  for (const register of order) {
    const { fixed, owners } = allocation.occupancy.conflicts(register, interval);
    if (fixed) continue;
    let cost = 0;
    for (const owner of owners) cost = Math.max(cost, owner.weight);
    if (cost < interval.weight && (best === undefined || cost < best.cost)) best = { register, owners, cost };
  }
  if (best === undefined) return false;
  for (const owner of best.owners) {
    allocation.occupancy.release(owner);
    allocation.enqueue(owner);
  }
  allocation.occupancy.assign(best.register, interval);
  return true;
}

/** Moves intervals to registers that make more of their copies empty, as long as that helps. */
function recolour(allocation: Allocation): void {
  const { intervals, occupancy } = allocation;
  for (let round = 0; round < 3; round++) {
    let changed = false;
    for (const interval of intervals.byRegister) {
      if (interval === undefined || interval.assigned < 0) continue;
      const wanted = allocation.hints(interval)[0];
      if (wanted === undefined || wanted === interval.assigned) continue;
      const current = interval.assigned;
      if (emptyCopies(allocation, interval, wanted) <= emptyCopies(allocation, interval, current)) continue;
      occupancy.release(interval);
      const possible = occupancy.isFreeFor(wanted, interval);
      occupancy.assign(possible ? wanted : current, interval);
      changed ||= possible;
    }
    if (!changed) return;
  }
}

function emptyCopies(allocation: Allocation, interval: LiveInterval, register: Register): number {
  let sum = 0;
  for (const index of interval.occurrences) {
    const insn = allocation.intervals.positions.instructions[index];
    if (insn === undefined || insn.opcode !== "copy") continue;
    const other = insn.dst === interval.register ? insn.a : insn.dst;
    const place = other < firstVirtual ? other : allocation.intervals.byRegister[other]?.assigned;
    if (place === register) sum += allocation.frequency(index);
  }
  return sum;
}
