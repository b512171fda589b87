/** Reads a ring whose records may wrap around its end, in place. */
import type { RingMemory } from "@bpfkit/base/kernel";

/** Up to here a loop is faster than a view of the source. */
const shortCopy = 64;

/** Reads at positions that count bytes since creation. */
export class RingCursor {
  readonly #ring: RingMemory;
  readonly #mask: number;
  #data: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(ring: RingMemory) {
    this.#ring = ring;
    this.#mask = ring.sizeBytes - 1;
  }

  /** To be called before the first read and after whatever may move the ring's memory, such as a callback. */
  refresh(): void {
    const data = this.#ring.data();
    if (data === this.#data) return;
    const isSame = data.buffer === this.#data.buffer && data.byteOffset === this.#data.byteOffset;
    if (isSame && data.length === this.#data.length) return;
    this.#data = data;
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  /** At a multiple of 2, as the next two are at multiples of their sizes' words: such words do not wrap. */
  u16(position: number): number {
    // Bits beyond 32 fall away, and the mask has fewer.
    return this.#view.getUint16(position & this.#mask, true);
  }

  /** At a multiple of 4. */
  u32(position: number): number {
    return this.#view.getUint32(position & this.#mask, true);
  }

  /** At a multiple of 4. As a number: counts beyond 2^53 do not occur. */
  u64(position: number): number {
    return this.u32(position) + this.u32(position + 4) * 2 ** 32;
  }

  /** A copy. */
  bytes(position: number, length: number): Uint8Array {
    const copy = new Uint8Array(length);
    const data = this.#data;
    const start = position & this.#mask;
    if (length <= shortCopy) {
      const mask = this.#mask;
      for (let at = 0; at < length; at += 1) copy[at] = data[(start + at) & mask] ?? 0;
      return copy;
    }
    const first = Math.min(length, this.#mask + 1 - start);
    copy.set(data.subarray(start, start + first));
    if (first < length) copy.set(data.subarray(0, length - first), first);
    return copy;
  }
}
