/** Where a register is live: sorted ranges with the value they hold, and the instructions that touch it. */
import type { Register } from "../machine/register.ts";

/** An interval of one virtual register. Ranges are half-open, sorted, and do not overlap. */
export class LiveInterval {
  readonly register: Register;
  /** Starts of the ranges. */
  starts: number[] = [];
  /** Ends of the ranges. */
  ends: number[] = [];
  /** The value in each range; see Values. */
  values: number[] = [];
  /** Indices of instructions that read or write the register, ascending, each once. */
  occurrences: number[] = [];
  /** What giving it no register would cost, per length; infinite where it must have one. */
  weight = 0;
  /** Physical register, or -1. */
  assigned: Register = -1;
  /** How far the allocator has gone with it. */
  stage: "new" | "waiting" | "split" | "minimal" = "new";
  /** The value is a constant or an address that can be computed again. */
  isConstant = false;
  /** The interval whose spill slot pieces of it use; itself where it is no piece. */
  original: LiveInterval;

  constructor(register: Register) {
    this.register = register;
    this.original = this;
  }

  /** First position; the interval must not be empty. */
  get start(): number {
    return this.starts[0] ?? 0;
  }

  /** Position after the last. */
  get end(): number {
    return this.ends[this.ends.length - 1] ?? 0;
  }

  /** Sum of the lengths of the ranges. */
  get size(): number {
    let size = 0;
    for (let index = 0; index < this.starts.length; index++) size += this.ends[index]! - this.starts[index]!;
    return size;
  }

  /** Appends a range that starts at or after the end; joins it to the last one where they touch in one value. */
  append(start: number, end: number, value: number): void {
    const last = this.ends.length - 1;
    if (last >= 0 && this.ends[last] === start && this.values[last] === value) this.ends[last] = end;
    else {
      this.starts.push(start);
      this.ends.push(end);
      this.values.push(value);
    }
  }

  /** True where the register is live at a position. */
  covers(position: number): boolean {
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ends[middle]! <= position) low = middle + 1;
      else high = middle;
    }
    return low < this.starts.length && this.starts[low]! <= position;
  }
}

/** Values that registers hold; values known to be equal, because one is a copy of the other, are in one class. */
export class Values {
  readonly #parents: number[] = [];

  /** A new value, different from all others. */
  create(): number {
    this.#parents.push(this.#parents.length);
    return this.#parents.length - 1;
  }

  /** Says that two values are equal. */
  unite(first: number, second: number): void {
    this.#parents[this.find(first)] = this.find(second);
  }

  /** The representative of a value's class. */
  find(value: number): number {
    let root = value;
    while (this.#parents[root] !== root) root = this.#parents[root]!;
    let at = value;
    while (this.#parents[at] !== root) {
      const next = this.#parents[at]!;
      this.#parents[at] = root;
      at = next;
    }
    return root;
  }
}
