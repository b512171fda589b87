/** Seeded pseudo-random numbers: the same seed gives the same world on every machine. */

/** A generator with 32 bits of state (the mulberry32 construction): plenty for workloads, useless for secrets. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 .. 2^32 - 1. */
  next32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A whole number, both ends included. */
  between(low: number, high: number): number {
    return low + Math.floor((this.next32() / 2 ** 32) * (high - low + 1));
  }

  /** One element of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.next32() % list.length]!;
  }

  /** True in `percent` of a hundred cases. */
  chance(percent: number): boolean {
    return this.next32() % 100 < percent;
  }
}
