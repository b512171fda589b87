/** Which ranges of each physical register are taken, and by whom. */
import type { Register } from "../machine/register.ts";
import { allocatableCount } from "../machine/register.ts";
import type { LiveInterval } from "./live-interval.ts";

/** A range of one register; `owner` is undefined where the code itself names the register. */
interface Taken {
  readonly start: number;
  readonly end: number;
  readonly owner: LiveInterval | undefined;
}

/** Ranges are filed in buckets of 2 ** bucketShift positions (64 instructions). */
const bucketShift = 10;

/** What stands in the way of an interval. */
export interface Conflicts {
  /** True where the register is named by the code in that range. */
  readonly fixed: boolean;
  readonly owners: readonly LiveInterval[];
}

/** The state of all registers. */
export class Occupancy {
  /** By register, then by bucket. */
  readonly #buckets: Taken[][][] = Array.from({ length: allocatableCount }, () => []);

  constructor(fixed: readonly number[][]) {
    fixed.forEach((ranges, register) => {
      for (let index = 0; index < ranges.length; index += 2) {
        this.#file(register, { start: ranges[index]!, end: ranges[index + 1]!, owner: undefined });
      }
    });
  }

  #file(register: Register, taken: Taken): void {
    const buckets = this.#buckets[register]!;
    for (let at = taken.start >> bucketShift; at <= (taken.end - 1) >> bucketShift; at++) {
      const bucket = buckets[at];
      if (bucket === undefined) buckets[at] = [taken];
      else bucket.push(taken);
    }
  }

  /** Takes the register for an interval. */
  assign(register: Register, interval: LiveInterval): void {
    interval.assigned = register;
    for (let index = 0; index < interval.starts.length; index++) {
      this.#file(register, { start: interval.starts[index]!, end: interval.ends[index]!, owner: interval });
    }
  }

  /** Gives back the register of an interval. */
  release(interval: LiveInterval): void {
    const buckets = this.#buckets[interval.assigned]!;
    interval.assigned = -1;
    for (let index = 0; index < interval.starts.length; index++) {
      const last = (interval.ends[index]! - 1) >> bucketShift;
      for (let at = interval.starts[index]! >> bucketShift; at <= last; at++) {
        const bucket = buckets[at];
        if (bucket !== undefined) buckets[at] = bucket.filter((taken) => taken.owner !== interval);
      }
    }
  }

  /** True where nothing has the register in [start, end). */
  isFree(register: Register, start: number, end: number): boolean {
    const buckets = this.#buckets[register]!;
    for (let at = start >> bucketShift; at <= (end - 1) >> bucketShift; at++) {
      for (const taken of buckets[at] ?? []) if (taken.start < end && start < taken.end) return false;
    }
    return true;
  }

  /** True where the whole interval could have the register, not counting what it holds itself. */
  isFreeFor(register: Register, interval: LiveInterval): boolean {
    for (let index = 0; index < interval.starts.length; index++) {
      if (!this.isFree(register, interval.starts[index]!, interval.ends[index]!)) return false;
    }
    return true;
  }

  /** Everything that keeps the interval from the register; gives up at the first fixed range. */
  conflicts(register: Register, interval: LiveInterval): Conflicts {
    const owners = new Set<LiveInterval>();
    const buckets = this.#buckets[register]!;
    for (let index = 0; index < interval.starts.length; index++) {
      const start = interval.starts[index]!;
      const end = interval.ends[index]!;
      for (let at = start >> bucketShift; at <= (end - 1) >> bucketShift; at++) {
        for (const taken of buckets[at] ?? []) {
          if (taken.start >= end || start >= taken.end) continue;
          if (taken.owner === undefined) return { fixed: true, owners: [] };
          owners.add(taken.owner);
        }
      }
    }
    return { fixed: false, owners: [...owners] };
  }
}
