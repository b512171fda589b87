/** Perf events: a program on samples of a software or hardware counter, one event for each CPU. */
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import type { Program } from "../object/program.ts";
import { descriptorLink, type Link, startEvent } from "./link.ts";

/** What to sample and how often; give a period or a frequency. */
export interface PerfEventOptions {
  /** `cache`: PERF_TYPE_HW_CACHE; `raw`: the processor's own event numbers. */
  readonly kind: "software" | "hardware" | "cache" | "raw";
  /** PERF_COUNT_SW_*, PERF_COUNT_HW_* or what {@link cacheEvent} gives. */
  readonly config: number;
  readonly samplePeriod?: number;
  readonly sampleFrequencyHz?: number;
  /** -1: every process. */
  readonly pid?: number;
  /** -1: every online CPU. */
  readonly cpu?: number;
}

/** PERF_COUNT_HW_CACHE_*. */
const caches = ["l1d", "l1i", "ll", "dtlb", "itlb", "bpu", "node"] as const;
const operations = ["read", "write", "prefetch"] as const;
const results = ["access", "miss"] as const;

/** The number of a cache event (uapi linux/perf_event.h, perf_hw_cache_id): for example misses of reads of `ll`. */
export function cacheEvent(
  cache: (typeof caches)[number],
  operation: (typeof operations)[number],
  result: (typeof results)[number],
): number {
  return caches.indexOf(cache) | (operations.indexOf(operation) << 8) | (results.indexOf(result) << 16);
}

/** What to say of a counter that is not there, as a part of an error's options. */
export function counterHint(kind: string): { readonly hint?: string } {
  return kind === "software" || kind === "tracepoint-counter"
    ? {}
    : { hint: "Virtual machines often have no hardware counters; software events are always there." };
}

/** Attaches to samples. @throws BpfkitError LD056 where the kernel or machine has no such event. */
export function attachPerfEvent(kernel: Kernel, program: Program, options: PerfEventOptions): Link {
  const { pid = -1, cpu = -1, ...attributes } = options;
  // One process is followed to every CPU by one event; every process needs an event for each CPU.
  const cpus = cpu === -1 && pid === -1 ? kernel.onlineCpus : [cpu];
  const fds: Fd[] = [];
  try {
    for (const one of cpus)
      fds.push(...startEvent(kernel, kernel.perfEventOpen(attributes, pid, one), program.fd));
  } catch (error) {
    for (const fd of fds) kernel.close(fd);
    if (!(error instanceof SyscallError)) throw error;
    throw new BpfkitError(
      "LD056",
      `program ${program.name} could not be attached to ${options.kind} event ${options.config}: ${error.message}`,
      {
        cause: error,
        ...counterHint(options.kind),
      },
    );
  }
  return descriptorLink(kernel, `perf_event:${options.kind}:${options.config}`, fds);
}
