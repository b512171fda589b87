/** Says how many events did not fit their perf buffers, all of them, but not a line for each time. */

const everyNs = 1_000_000_000n;

/** Adds losses up: the first is said at once, later ones once a second, what is left at the end. */
export class LostSamples {
  readonly #now: () => bigint;
  readonly #say: (message: string) => void;
  #unsaid = 0;
  #saidNs: bigint | undefined;

  /** `now` is a clock in nanoseconds. */
  constructor(now: () => bigint, say: (message: string) => void) {
    this.#now = now;
    this.#say = say;
  }

  add(count: number): void {
    this.#unsaid += count;
  }

  /** To be called after each poll. */
  tell(): void {
    if (this.#unsaid === 0) return;
    const now = this.#now();
    if (this.#saidNs !== undefined && now - this.#saidNs < everyNs) return;
    this.#saidNs = now;
    this.tellRest();
  }

  /** Says what has not been said. */
  tellRest(): void {
    if (this.#unsaid > 0) this.#say(`Possibly lost ${this.#unsaid} samples`);
    this.#unsaid = 0;
  }
}
