/** Slots for what lives in memory; values that never live at the same time share one. */
import type { Allocation } from "./allocate.ts";
import { LiveInterval } from "./live-interval.ts";

/** Gives each spilled interval a frame slot of eight bytes. */
export function colourSlots(allocation: Allocation): ReadonlyMap<LiveInterval, number> {
  const result = new Map<LiveInterval, number>();
  const taken: { slot: number; ranges: LiveInterval }[] = [];
  for (const original of allocation.spills.keys()) {
    let place = taken.find((one) => !overlap(one.ranges, original));
    if (place === undefined) {
      const slot = allocation.fn.newSlot({ size: 8, align: 8, name: "", isSpill: true, location: -1 });
      place = { slot, ranges: new LiveInterval(-1) };
      taken.push(place);
    }
    place.ranges = union(place.ranges, original);
    result.set(original, place.slot);
  }
  return result;
}

function overlap(left: LiveInterval, right: LiveInterval): boolean {
  let i = 0;
  let j = 0;
  while (i < left.starts.length && j < right.starts.length) {
    if (left.ends[i]! <= right.starts[j]!) i++;
    else if (right.ends[j]! <= left.starts[i]!) j++;
    else return true;
  }
  return false;
}

function union(left: LiveInterval, right: LiveInterval): LiveInterval {
  const merged = new LiveInterval(-1);
  let i = 0;
  let j = 0;
  while (i < left.starts.length || j < right.starts.length) {
    const takeLeft =
      j >= right.starts.length || (i < left.starts.length && left.starts[i]! <= right.starts[j]!);
    const from = takeLeft ? left : right;
    const at = takeLeft ? i++ : j++;
    merged.append(from.starts[at]!, from.ends[at]!, 0);
  }
  return merged;
}
