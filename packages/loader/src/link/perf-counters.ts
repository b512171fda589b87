/** Counters that programs read: a perf event for each CPU in a perf event array (BPF_PERF_ARRAY). */
import { MapType } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError, UsageError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel, PerfEventAttributes } from "@bpfkit/base/kernel";
import type { BpfMap } from "../object/bpf-map.ts";
import { type Link, undoableLink } from "./link.ts";
import { counterHint } from "./perf-event.ts";

/** What is counted. */
export interface PerfCounterOptions {
  readonly kind: "software" | "hardware" | "cache" | "raw" | "tracepoint-counter";
  /** PERF_COUNT_SW_*, PERF_COUNT_HW_*, `cacheEvent(...)`, or the id of a tracepoint. */
  readonly config: number;
}

/**
 * Opens the counter on every online CPU and puts it at the CPU's number into the map, for bpf_perf_event_read.
 * @throws BpfkitError LD056 where the kernel or machine has no such counter; UsageError for another map
 */
export function openPerfCounters(kernel: Kernel, map: BpfMap, options: PerfCounterOptions): Link {
  if (map.spec.type !== MapType.PerfEventArray)
    throw new UsageError(`map ${map.name} is no perf event array`);
  const attributes: PerfEventAttributes = options;
  const opened: { readonly cpu: number; readonly event: Fd }[] = [];
  const undo = (): void => {
    for (const { cpu, event } of opened) {
      map.deleteBytes(word(cpu));
      kernel.close(event);
    }
  };
  try {
    for (const cpu of kernel.onlineCpus) {
      const event = kernel.perfEventOpen(attributes, -1, cpu);
      opened.push({ cpu, event });
      map.updateBytes(word(cpu), word(event));
      kernel.perfEventEnable(event);
    }
  } catch (error) {
    undo();
    if (!(error instanceof SyscallError)) throw error;
    throw new BpfkitError(
      "LD056",
      `${options.kind} counter ${options.config} could not be opened for map ${map.name}: ${error.message}`,
      { cause: error, ...counterHint(options.kind) },
    );
  }
  return undoableLink(
    `perf_counter:${options.kind}:${options.config}`,
    opened.map(({ event }) => event),
    undo,
  );
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
