/**
 * Splitting: an interval that got no register is kept in memory, and pieces of it in a register where one is free.
 *
 * For a candidate register the value is "at hand" at a point when every way there has put it into the register since
 * the register was last needed by somebody else. Reads where it is not at hand reload it; the register that needs
 * the fewest reloads wins.
 */
import type { MachineBlock } from "../machine/machine-function.ts";
import { forEachDefinition, forEachUse, mapDefinitions, mapUses } from "../machine/operands.ts";
import type { Register } from "../machine/register.ts";
import type { Allocation } from "./allocate.ts";
import { allocationOrder } from "./calling-convention.ts";
import { LiveInterval } from "./live-interval.ts";
import { reloadAt, spilledAt, step, writeAt } from "./positions.ts";

/** One instruction that touches the interval. */
interface Touch {
  readonly index: number;
  readonly reads: boolean;
  readonly writes: boolean;
}

/** A block in which the interval lives. */
interface Visit {
  readonly block: MachineBlock;
  readonly start: number;
  readonly end: number;
  readonly liveIn: boolean;
  readonly liveOut: boolean;
  readonly touches: Touch[];
}

/** What one register could do for a visit, apart from what comes in from other blocks. */
interface Outlook {
  /** The register is free from the start of the block to the end of the first touch, or of the block. */
  readonly headFree: boolean;
  /** At hand at the end of the block; for blocks without touches, if it was at the start. */
  readonly tail: boolean;
  /** Reloads, but for the one of the first touch where the value is at hand when the block begins. */
  readonly cost: number;
}

/** A plan for one register. */
interface Plan {
  readonly register: Register;
  readonly atHand: readonly boolean[];
  readonly cost: number;
}

/** A stretch of code in which a piece holds the value, until pieces are put together. */
interface Run {
  readonly ranges: number[];
  readonly occurrences: number[];
  readonly reloads: number[];
  parent: Run | undefined;
}

/** Splits an interval into pieces and puts those in line that have no register yet. */
export function splitInterval(allocation: Allocation, interval: LiveInterval): void {
  const visits = visitsOf(allocation, interval);
  const plan = interval.stage === "split" ? undefined : bestPlan(allocation, visits);
  const runs = plan === undefined ? minimalRuns(visits) : plannedRuns(allocation, visits, plan);
  if (interval.isConstant) dropDefinitions(allocation, interval);
  else if (runs.some((run) => run.reloads.length > 0))
    storeDefinitions(allocation, visits, interval.original);
  allocation.reloads.delete(interval);
  allocation.intervals.byRegister[interval.register] = undefined;
  for (const group of groupRuns(runs)) addPiece(allocation, interval, group, plan);
}

function visitsOf(allocation: Allocation, interval: LiveInterval): Visit[] {
  const { positions } = allocation.intervals;
  const visits = new Map<MachineBlock, Visit>();
  const enter = (block: MachineBlock): Visit => {
    let visit = visits.get(block);
    if (visit === undefined) {
      const start = positions.firstIndex[block.id]! * step;
      const end = positions.endIndex[block.id]! * step;
      const liveIn = interval.covers(start);
      visit = { block, start, end, liveIn, liveOut: interval.covers(end - 1), touches: [] };
      visits.set(block, visit);
    }
    return visit;
  };
  for (let range = 0; range < interval.starts.length; range++) {
    const end = interval.ends[range]!;
    for (let at = interval.starts[range]!; at < end; ) {
      const block = positions.blockAt[Math.floor(at / step)]!;
      enter(block);
      at = positions.endIndex[block.id]! * step;
    }
  }
  for (const index of interval.occurrences) {
    const insn = positions.instructions[index];
    if (insn === undefined) continue;
    let reads = false;
    let writes = false;
    forEachUse(insn, (register) => {
      if (register === interval.register) reads = true;
    });
    forEachDefinition(insn, (register) => {
      if (register === interval.register) writes = true;
    });
    if (writes && interval.isConstant) continue;
    enter(positions.blockAt[index]!).touches.push({ index, reads, writes });
  }
  return [...visits.values()];
}

function bestPlan(allocation: Allocation, visits: readonly Visit[]): Plan | undefined {
  let worst = 0;
  for (const visit of visits) {
    const frequency = allocation.frequency(visit.start / step);
    for (const touch of visit.touches) if (touch.reads) worst += frequency;
  }
  let best: Plan | undefined;
  for (const register of allocationOrder) {
    const plan = planFor(allocation, visits, register);
    if (plan.cost < worst && (best === undefined || plan.cost < best.cost)) best = plan;
  }
  return best;
}

