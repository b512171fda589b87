/** Events of a BPF ring buffer, shared by all CPUs and in order (kernel Documentation/bpf/ringbuf.rst). */
import { InternalError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel, RingMemory } from "@bpfkit/base/kernel";
import type { BpfMap } from "../object/bpf-map.ts";
import { RingCursor } from "./ring-cursor.ts";

/** BPF_RINGBUF_BUSY_BIT, BPF_RINGBUF_DISCARD_BIT, BPF_RINGBUF_HDR_SZ. */
const busyBit = 0x8000_0000;
const discardBit = 0x4000_0000;
const headerSize = 8;

/** Reads the records that programs submit to a ring buffer. */
export class RingReader {
  readonly #fd: Fd;
  readonly #memory: RingMemory;
  readonly #onEvent: (data: Uint8Array) => void;
  #open = true;

  /** `onEvent` gets a copy of each record's bytes. */
  constructor(kernel: Kernel, map: BpfMap, onEvent: (data: Uint8Array) => void) {
    this.#fd = map.fd;
    this.#onEvent = onEvent;
    this.#memory = kernel.mapRingBuffer(map.fd);
  }

  /** To be waited for: the map's descriptor. */
  get fds(): readonly Fd[] {
    return this.#open ? [this.#fd] : [];
  }

  /** Hands over every finished record, without waiting. Returns their number. */
  consume(): number {
    let count = 0;
    let position = this.#memory.readConsumer();
    const producer = this.#memory.readProducer();
    while (this.#open && position < producer) {
      const cursor = new RingCursor(this.#memory);
      const word = cursor.u32(position);
      // A reserved record that is not submitted yet: everything behind it waits.
      if ((word & busyBit) !== 0) break;
      const length = (word & ~(busyBit | discardBit)) >>> 0;
      const next = position + ((headerSize + length + 7) & ~7);
      if (next > producer) throw new InternalError(`ring buffer record of ${length} bytes at ${position}`);
      const data = (word & discardBit) === 0 ? cursor.bytes(position + headerSize, length) : undefined;
      position = next;
      this.#memory.writeConsumer(position);
      if (data === undefined) continue;
      count += 1;
      this.#onEvent(data);
    }
    return count;
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
}
