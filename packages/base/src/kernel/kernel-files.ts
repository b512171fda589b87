/** Files of procfs, sysfs and tracefs that tracing tools read. */
import type { Fd } from "./kernel.ts";

/** An open trace_pipe. `fd` becomes readable when lines are there. */
export interface TracePipe {
  readonly fd: Fd;
  /** Lines printed by bpf_trace_printk since the last call, each with its newline, in the format of trace_pipe. */
  read(): string;
  close(): void;
}

/** The file facet. */
export interface KernelFiles {
  /**
   * Reads a whole kernel file. Known paths: `/sys/kernel/btf/vmlinux`, `/proc/kallsyms`,
   * `/sys/kernel/tracing/events/CATEGORY/NAME/{id,format}`, `/sys/kernel/tracing/available_filter_functions`.
   * @throws SyscallError ENOENT
   */
  readKernelFile(path: string): Uint8Array;
  openTracePipe(): TracePipe;
}
