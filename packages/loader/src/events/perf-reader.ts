/** Events of a perf event array: one ring for each CPU, with lost counts (uapi linux/perf_event.h). */
import { BpfkitError, InternalError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel, RingMemory } from "@bpfkit/base/kernel";
import type { BpfMap } from "../object/bpf-map.ts";
import { RingCursor } from "./ring-cursor.ts";

/** PERF_RECORD_LOST and PERF_RECORD_SAMPLE. */
const recordLost = 2;
const recordSample = 9;
const headerSize = 8;
const timeSize = 8;

/** How to read. */
export interface PerfReaderOptions {
  /**
   * Called with a copy of each event's bytes: in the order in which they were sent where the kernel gives their times,
   * else CPU by CPU.
   */
  onEvent(cpu: number, data: Uint8Array): void;
  /** Called with the number of events that did not fit the ring. */
  onLost?(cpu: number, count: number): void;
  /** Ring size for each CPU in pages of 4096 bytes, a power of two; 8 unless told otherwise. */
  readonly pageCount?: number;
  /** Events before the reader is woken; 1 unless told otherwise. */
  readonly wakeupEvents?: number;
}

interface CpuRing {
  readonly cpu: number;
  readonly event: Fd;
  readonly memory: RingMemory;
}

/** What one call of consume has yet to read of a ring. */
interface Unread {
  readonly ring: CpuRing;
  readonly producer: number;
  position: number;
  /** Of the record at `position`; 0 where records have no times, or for those without. */
  timeNs: number;
}

/** Reads the events that programs send with bpf_perf_event_output. */
export class PerfReader {
  readonly #kernel: Kernel;
  readonly #options: PerfReaderOptions;
  readonly #rings: CpuRing[] = [];

  /** @throws BpfkitError LD070 for a bad page count, SyscallError where the kernel gives no ring. */
  constructor(kernel: Kernel, map: BpfMap, options: PerfReaderOptions) {
    this.#kernel = kernel;
    this.#options = options;
    const { pageCount = 8, wakeupEvents = 1 } = options;
    if (!Number.isInteger(pageCount) || pageCount < 1 || (pageCount & (pageCount - 1)) !== 0) {
      throw new BpfkitError("LD070", `a perf ring has a power of two of pages, not ${pageCount}`);
    }
    try {
      for (const cpu of kernel.onlineCpus) this.#open(map, cpu, pageCount, wakeupEvents);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** To be waited for. */
  get fds(): readonly Fd[] {
    return this.#rings.map((ring) => ring.event);
  }

  /**
   * Hands over what is in the rings, without waiting. Returns the number of events. Events of several CPUs are merged by
   * their times up to the time of the call: whatever led to such an event was sent before it and is in a ring, too.
   */
  consume(): number {
    const nowNs = this.#rings.some(({ memory }) => memory.timestamped)
      ? Number(this.#kernel.monotonicNs())
      : 0;
    const unread: Unread[] = [];
    for (const ring of this.#rings) {
      // The producer is read once: events that callbacks cause are left for the next call.
      const [position, producer] = [ring.memory.readConsumer(), ring.memory.readProducer()];
      if (position < producer) unread.push({ ring, producer, position, timeNs: 0 });
    }
    for (const each of unread) each.timeNs = timeOfRecord(each);
    let count = 0;
    for (;;) {
      const next = earliest(unread);
      if (next === undefined || next.timeNs > nowNs) return count;
      count += this.#takeRecord(next);
      if (next.position < next.producer && this.#rings.includes(next.ring)) next.timeNs = timeOfRecord(next);
      else unread.splice(unread.indexOf(next), 1);
      // A callback may have closed this reader.
      if (this.#rings.length === 0) return count;
    }
  }

  /** Stops and unmaps; a second call does nothing. */
  close(): void {
    for (const ring of this.#rings.splice(0)) {
      ring.memory.unmap();
      this.#kernel.close(ring.event);
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #open(map: BpfMap, cpu: number, pageCount: number, wakeupEvents: number): void {
    const event = this.#kernel.perfEventOpen({ kind: "bpf-output", wakeupEvents }, -1, cpu);
    let memory: RingMemory;
    try {
      memory = this.#kernel.mapPerfRing(event, pageCount);
    } catch (error) {
      this.#kernel.close(event);
      throw error;
    }
    this.#rings.push({ cpu, event, memory });
    const words = new DataView(new ArrayBuffer(8));
    words.setUint32(0, cpu, true);
    words.setUint32(4, event, true);
    map.updateBytes(new Uint8Array(words.buffer, 0, 4), new Uint8Array(words.buffer, 4, 4));
    this.#kernel.perfEventEnable(event);
  }

  /** Hands one record over and moves behind it; 1 for events, 0 for others. */
  #takeRecord(unread: Unread): 0 | 1 {
    const { ring } = unread;
    // A callback may let the world run and memory grow, so no view is kept across one.
    const cursor = new RingCursor(ring.memory);
    const { position } = unread;
    const size = cursor.u16(position + 6);
    if (size < headerSize || position + size > unread.producer) {
      throw new InternalError(`perf record of ${size} bytes at ${position} of the ring of CPU ${ring.cpu}`);
    }
    const type = cursor.u32(position);
    unread.position += size;
    if (type === recordSample) {
      const at = position + headerSize + (ring.memory.timestamped ? timeSize : 0);
      const length = Math.min(cursor.u32(at), Math.max(0, unread.position - at - 4));
      const data = cursor.bytes(at + 4, length);
      ring.memory.writeConsumer(unread.position);
      this.#options.onEvent(ring.cpu, data);
      return 1;
    }
    const lost = type === recordLost ? cursor.u64(position + headerSize + 8) : 0;
    ring.memory.writeConsumer(unread.position);
    if (lost > 0) this.#options.onLost?.(ring.cpu, lost);
    return 0;
  }
}

/** When the next record was sent. Records without a time count as sent at once. */
function timeOfRecord({ ring, position }: Unread): number {
  if (!ring.memory.timestamped) return 0;
  const cursor = new RingCursor(ring.memory);
  return cursor.u32(position) === recordSample ? cursor.u64(position + headerSize) : 0;
}

/** The first of those with the smallest time. */
function earliest(unread: readonly Unread[]): Unread | undefined {
  let best = unread[0];
  for (const each of unread) if (best !== undefined && each.timeNs < best.timeNs) best = each;
  return best;
}
