/** Coalescing: registers that only copies connect become one, where their values never clash. */
import type { MachineFunction } from "../machine/machine-function.ts";
import { mapDefinitions, mapUses } from "../machine/operands.ts";
import type { Register } from "../machine/register.ts";
import { firstVirtual } from "../machine/register.ts";
import type { Intervals } from "./intervals.ts";
import { buildIntervals } from "./intervals.ts";
import type { Values } from "./live-interval.ts";
import { LiveInterval } from "./live-interval.ts";

/** A copy between two virtual registers. */
interface Copy {
  readonly dst: Register;
  readonly src: Register;
  readonly depth: number;
}

/** Merges what can be merged, removes the copies that become empty, and returns intervals of the code left. */
export function coalesce(fn: MachineFunction): Intervals {
  const intervals = buildIntervals(fn);
  const copies: Copy[] = [];
  for (const block of fn.blocks) {
    for (const insn of block.instructions) {
      if (insn.opcode === "copy" && insn.dst >= firstVirtual && insn.a >= firstVirtual) {
        copies.push({ dst: insn.dst, src: insn.a, depth: block.loopDepth });
      }
    }
  }
  if (copies.length === 0) return intervals;
  // Copies in deep loops first; in the order of the code among equals.
  copies.sort((left, right) => right.depth - left.depth);
  const names = new Int32Array(fn.registerLimit).map((_, register) => register);
  for (const copy of copies) {
    const dst = nameOf(names, copy.dst);
    const src = nameOf(names, copy.src);
    if (dst === src) continue;
    const left = intervals.byRegister[dst];
    const right = intervals.byRegister[src];
    if (left === undefined || right === undefined) continue;
    const merged = merge(left, right, intervals.values);
    if (merged === undefined) continue;
    names[right.register] = left.register;
    intervals.byRegister[left.register] = merged;
    intervals.byRegister[right.register] = undefined;
    const bits = fn.significantBits;
    bits[dst] = Math.max(bits[dst] ?? 64, bits[src] ?? 64);
  }
  rename(fn, names);
  return buildIntervals(fn);
}

function nameOf(names: Int32Array, register: Register): Register {
  let name = register;
  while (names[name] !== name) name = names[name]!;
  // Whoever is on the way is told, or long chains are walked again and again.
  for (let at = register; at !== name; ) {
    const next = names[at]!;
    names[at] = name;
    at = next;
  }
  return name;
}

function rename(fn: MachineFunction, names: Int32Array): void {
  const change = (register: Register): Register =>
    register >= firstVirtual ? nameOf(names, register) : register;
  for (const block of fn.blocks) {
    for (const insn of block.instructions) {
      mapUses(insn, change);
      mapDefinitions(insn, change);
    }
    block.instructions = block.instructions.filter((insn) => insn.opcode !== "copy" || insn.dst !== insn.a);
  }
}

/**
 * The union of two intervals under the name of the first; undefined where they hold different values at once. The ranges of
 * the shorter go into those of the longer, whose lists are used again: both intervals are gone afterwards.
 */
function merge(left: LiveInterval, right: LiveInterval, values: Values): LiveInterval | undefined {
  const [long, short] = left.starts.length >= right.starts.length ? [left, right] : [right, left];
  if (clash(long, short, values)) return undefined;
  const merged = new LiveInterval(left.register);
  merged.starts = long.starts;
  merged.ends = long.ends;
  merged.values = long.values;
  for (let index = 0; index < short.starts.length; index++) {
    insert(merged, short.starts[index]!, short.ends[index]!, short.values[index]!);
  }
  return merged;
}

/** Adds a range; where it overlaps others, those hold an equal value, and all become one. */
function insert({ starts, ends, values }: LiveInterval, start: number, end: number, value: number): void {
  const first = firstEndAfter(ends, start);
  let last = first;
  while (last < starts.length && starts[last]! < end) last++;
  const overlaps = last > first;
  const from = overlaps ? Math.min(start, starts[first]!) : start;
  const to = overlaps ? Math.max(end, ends[last - 1]!) : end;
  const held = overlaps && starts[first]! <= start ? values[first]! : value;
  if (last - first === 1) {
    starts[first] = from;
    ends[first] = to;
    values[first] = held;
    return;
  }
  starts.splice(first, last - first, from);
  ends.splice(first, last - first, to);
  values.splice(first, last - first, held);
}

/** Index of the first range that ends after a position. */
function firstEndAfter(ends: readonly number[], position: number): number {
  let low = 0;
  let high = ends.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle]! <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}

function clash(long: LiveInterval, short: LiveInterval, values: Values): boolean {
  for (let index = 0; index < short.starts.length; index++) {
    const end = short.ends[index]!;
    const held = values.find(short.values[index]!);
    for (let at = firstEndAfter(long.ends, short.starts[index]!); at < long.starts.length; at++) {
      if (long.starts[at]! >= end) break;
      if (values.find(long.values[at]!) !== held) return true;
    }
  }
  return false;
}
