/** Events of a BPF ring buffer, shared by all CPUs and in order (kernel Documentation/bpf/ringbuf.rst). */
/// <reference lib="esnext.disposable" preserve="true" />
import { InternalError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel, RingMemory } from "@bpfkit/base/kernel";
import type { BpfMap } from "../object/bpf-map.ts";
import { RingCursor } from "./ring-cursor.ts";

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
  readonly #onEvent: (data: Uint8Array) => void;
  readonly #cursor: RingCursor;
  #open = true;
  #isReading = false;

  /** `onEvent` gets a copy of each record's bytes. */
  constructor(kernel: Kernel, map: BpfMap, onEvent: (data: Uint8Array) => void) {
    this.#fd = map.fd;
    this.#onEvent = onEvent;
    this.#memory = kernel.mapRingBuffer(map.fd);
    this.#cursor = new RingCursor(this.#memory);
  }

  /** To be waited for: the map's descriptor. */
  get fds(): readonly Fd[] {
    return this.#open ? [this.#fd] : [];
  }

  /**
   * Hands over every finished record, without waiting. Returns their number. Called by a callback, it does nothing: the
   * call under way goes on.
   */
  consume(): number {
    if (this.#isReading) return 0;
    this.#isReading = true;
    try {
      return this.#read();
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

  #read(): number {
    let count = 0;
    let position = this.#memory.readConsumer();
    let published = position;
    const producer = this.#memory.readProducer();
    const cursor = this.#cursor;
    const mostUnpublished = this.#memory.sizeBytes / partsOfRing;
    try {
      while (this.#open && position < producer) {
        // A callback may have let the world run and memory move.
        cursor.refresh();
        const word = cursor.u32(position);
        // A reserved record that is not submitted yet: everything behind it waits.
        if ((word & busyBit) !== 0) break;
        const length = (word & ~(busyBit | discardBit)) >>> 0;
        const next = position + ((headerSize + length + 7) & ~7);
        if (next > producer) throw new InternalError(`ring buffer record of ${length} bytes at ${position}`);
        const data = (word & discardBit) === 0 ? cursor.bytes(position + headerSize, length) : undefined;
        position = next;
        if (position - published >= mostUnpublished) {
          this.#memory.writeConsumer(position);
          published = position;
        }
        if (data === undefined) continue;
        count += 1;
        this.#onEvent(data);
      }
    } finally {
      // Also after a callback that threw: its record is read.
      if (this.#open && position > published) this.#memory.writeConsumer(position);
    }
    return count;
  }
}
