/** perf_event_open(2) and its ioctls, for the event kinds that BPF programs attach to. */
import type { Fd } from "./kernel.ts";

/** What to open, by the kind of event source. */
export type PerfEventAttributes =
  | { readonly kind: "kprobe" | "kretprobe"; readonly function: string; readonly offset: number }
  /** `referenceCounter`: offset in the file of a USDT semaphore, which the kernel counts up (Linux 4.20). */
  | {
      readonly kind: "uprobe" | "uretprobe";
      readonly path: string;
      readonly offset: number;
      readonly referenceCounter?: number;
    }
  /** `id` is the number in `events/CATEGORY/NAME/id`. */
  | { readonly kind: "tracepoint"; readonly id: number }
  /** A tracepoint that is counted or, with a period, sampled; programs of type perf_event cannot be put on it. */
  | { readonly kind: "tracepoint-counter"; readonly config: number; readonly samplePeriod?: number }
  /** PERF_COUNT_SW_BPF_OUTPUT: the user end of a BPF perf buffer. With 0, readers are woken for each half of the ring. */
  | { readonly kind: "bpf-output"; readonly wakeupEvents: number }
  | {
      /** `cache` is PERF_TYPE_HW_CACHE, `raw` the processor's own numbers. */
      readonly kind: "software" | "hardware" | "cache" | "raw";
      readonly config: number;
      readonly samplePeriod?: number;
      readonly sampleFrequencyHz?: number;
    };

/** The perf facet. */
export interface PerfEvents {
  /** `pid` -1 for every process; `cpu` -1 for every CPU. @throws SyscallError ENOENT for an unknown function or id. */
  perfEventOpen(attributes: PerfEventAttributes, pid: number, cpu: number): Fd;
  /** PERF_EVENT_IOC_SET_BPF. */
  perfEventSetProgram(event: Fd, program: Fd): void;
  /** PERF_EVENT_IOC_ENABLE. */
  perfEventEnable(event: Fd): void;
  /**
   * PERF_EVENT_IOC_SET_OUTPUT: what goes to `event` is written into the ring of `target`, of the same CPU. Absent in kernels
   * behind the port where waking readers costs nothing.
   */
  perfEventSetOutput?(event: Fd, target: Fd): void;
  /** The count so far. */
  perfEventRead(event: Fd): bigint;
  /** PERF_EVENT_IOC_DISABLE. */
  perfEventDisable(event: Fd): void;
}
