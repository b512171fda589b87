/** Events of a BPF ring buffer, shared by all CPUs and in order (kernel Documentation/bpf/ringbuf.rst). */
/// <reference lib="esnext.disposable" preserve="true" />
import { InternalError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel, RingMemory } from "@bpfkit/base/kernel";
import type { BpfMap } from "../object/bpf-map.ts";
import { RingCursor, type TakeRecord } from "./ring-cursor.ts";

/** BPF_RINGBUF_BUSY_BIT, BPF_RINGBUF_DISCARD_BIT, BPF_RINGBUF_HDR_SZ. */
const busyBit = 0x8000_0000;
const discardBit = 0x4000_0000;
const headerSize = 8;
/** The consumer position is published when a part of this size has been read, and at the end. */
const partsOfRing = 8;

/** Reads the records that programs submit to a ring buffer. */
export class RingReader {
  readonly #fd: Fd;
  readonly #memory: RingMemory;
  readonly #take: TakeRecord;
  readonly #cursor: RingCursor;
  #open = true;
  #isReading = false;

  /** `take` gets each record where the kernel wrote it. */
  constructor(kernel: Kernel, map: BpfMap, take: TakeRecord) {
    this.#fd = map.fd;
    this.#take = take;
    this.#memory = kernel.mapRingBuffer(map.fd);
    this.#cursor = new RingCursor(this.#memory);
  }

  /** As of perf buffers; the kernel wakes readers of a ring buffer only where they have read everything. */
  readonly mustLook = false;

  /** To be waited for: the map's descriptor. */
  get fds(): readonly Fd[] {
    return this.#open ? [this.#fd] : [];
  }

  /**
   * Hands over finished records, up to `most` of them, without waiting. Returns their number. Called by a callback, it does
   * nothing: the call under way goes on.
   */
  consume(most = Number.POSITIVE_INFINITY): number {
    if (this.#isReading) return 0;
    this.#isReading = true;
    try {
      const position = this.#memory.readConsumer();
      this.#cursor.refresh();
      const end = this.#endOfFinished(position, this.#memory.readProducer(), most);
      if (end === position) return 0;
      this.#memory.orderReads?.();
      return this.#read(position, end);
    } finally {
      this.#isReading = false;
    }
  }

  /** Unmaps; a second call does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#memory.unmap();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Where the first record is that is reserved and not yet submitted (everything behind it waits), or the record after
   * `most` others, or the producer. A header that says that its record is finished never changes again, but the record
   * behind it may be read only after {@link RingMemory.orderReads}: hence a walk of its own, with one such call for all.
   */
  #endOfFinished(start: number, producer: number, most: number): number {
    let position = start;
    for (let count = 0; position < producer && count < most; count += 1) {
      const word = this.#cursor.u32(position);
      if ((word & busyBit) !== 0) break;
      const length = lengthOf(word);
      const next = nextRecord(position, length);
      // Either everything before it is handed over first, or this call fails at once.
      if (next > producer) {
        if (position > start) break;
        throw new InternalError(`ring buffer record of ${length} bytes at ${position}`);
      }
      position = next;
    }
    return position;
  }

  #read(start: number, end: number): number {
    const cursor = this.#cursor;
    const mostUnpublished = this.#memory.sizeBytes / partsOfRing;
    let count = 0;
    let position = start;
    let published = start;
    try {
      while (position < end) {
        const word = cursor.u32(position);
        const length = lengthOf(word);
        const at = position + headerSize;
        position = nextRecord(position, length);
        if ((word & discardBit) === 0) {
          count += 1;
          cursor.hand(this.#take, at, length, 0);
          if (!this.#open) return count;
          // The callback may have let the world run and memory move.
          cursor.refresh();
        }
        // Not before the record is read: from then on the kernel may write over it.
        if (position - published >= mostUnpublished) {
          this.#memory.writeConsumer(position);
          published = position;
        }
      }
    } finally {
      // Also after a callback that threw: its record is read.
      if (this.#open && position > published) this.#memory.writeConsumer(position);
    }
    return count;
  }
}

/** Of the record's bytes, without its header. */
function lengthOf(word: number): number {
  return (word & ~(busyBit | discardBit)) >>> 0;
}

function nextRecord(position: number, length: number): number {
  return position + ((headerSize + length + 7) & ~7);
}
