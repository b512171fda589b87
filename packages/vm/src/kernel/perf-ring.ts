/**
 * The ring that a BPF-output perf event writes and user space reads: records framed by `struct perf_event_header`
 * (uapi linux/perf_event.h; writing rules from kernel/events/ring_buffer.c).
 */
import type { RingMemory } from "@bpfkit/base/kernel";

/** Record types of {@link PerfRing}. */
export const PerfRecord = { Lost: 2, Sample: 9 } as const;

const HeaderSize = 8;
const LostRecordSize = HeaderSize + 16;
/** PERF_RECORD_MISC_KERNEL. */
const MiscKernel = 1;
/** The `size` of a record is 16 bits, so a sample can carry this much at most. */
const LargestRecord = 0xfff8;

/** One CPU's ring. Positions count bytes since creation. */
export class PerfRing implements RingMemory {
  readonly sizeBytes: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #eventId: number;
  readonly #unmapped: () => void;
  #head = 0;
  #tail = 0;
  #lost = 0;

  /** `sizeBytes` is a power of two. `unmapped` is called when the reader gives the ring up. */
  constructor(sizeBytes: number, eventId: number, unmapped: () => void) {
    this.sizeBytes = sizeBytes;
    this.#bytes = new Uint8Array(sizeBytes);
    this.#view = new DataView(this.#bytes.buffer);
    this.#eventId = eventId;
    this.#unmapped = unmapped;
  }

  data(): Uint8Array {
    return this.#bytes;
  }
  readProducer(): number {
    return this.#head;
  }
  readConsumer(): number {
    return this.#tail;
  }
  writeConsumer(position: number): void {
    this.#tail = position;
  }
  unmap(): void {
    this.#unmapped();
  }

  get hasData(): boolean {
    return this.#head !== this.#tail;
  }

  /**
   * Appends a sample with this raw data. The record's own size field counts the padding to 8 bytes, as the kernel's does.
   * Returns false where there is no room: the record is lost, and the next one that fits is preceded by a LOST record.
   */
  writeSample(data: Uint8Array): boolean {
    const rawSize = ((data.length + 4 + 7) & ~7) - 4;
    const recordSize = HeaderSize + 4 + rawSize;
    const lostSize = this.#lost > 0 ? LostRecordSize : 0;
    // The kernel never fills the ring completely, so that full and empty stay different.
    const free = this.sizeBytes - 1 - (this.#head - this.#tail);
    if (recordSize > LargestRecord || recordSize + lostSize > free) {
      this.#lost++;
      return false;
    }
    if (lostSize > 0) this.#writeLost();
    this.#writeHeader(PerfRecord.Sample, MiscKernel, recordSize);
    this.#put32(this.#head + HeaderSize, rawSize);
    this.#putBytes(this.#head + HeaderSize + 4, data, rawSize);
    this.#head += recordSize;
    return true;
  }

  #writeLost(): void {
    this.#writeHeader(PerfRecord.Lost, 0, LostRecordSize);
    this.#put32(this.#head + 8, this.#eventId);
    this.#put32(this.#head + 12, 0);
    this.#put32(this.#head + 16, this.#lost);
    this.#put32(this.#head + 20, 0);
    this.#head += LostRecordSize;
    this.#lost = 0;
  }

  #writeHeader(type: number, misc: number, size: number): void {
    this.#put32(this.#head, type);
    this.#put32(this.#head + 4, (misc | (size << 16)) >>> 0);
  }

  /** Positions are multiples of 4, so a word never wraps. */
  #put32(position: number, value: number): void {
    this.#view.setUint32(position & (this.sizeBytes - 1), value, true);
  }

  /** `data`, then zeroes up to `size` bytes; wraps at the end of the ring. */
  #putBytes(position: number, data: Uint8Array, size: number): void {
    const start = position & (this.sizeBytes - 1);
    const first = Math.min(data.length, this.sizeBytes - start);
    this.#bytes.set(data.subarray(0, first), start);
    this.#bytes.set(data.subarray(first), 0);
    for (let at = data.length; at < size; at++) this.#bytes[(start + at) & (this.sizeBytes - 1)] = 0;
  }
}
