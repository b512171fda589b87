/** Reads a ring whose records may wrap around its end, in place. */
import type { RingMemory } from "@bpfkit/base/kernel";

/** Up to here a loop is faster than a view of the source. */
const shortCopy = 64;

/**
 * Gets the bytes of one record, as a part of a view. They may be read during the call only: afterwards the kernel writes
 * over them, and once the ring is unmapped, touching them ends the process. `cpu` is 0 where records have none.
 */
export type TakeRecord = (view: DataView, offset: number, length: number, cpu: number) => void;

/** For who keeps records: hands a copy over. */
export function copying(take: (data: Uint8Array, cpu: number) => void): TakeRecord {
  return (view, offset, length, cpu) => take(copyOf(view, offset, length), cpu);
}

function copyOf(view: DataView, offset: number, length: number): Uint8Array {
  const copy = new Uint8Array(length);
  if (length > shortCopy) copy.set(new Uint8Array(view.buffer, view.byteOffset + offset, length));
  else for (let at = 0; at < length; at += 1) copy[at] = view.getUint8(offset + at);
  return copy;
}

/** Reads at positions that count bytes since creation. */
export class RingCursor {
  readonly #ring: RingMemory;
  readonly #mask: number;
  #data: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** A record that wraps, in one piece. */
  #whole = new DataView(new ArrayBuffer(0));

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

  /** Hands `length` bytes over, which are no more than the ring has: in place, or of those that wrap a copy. */
  hand(take: TakeRecord, position: number, length: number, cpu: number): void {
    const start = position & this.#mask;
    const first = this.#mask + 1 - start;
    if (length <= first) {
      take(this.#view, start, length, cpu);
      return;
    }
    if (this.#whole.byteLength < length) this.#whole = new DataView(new ArrayBuffer(length));
    const whole = new Uint8Array(this.#whole.buffer);
    whole.set(this.#data.subarray(start));
    whole.set(this.#data.subarray(0, length - first), first);
    take(this.#whole, 0, length, cpu);
  }
}
