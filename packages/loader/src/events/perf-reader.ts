/** Events of a perf event array: one ring for each CPU, with lost counts (uapi linux/perf_event.h). */
import { BpfkitError, InternalError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel, RingMemory } from "@bpfkit/base/kernel";
import type { BpfMap } from "../object/bpf-map.ts";
import { RingCursor } from "./ring-cursor.ts";

/** PERF_RECORD_LOST and PERF_RECORD_SAMPLE. */
const recordLost = 2;
const recordSample = 9;
const headerSize = 8;

/** How to read. */
export interface PerfReaderOptions {
  /** Called with a copy of each event's bytes, CPU by CPU, in order within a CPU. */
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

  /** Hands over everything that is in the rings, without waiting. Returns the number of events. */
  consume(): number {
    let count = 0;
    for (const ring of this.#rings) count += this.#consumeRing(ring);
    return count;
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

  /** The producer is read once: events that callbacks cause are left for the next call. */
  #consumeRing(ring: CpuRing): number {
    const producer = ring.memory.readProducer();
    let position = ring.memory.readConsumer();
    let count = 0;
    while (position < producer) {
      // A callback may let the world run and memory grow, so no view is kept across one.
      const cursor = new RingCursor(ring.memory);
      const type = cursor.u32(position);
      const size = cursor.u16(position + 6);
      if (size < headerSize || position + size > producer) {
        throw new InternalError(`perf record of ${size} bytes at ${position} of the ring of CPU ${ring.cpu}`);
      }
      const at = position + headerSize;
      position += size;
      if (type === recordSample) {
        const length = Math.min(cursor.u32(at), size - headerSize - 4);
        const data = cursor.bytes(at + 4, length);
        ring.memory.writeConsumer(position);
        count += 1;
        this.#options.onEvent(ring.cpu, data);
      } else {
        const lost = type === recordLost ? cursor.u64(at + 8) : 0;
        ring.memory.writeConsumer(position);
        if (lost > 0) this.#options.onLost?.(ring.cpu, lost);
      }
      if (!this.#rings.includes(ring)) break; // closed by the callback
    }
    return count;
  }
}
