/** One simulated CPU: who runs on it, who waits for it, and the memory that probes on it use. */
import type { AddressSpace } from "../memory/address-space.ts";
import type { Frame, Task } from "./objects/task.ts";
import { PtRegsSize } from "./pt-regs.ts";

/** Bytes for one tracepoint record, as PERF_MAX_TRACE_SIZE. */
export const LargestRecord = 8192;

/** `struct bpf_perf_event_data`: registers, sample period, address. */
const PerfEventContextSize = PtRegsSize + 16;

/** Bytes of the scratch stack that `sp` points into during probes. */
const ProbeStackSize = 4096;

/** A CPU. Its buffers are made when the first program runs on it. */
export class Cpu {
  readonly index: number;
  readonly idle: Task;
  current: Task;
  /** Tasks that were running here when another took over, last one last. */
  readonly preempted: Task[] = [];
  /** Calls of the interrupt in progress, outermost first. */
  readonly interruptFrames: Frame[] = [];
  interruptDepth = 0;
  readonly #memory: AddressSpace;
  #registers = 0;
  #record = 0;
  #arguments = 0;
  #probeStack = 0;

  constructor(index: number, idle: Task, memory: AddressSpace) {
    this.index = index;
    this.idle = idle;
    this.current = idle;
    this.#memory = memory;
  }

  /** Offset of the `pt_regs` that programs get, with room for `bpf_perf_event_data`; programs may read it. */
  get registers(): number {
    if (this.#registers === 0) {
      this.#registers = this.#memory.allocateOffset(PerfEventContextSize, 64, "program");
      this.#memory.grant(this.#registers, PerfEventContextSize, "read");
    }
    return this.#registers;
  }

  /** Offset of the buffer for tracepoint records; rights are set for each record. */
  get record(): number {
    if (this.#record === 0) this.#record = this.#memory.allocateOffset(LargestRecord, 64, "program");
    return this.#record;
  }

  /** Offset of the u64 array that raw tracepoints and fentry programs get: 13 elements. */
  get arguments(): number {
    if (this.#arguments === 0) this.#arguments = this.#memory.allocateOffset(13 * 8, 64, "program");
    return this.#arguments;
  }

  /** Offset of the end of the scratch stack. */
  get probeStackEnd(): number {
    if (this.#probeStack === 0) this.#probeStack = this.#memory.allocateOffset(ProbeStackSize, 64, "kernel");
    return this.#probeStack + ProbeStackSize;
  }

  /** The calls in progress: the interrupt's if there is one, else the current task's. */
  get frames(): Frame[] {
    return this.interruptDepth > 0 ? this.interruptFrames : this.current.frames;
  }
}
