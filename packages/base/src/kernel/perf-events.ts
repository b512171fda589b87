/** perf_event_open(2) and its ioctls, for the event kinds that BPF programs attach to. */
import type { Fd } from "./kernel.ts";

/** What to open, by the kind of event source. */
export type PerfEventAttributes =
  | { readonly kind: "kprobe" | "kretprobe"; readonly function: string; readonly offset: number }
  | { readonly kind: "uprobe" | "uretprobe"; readonly path: string; readonly offset: number }
  /** `id` is the number in `events/CATEGORY/NAME/id`. */
  | { readonly kind: "tracepoint"; readonly id: number }
  /** PERF_COUNT_SW_BPF_OUTPUT: the user end of a BPF perf buffer. */
  | { readonly kind: "bpf-output"; readonly wakeupEvents: number }
  | {
      readonly kind: "software" | "hardware";
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
  /** PERF_EVENT_IOC_DISABLE. */
  perfEventDisable(event: Fd): void;
}
