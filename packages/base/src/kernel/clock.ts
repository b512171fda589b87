/** Time and waiting. In the simulated kernel, waiting is what makes time pass and workloads run. */
import type { Fd } from "./kernel.ts";

/** How a wait ended. */
export interface WaitResult {
  /** Descriptors with data to read; empty on timeout. */
  readonly ready: readonly Fd[];
  /** True once the world has nothing left to do (a simulated scenario is over). A real kernel never ends. */
  readonly ended: boolean;
}

/** The clock facet. */
export interface KernelClock {
  /** CLOCK_MONOTONIC in nanoseconds, the clock of bpf_ktime_get_ns. */
  monotonicNs(): bigint;
  /** Wall clock in milliseconds since 1970 UTC (simulated worlds have their own). */
  wallClockMs(): number;
  /**
   * Waits until one of `fds` is readable, `timeoutMs` have passed (Infinity: no limit) or `signal` aborts.
   * With no fds it is a sleep.
   */
  wait(fds: readonly Fd[], timeoutMs: number, signal?: AbortSignal): Promise<WaitResult>;
}
