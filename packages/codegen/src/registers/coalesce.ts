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
  names[register] = name;
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

/** The union of two intervals under the name of the first; undefined where they hold different values at once. */
function merge(left: LiveInterval, right: LiveInterval, values: Values): LiveInterval | undefined {
  if (clash(left, right, values)) return undefined;
  const merged = new LiveInterval(left.register);
  let i = 0;
  let j = 0;
  while (i < left.starts.length || j < right.starts.length) {
    const takeLeft =
      j >= right.starts.length || (i < left.starts.length && left.starts[i]! <= right.starts[j]!);
    const from = takeLeft ? left : right;
    const at = takeLeft ? i++ : j++;
    extend(merged, from.starts[at]!, from.ends[at]!, from.values[at]!);
  }
  return merged;
}

/** Adds a range that may overlap the last one, which then holds an equal value. */
function extend(merged: LiveInterval, start: number, end: number, value: number): void {
  const last = merged.ends.length - 1;
  if (last >= 0 && merged.ends[last]! > start) {
    if (end > merged.ends[last]!) merged.ends[last] = end;
  } else merged.append(start, end, value);
}

function clash(left: LiveInterval, right: LiveInterval, values: Values): boolean {
  let i = 0;
  let j = 0;
  while (i < left.starts.length && j < right.starts.length) {
    if (left.ends[i]! <= right.starts[j]!) i++;
    else if (right.ends[j]! <= left.starts[i]!) j++;
    else {
      if (values.find(left.values[i]!) !== values.find(right.values[j]!)) return true;
      if (left.ends[i]! < right.ends[j]!) i++;
      else j++;
    }
  }
  return false;
}