function planFor(allocation: Allocation, visits: readonly Visit[], register: Register): Plan {
  const outlooks = visits.map((visit) => outlookOf(allocation, visit, register));
  const place = new Map(visits.map((visit, index) => [visit.block, index]));
  const atHand = visits.map((visit) => visit.liveIn && visit.block.predecessors.length > 0);
  const leaves = (index: number): boolean => {
    const outlook = outlooks[index]!;
    return visits[index]!.touches.length > 0 ? outlook.tail : atHand[index]! && outlook.headFree;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let index = 0; index < visits.length; index++) {
      if (!atHand[index]) continue;
      const all = visits[index]!.block.predecessors.every((block) => {
        const from = place.get(block);
        return from !== undefined && leaves(from);
      });
      if (!all) {
        atHand[index] = false;
        changed = true;
      }
    }
  }
  let cost = 0;
  visits.forEach((visit, index) => {
    const outlook = outlooks[index]!;
    cost += outlook.cost;
    if (visit.touches[0]?.reads && !(atHand[index] && outlook.headFree)) {
      cost += allocation.frequency(visit.start / step);
    }
  });
  return { register, atHand, cost };
}

function outlookOf(allocation: Allocation, visit: Visit, register: Register): Outlook {
  const { occupancy } = allocation;
  const first = visit.touches[0];
  if (first === undefined) {
    const free = occupancy.isFree(register, visit.start, visit.end);
    return { headFree: free, tail: false, cost: 0 };
  }
  const headFree =
    visit.liveIn &&
    fits(allocation, register, first) &&
    occupancy.isFree(register, visit.start, first.index * step + writeAt);
  const frequency = allocation.frequency(visit.start / step);
  let cost = 0;
  let at = -1;
  visit.touches.forEach((touch, index) => {
    const position = touch.index * step + writeAt;
    const kept = at >= 0 && occupancy.isFree(register, at, position);
    if (touch.reads && index > 0 && !(kept && fits(allocation, register, touch))) cost += frequency;
    at = fits(allocation, register, touch) ? position : -1;
  });
  return { headFree, tail: visit.liveOut && at >= 0 && occupancy.isFree(register, at, visit.end), cost };
}

/** True where the register is free around a touch, for a reload before and a spill after it. */
function fits(allocation: Allocation, register: Register, touch: Touch): boolean {
  const position = touch.index * step;
  const start = touch.reads ? position + reloadAt : position + writeAt;
  const end = touch.writes ? position + spilledAt + 1 : position + writeAt;
  return allocation.occupancy.isFree(register, start, end);
}

/** A piece for each touch alone. */
function minimalRuns(visits: readonly Visit[]): Run[] {
  return visits.flatMap((visit) => visit.touches.map((touch) => touchAlone(touch)));
}

function touchAlone(touch: Touch): Run {
  const position = touch.index * step;
  const start = touch.reads ? position + reloadAt : position + writeAt;
  const end = touch.writes ? position + spilledAt + 1 : position + writeAt;
  return {
    ranges: [start, end],
    occurrences: [touch.index],
    reloads: touch.reads ? [touch.index] : [],
    parent: undefined,
  };
}

function plannedRuns(allocation: Allocation, visits: readonly Visit[], plan: Plan): Run[] {
  const { needed, place } = neededAtStart(allocation, visits, plan);
  const runs: Run[] = [];
  const heads: (Run | undefined)[] = [];
  const tails: (Run | undefined)[] = [];
  visits.forEach((visit, index) => {
    const head = needed[index] ? newRun(runs, visit.start) : undefined;
    heads[index] = head;
    const neededAfter = visit.block.successors.some((block) => needed[place.get(block) ?? -1]);
    tails[index] = walk(allocation, visit, plan.register, head, neededAfter, runs);
  });
  visits.forEach((visit, index) => {
    const head = heads[index];
    if (head === undefined) return;
    for (const predecessor of visit.block.predecessors) {
      const tail = tails[place.get(predecessor) ?? -1];
      if (tail !== undefined) unite(head, tail);
    }
  });
  return runs.filter((run) => run.ranges.length > 0);
}

/** Blocks that read the value, as it is at hand when they begin, before they reload it. */
function neededAtStart(
  allocation: Allocation,
  visits: readonly Visit[],
  plan: Plan,
): { needed: boolean[]; place: Map<MachineBlock, number> } {
  const place = new Map(visits.map((visit, index) => [visit.block, index]));
  const needed = visits.map(() => false);
  const work: number[] = [];
  const mark = (index: number): void => {
    if (needed[index] || !plan.atHand[index]) return;
    needed[index] = true;
    work.push(index);
  };
  visits.forEach((visit, index) => {
    const first = visit.touches[0];
    if (first?.reads && plan.atHand[index] && outlookOf(allocation, visit, plan.register).headFree)
      mark(index);
  });
  while (work.length > 0) {
    const visit = visits[work.pop()!]!;
    for (const predecessor of visit.block.predecessors) {
      const from = place.get(predecessor);
      if (from !== undefined && visits[from]!.touches.length === 0) mark(from);
    }
  }
  return { needed, place };
}

