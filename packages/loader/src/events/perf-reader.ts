/** Events of a perf event array: one ring for each CPU, with lost counts (uapi linux/perf_event.h). */
/// <reference lib="esnext.disposable" preserve="true" />
import { BpfkitError, InternalError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel, RingMemory } from "@bpfkit/base/kernel";
import type { BpfMap } from "../object/bpf-map.ts";
import { RingCursor, type TakeRecord } from "./ring-cursor.ts";

/** PERF_RECORD_LOST and PERF_RECORD_SAMPLE. */
const recordLost = 2;
const recordSample = 9;
const headerSize = 8;
const timeSize = 8;

/** How to read. */
export interface PerfReaderOptions {
  /**
   * Gets each event where the kernel wrote it: in the order in which they were sent where the kernel gives their times, else
   * CPU by CPU.
   */
  readonly take: TakeRecord;
  /** Called with the number of events that did not fit the ring. */
  onLost?(cpu: number, count: number): void;
  /** Ring size for each CPU in pages of 4096 bytes, a power of two; 8 unless told otherwise. */
  readonly pageCount?: number;
  /** Events before the reader is woken; 1 unless told otherwise. */
  readonly wakeupEvents?: number;
}

/** The consumer position is published when a part of this size has been read, and at the end. */
const partsOfRing = 8;

/**
 * For each event that is sent with wake-ups the kernel raises an interrupt (perf_output_wakeup in kernel/events/ring_buffer.c),
 * which costs the sender more than everything else, and in a flood wakes nobody. So where a ring is found half full, its
 * place in the map is given to a second event without such wake-ups, whose output is the same ring: the kernel then wakes
 * at each half of the ring (`rb->watermark`), and readers look by themselves. Where no more than an eighth is found, the
 * first event is back in its place.
 */
const floodParts = 2;
const calmParts = 8;
/** A program that was about to write when events changed places has written after this time. */
const settlingNs = 100_000_000n;

/** One CPU's ring, and how far a call of consume is with it. */
interface CpuRing {
  readonly cpu: number;
  readonly event: Fd;
  /** Without wake-ups; there once it was needed. */
  silent: Fd | undefined;
  isSilent: boolean;
  /** When the last change of places was. */
  changedNs: bigint;
  readonly memory: RingMemory;
  readonly cursor: RingCursor;
  readonly timestamped: boolean;
  readonly mostUnpublished: number;
  /** Where the next record is, where this call ends, and what the kernel knows to be read. */
  position: number;
  producer: number;
  published: number;
  /** Of the record at `position`; 0 where records have no times, or for those without. */
  timeNs: number;
}

/** Reads the events that programs send with bpf_perf_event_output. */
export class PerfReader {
  readonly #kernel: Kernel;
  readonly #options: PerfReaderOptions;
  readonly #rings: CpuRing[] = [];
  readonly #map: BpfMap;
  /** Not where others may have put events of their own into the map, or every event was not to wake anyway. */
  #mayBeSilent: boolean;
  #isReading = false;

  /** @throws BpfkitError LD070 for a bad page count, SyscallError where the kernel gives no ring. */
  constructor(kernel: Kernel, map: BpfMap, options: PerfReaderOptions) {
    this.#kernel = kernel;
    this.#options = options;
    this.#map = map;
    this.#mayBeSilent =
      kernel.perfEventSetOutput !== undefined && !map.reused && (options.wakeupEvents ?? 1) === 1;
    const { pageCount = 8, wakeupEvents = 1 } = options;
    if (!Number.isInteger(pageCount) || pageCount < 1 || (pageCount & (pageCount - 1)) !== 0) {
      throw new BpfkitError("LD070", `a perf ring has a power of two of pages, not ${pageCount}`);
    }
    try {
      for (const cpu of kernel.onlineCpus) this.#open(cpu, pageCount, wakeupEvents);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** To be waited for. */
  get fds(): readonly Fd[] {
    return this.#rings.map((ring) => ring.event);
  }

  /** True while events may come without a wake-up: who waits must look now and then. */
  get mustLook(): boolean {
    return this.#rings.some(
      ({ isSilent, changedNs }) =>
        isSilent || (changedNs > 0n && this.#kernel.monotonicNs() - changedNs < settlingNs),
    );
  }

  /**
   * Hands over what is in the rings, up to `most` events, without waiting. Returns their number. Events of several CPUs are
   * merged by their times up to the time of the call: whatever led to such an event was sent before it and is in a ring,
   * too. Called by a callback, it does nothing: the call under way goes on.
   */
  consume(most = Number.POSITIVE_INFINITY): number {
    if (this.#isReading) return 0;
    this.#isReading = true;
    try {
      return this.#merge(this.#unread(), most);
    } finally {
      this.#isReading = false;
      // Also after a callback that threw: its event is read. Rings that are closed are not there any more.
      for (const ring of this.#rings) publish(ring);
    }
  }

  /** Stops and unmaps; a second call does nothing. */
  close(): void {
    for (const ring of this.#rings.splice(0)) {
      ring.memory.unmap();
      if (ring.silent !== undefined) this.#kernel.close(ring.silent);
      this.#kernel.close(ring.event);
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #open(cpu: number, pageCount: number, wakeupEvents: number): void {
    const event = this.#kernel.perfEventOpen({ kind: "bpf-output", wakeupEvents }, -1, cpu);
    let memory: RingMemory;
    try {
      memory = this.#kernel.mapPerfRing(event, pageCount);
    } catch (error) {
      this.#kernel.close(event);
      throw error;
    }
    this.#rings.push({
      cpu,
      event,
      silent: undefined,
      isSilent: false,
      changedNs: 0n,
      memory,
      cursor: new RingCursor(memory),
      timestamped: memory.timestamped === true,
      mostUnpublished: memory.sizeBytes / partsOfRing,
      position: 0,
      producer: 0,
      published: 0,
      timeNs: 0,
    });
    this.#place(cpu, event);
    this.#kernel.perfEventEnable(event);
  }

  /** Makes an event the one that programs on a CPU send to. */
  #place(cpu: number, event: Fd): void {
    const words = new DataView(new ArrayBuffer(8));
    words.setUint32(0, cpu, true);
    words.setUint32(4, event, true);
    this.#map.updateBytes(new Uint8Array(words.buffer, 0, 4), new Uint8Array(words.buffer, 4, 4));
  }

  /** Turns the wake-ups of a ring off in a flood, and on again after it. */
  #adapt(ring: CpuRing): void {
    const unread = ring.producer - ring.position;
    const { sizeBytes } = ring.memory;
    if (ring.isSilent ? unread >= sizeBytes / calmParts : unread < sizeBytes / floodParts) return;
    try {
      if (!ring.isSilent) ring.silent ??= this.#openSilent(ring);
      this.#place(ring.cpu, ring.isSilent || ring.silent === undefined ? ring.event : ring.silent);
    } catch (error) {
      // Without descriptors to spare it stays as it is, which is right, only slower.
      if (!(error instanceof SyscallError) || ring.isSilent) throw error;
      this.#mayBeSilent = false;
      return;
    }
    ring.isSilent = !ring.isSilent;
    ring.changedNs = this.#kernel.monotonicNs();
  }

  #openSilent({ cpu, event }: CpuRing): Fd {
    const silent = this.#kernel.perfEventOpen({ kind: "bpf-output", wakeupEvents: 0 }, -1, cpu);
    try {
      this.#kernel.perfEventSetOutput?.(silent, event);
      this.#kernel.perfEventEnable(silent);
    } catch (error) {
      this.#kernel.close(silent);
      throw error;
    }
    return silent;
  }

