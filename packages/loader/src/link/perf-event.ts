/** Perf events: a program on samples of a software or hardware counter, one event for each CPU. */
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import type { Program } from "../object/program.ts";
import { descriptorLink, type Link, startEvent } from "./link.ts";

/** What to sample and how often; give a period or a frequency. */
export interface PerfEventOptions {
  readonly kind: "software" | "hardware";
  /** PERF_COUNT_SW_* or PERF_COUNT_HW_*. */
  readonly config: number;
  readonly samplePeriod?: number;
  readonly sampleFrequencyHz?: number;
  /** -1: every process. */
  readonly pid?: number;
  /** -1: every online CPU. */
  readonly cpu?: number;
}

/** Attaches to samples. @throws BpfkitError LD056 where the kernel or machine has no such event. */
export function attachPerfEvent(kernel: Kernel, program: Program, options: PerfEventOptions): Link {
  const { pid = -1, cpu = -1, ...attributes } = options;
  const cpus = cpu === -1 ? kernel.onlineCpus : [cpu];
  const fds: Fd[] = [];
  try {
    for (const one of cpus)
      fds.push(startEvent(kernel, kernel.perfEventOpen(attributes, pid, one), program.fd));
  } catch (error) {
    for (const fd of fds) kernel.close(fd);
    if (!(error instanceof SyscallError)) throw error;
    throw new BpfkitError(
      "LD056",
      `program ${program.name} could not be attached to ${options.kind} event ${options.config}: ${error.message}`,
      { cause: error },
    );
  }
  return descriptorLink(kernel, `perf_event:${options.kind}:${options.config}`, fds);
}