function newRun(runs: Run[], start: number): Run {
  const run: Run = { ranges: [start, start], occurrences: [], reloads: [], parent: undefined };
  runs.push(run);
  return run;
}

/** Lays the runs of one block; returns the one that leaves it. */
function walk(
  allocation: Allocation,
  visit: Visit,
  register: Register,
  head: Run | undefined,
  neededAfter: boolean,
  runs: Run[],
): Run | undefined {
  let run = head;
  for (const touch of visit.touches) {
    const position = touch.index * step;
    if (!fits(allocation, register, touch)) {
      runs.push(touchAlone(touch));
      run = undefined;
      continue;
    }
    const from = run?.ranges[1] ?? 0;
    if (touch.reads) {
      if (
        run === undefined ||
        !allocation.occupancy.isFree(register, Math.min(from, position), position + writeAt)
      ) {
        run = newRun(runs, position + reloadAt);
        run.reloads.push(touch.index);
      }
    } else run = newRun(runs, position + writeAt);
    run.occurrences.push(touch.index);
    run.ranges[1] = touch.writes ? position + spilledAt + 1 : position + writeAt;
  }
  if (run === undefined || !neededAfter) return undefined;
  run.ranges[1] = visit.end;
  return run;
}

function rootOf(run: Run): Run {
  let root = run;
  while (root.parent !== undefined) root = root.parent;
  let at = run;
  while (at.parent !== undefined) {
    const next = at.parent;
    at.parent = root;
    at = next;
  }
  return root;
}

function unite(first: Run, second: Run): void {
  const left = rootOf(first);
  const right = rootOf(second);
  if (left !== right) left.parent = right;
}

function groupRuns(runs: readonly Run[]): Run[][] {
  const groups = new Map<Run, Run[]>();
  for (const run of runs) {
    const root = rootOf(run);
    const group = groups.get(root);
    if (group === undefined) groups.set(root, [run]);
    else group.push(run);
  }
  return [...groups.values()];
}

function addPiece(
  allocation: Allocation,
  interval: LiveInterval,
  group: readonly Run[],
  plan: Plan | undefined,
): void {
  const { fn, intervals } = allocation;
  const piece = new LiveInterval(fn.newRegister());
  piece.original = interval.original;
  piece.isConstant = interval.isConstant;
  const constant = allocation.constants.get(interval);
  if (constant !== undefined) allocation.constants.set(piece, constant);
  intervals.byRegister[piece.register] = piece;
  const sorted = [...group].sort((left, right) => left.ranges[0]! - right.ranges[0]!);
  for (const run of sorted) {
    // A head that meets its block's predecessor in the layout makes one range with it.
    if (run.ranges[0]! < run.ranges[1]!) piece.append(run.ranges[0]!, run.ranges[1]!, 0);
  }
  piece.occurrences = sorted.flatMap((run) => run.occurrences).sort((left, right) => left - right);
  const reloads = sorted.flatMap((run) => run.reloads);
  allocation.reloads.set(piece, reloads);
  for (const index of piece.occurrences) {
    const insn = intervals.positions.instructions[index]!;
    const change = (register: Register): Register =>
      register === interval.register ? piece.register : register;
    mapUses(insn, change);
    mapDefinitions(insn, change);
  }
  const minimal = group.length === 1 && piece.occurrences.length === 1 && isAlone(piece);
  piece.stage = minimal ? "minimal" : "split";
  if (minimal) piece.weight = Number.POSITIVE_INFINITY;
  else allocation.weigh(piece);
  const wishes = plan === undefined || minimal ? [] : [...allocation.hints(piece), plan.register];
  const register = wishes.find((wish) => allocation.occupancy.isFreeFor(wish, piece));
  if (register === undefined) allocation.enqueue(piece);
  else allocation.occupancy.assign(register, piece);
}

function isAlone(piece: LiveInterval): boolean {
  return piece.end - piece.start <= spilledAt + 1 - reloadAt;
}

/** Stores every value of the interval after it is made. */
function storeDefinitions(allocation: Allocation, visits: readonly Visit[], original: LiveInterval): void {
  let spills = allocation.spills.get(original);
  if (spills === undefined) {
    spills = new Set();
    allocation.spills.set(original, spills);
  }
  for (const visit of visits) {
    for (const touch of visit.touches) if (touch.writes) spills.add(touch.index);
  }
}

/** A constant that is computed where it is used need not be computed where it was. */
function dropDefinitions(allocation: Allocation, interval: LiveInterval): void {
  for (const index of interval.occurrences) {
    const insn = allocation.intervals.positions.instructions[index];
    if (insn?.dst === interval.register) allocation.dropped.add(index);
  }
}
