/** Files of procfs, sysfs and tracefs that tracing tools read, and programs whose symbols they look up. */
import type { Fd } from "./kernel.ts";

/** An open trace_pipe. `fd` becomes readable when lines are there. */
export interface TracePipe {
  readonly fd: Fd;
  /** Lines printed by bpf_trace_printk since the last call, each with its newline, in the format of trace_pipe. */
  read(): string;
  close(): void;
}

/** A program, a library or a process's memory, read at offsets so that big ones are quick. */
export interface ReadableFile {
  /** Equal for the same unchanged content: device, inode, size and time of the last change. */
  readonly identity: string;
  /** As stat(2) has it; 0 where the file system has none. */
  readonly inode: number;
  /** 0 for files of procfs. */
  readonly sizeBytes: number;
  /** A copy of at most `length` bytes: fewer where the file ends or cannot be read. */
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

/** The file facet. */
export interface KernelFiles {
  /**
   * Reads a whole kernel file. Known paths: `/sys/kernel/btf/vmlinux`, `/proc/kallsyms`,
   * `/sys/kernel/tracing/events/CATEGORY/NAME/{id,format}`, `/sys/kernel/tracing/available_filter_functions`,
   * `/proc/PID/{maps,stat,status}`.
   * @throws SyscallError ENOENT
   */
  readKernelFile(path: string): Uint8Array;
  /** Opens a file of the machine; undefined where there is none or it may not be read. */
  openFile(path: string): ReadableFile | undefined;
  /** Turns a mangled C++ or Rust name of a program into source form; gives others back. Absent where there are none. */
  demangle?(name: string): string;
  /** Folders in which programs are looked for by name, in order (PATH). */
  readonly programFolders: readonly string[];
  /** Text of the kernel's build configuration (/proc/config.gz, /boot/config-RELEASE); undefined where it is not to be had. */
  kernelConfiguration(): string | undefined;
  /** Adds a line to a control file of tracefs, given below /sys/kernel/tracing. @throws SyscallError EEXIST, EINVAL, ENOENT */
  writeTraceControl(path: string, line: string): void;
  openTracePipe(): TracePipe;
}
