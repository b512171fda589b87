/** The World port: what running programs can observe of the machine and the workload around them. */
import type { AddressSpace } from "./memory/address-space.ts";

/** The task that is running while a program runs. */
export interface TaskView {
  /** Thread id, `task->pid`. */
  readonly pid: number;
  /** Process id, `task->tgid`. */
  readonly tgid: number;
  readonly uid: number;
  readonly gid: number;
  /** TASK_COMM_LEN = 16 bytes, zero padded, always with a final zero. */
  readonly comm: Uint8Array;
  /** Guest address of its `struct task_struct`; 0n where the world lays none out. */
  readonly address: bigint;
  /** Id of its cgroup in the default hierarchy. */
  readonly cgroupId: bigint;
}

/** How the running program was reached. */
export interface Attachment {
  /** Address of the traced function for bpf_get_func_ip; 0n where there is none. */
  readonly functionAddress: bigint;
  /** The user's value for bpf_get_attach_cookie; 0n by default. */
  readonly cookie: bigint;
}

/**
 * Everything helpers ask of the outside. Implemented by the simulated kernel; tests use a motionless one.
 * Times are whole nanoseconds in a `number` (a safe integer), because helpers call these often.
 */
export interface World {
  readonly memory: AddressSpace;
  /** As `uname -r`. */
  readonly release: string;
  /** Number of possible CPUs, numbered from 0. */
  readonly cpuCount: number;
  currentCpu(): number;
  /** CLOCK_MONOTONIC, ns. */
  monotonicNs(): number;
  /** CLOCK_BOOTTIME, ns. */
  bootNs(): number;
  /** CLOCK_TAI, ns. */
  taiNs(): number;
  /** The jiffies64 counter. */
  jiffies(): number;
  /** A new pseudo-random number, 0 .. 2^32 - 1. */
  random32(): number;
  currentTask(): TaskView;
  /** Kernel return addresses of the running task, innermost first. */
  kernelStack(): readonly bigint[];
  /** User return addresses of the running task, innermost first; empty for kernel threads. */
  userStack(): readonly bigint[];
  /** How the program that runs now was attached. */
  attachment(): Attachment;
  /** What bpf_trace_printk and bpf_trace_vprintk print; the world makes the trace_pipe line around it. */
  tracePrint(message: string): void;
  /** The ring buffer map has data that its reader should be woken for. */
  notifyReadable(mapId: number): void;
}