  /** The rings that have something, with their first times. */
  #unread(): CpuRing[] {
    return this.#rings.filter((ring) => {
      // The producer is read once: events that callbacks cause are left for the next call.
      ring.position = ring.memory.readConsumer();
      ring.published = ring.position;
      ring.producer = ring.memory.readProducer();
      if (this.#mayBeSilent || ring.isSilent) this.#adapt(ring);
      return ring.position < ring.producer;
    });
  }

  #merge(unread: CpuRing[], most: number): number {
    const isTimed = unread.some(({ timestamped }) => timestamped);
    const nowNs = isTimed ? Number(this.#kernel.monotonicNs()) : 0;
    for (const ring of unread) ring.timeNs = timeOfRecord(ring);
    let count = 0;
    while (unread.length > 0) {
      const next = earliest(unread);
      // Before this time no other ring has anything, so that there is nothing to compare until then.
      let aloneUntilNs = Number.POSITIVE_INFINITY;
      for (const { timeNs, cpu } of unread)
        if (cpu !== next.cpu) aloneUntilNs = Math.min(aloneUntilNs, timeNs);
      do {
        if (next.timeNs > nowNs || count >= most) return count;
        count += this.#takeRecord(next);
        // A callback may have closed this reader.
        if (this.#rings.length === 0) return count;
        if (next.position < next.producer) next.timeNs = timeOfRecord(next);
        else unread.splice(unread.indexOf(next), 1);
      } while (next.position < next.producer && next.timeNs < aloneUntilNs);
    }
    return count;
  }

  /** Hands one record over and moves behind it; 1 for events, 0 for others. */
  #takeRecord(ring: CpuRing): 0 | 1 {
    const { cursor, position } = ring;
    // A callback may have let the world run and memory move.
    cursor.refresh();
    const size = cursor.u16(position + 6);
    const end = position + size;
    if (size < headerSize || size % 8 !== 0 || end > ring.producer) {
      throw new InternalError(`perf record of ${size} bytes at ${position} of the ring of CPU ${ring.cpu}`);
    }
    const type = cursor.u32(position);
    ring.position = end;
    if (type === recordSample) {
      const at = position + headerSize + (ring.timestamped ? timeSize : 0);
      // The kernel pads records: the raw size counts that, too.
      const length = Math.min(cursor.u32(at), Math.max(0, end - at - 4));
      cursor.hand(this.#options.take, at + 4, length, ring.cpu);
    } else if (type === recordLost) {
      const lost = cursor.u64(position + headerSize + 8);
      if (lost > 0) this.#options.onLost?.(ring.cpu, lost);
    }
    // Not before the record is read: from then on the kernel may write over it. A callback may have closed this reader.
    if (end - ring.published >= ring.mostUnpublished && this.#rings.length > 0) publish(ring);
    return type === recordSample ? 1 : 0;
  }
}

/** Tells the kernel what has been read. */
function publish(ring: CpuRing): void {
  if (ring.position <= ring.published) return;
  ring.memory.writeConsumer(ring.position);
  ring.published = ring.position;
}

/** When the next record was sent. Records without a time count as sent at once. */
function timeOfRecord({ timestamped, cursor, position }: CpuRing): number {
  if (!timestamped) return 0;
  cursor.refresh();
  return cursor.u32(position) === recordSample ? cursor.u64(position + headerSize) : 0;
}

/** The first of those with the smallest time. */
function earliest(unread: readonly CpuRing[]): CpuRing {
  let best = unread[0] as CpuRing;
  for (const each of unread) if (each.timeNs < best.timeNs) best = each;
  return best;
}
