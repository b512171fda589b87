/** The Kernel port: every call the loader makes of a kernel, real or simulated. */
import type { BpfLinks } from "./bpf-links.ts";
import type { BpfObjects } from "./bpf-objects.ts";
import type { BpfSyscalls } from "./bpf-syscalls.ts";
import type { KernelClock } from "./clock.ts";
import type { KernelFiles } from "./kernel-files.ts";
import type { MapBatches } from "./map-batches.ts";
import type { KernelNetwork } from "./network.ts";
import type { PerfEvents } from "./perf-events.ts";
import type { RingMapper } from "./ring-memory.ts";

/** A file descriptor of the kernel behind the port. Made only by that kernel. */
export type Fd = number & { readonly brand: "Fd" };

/**
 * A kernel: bpf(2), perf_event_open(2), ring memory, kernel files and time.
 * Methods are synchronous, except waiting. Failures throw {@link SyscallError}.
 */
export interface Kernel extends BpfSyscalls, PerfEvents, KernelFiles, RingMapper, KernelClock {
  /** For messages: `simulated Linux 6.1.0` or `Linux 6.18.3`. */
  readonly name: string;
  /** As `uname -r`. */
  readonly release: string;
  readonly architecture: "x86_64" | "arm64";
  /** Ids of online and possible CPUs, ascending. */
  readonly onlineCpus: readonly number[];
  readonly possibleCpus: readonly number[];
  /** Objects of the whole kernel, and pins. */
  readonly objects: BpfObjects;
  /** Attaching through bpf(2). */
  readonly links: BpfLinks;
  /** Attaching to interfaces and sockets. */
  readonly network: KernelNetwork;
  /** Many map entries in one call; undefined: this kernel behind the port has no such calls. */
  readonly batches: MapBatches | undefined;
  /** Equal for kernel objects that are openings of one kernel; absent where this is the only one. */
  readonly machine?: object;
  /** Closes a descriptor; closing an unknown one throws EBADF. */
  close(fd: Fd): void;
  /** Releases everything, descriptors included. */
  shutdown(): void;
}
