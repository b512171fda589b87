/** Copies out of a ring whose records may wrap around its end. */
import type { RingMemory } from "@bpfkit/base/kernel";

/** Reads at positions that count bytes since creation. */
export class RingCursor {
  readonly #data: Uint8Array;
  readonly #mask: number;

  constructor(ring: RingMemory) {
    this.#data = ring.data();
    this.#mask = ring.sizeBytes - 1;
  }

  /** Positions may exceed 32 bits, so the mask is applied to their remainder. */
  #index(position: number): number {
    return position % (this.#mask + 1);
  }

  u16(position: number): number {
    return this.#byte(position) | (this.#byte(position + 1) << 8);
  }

  u32(position: number): number {
    return (this.u16(position) | (this.u16(position + 2) << 16)) >>> 0;
  }

  /** As a number: counts beyond 2^53 do not occur. */
  u64(position: number): number {
    return this.u32(position) + this.u32(position + 4) * 2 ** 32;
  }

  /** A copy. */
  bytes(position: number, length: number): Uint8Array {
    const copy = new Uint8Array(length);
    const start = this.#index(position);
    const first = Math.min(length, this.#mask + 1 - start);
    copy.set(this.#data.subarray(start, start + first));
    if (first < length) copy.set(this.#data.subarray(0, length - first), first);
    return copy;
  }

  #byte(position: number): number {
    return this.#data[this.#index(position)] ?? 0;
  }
}
