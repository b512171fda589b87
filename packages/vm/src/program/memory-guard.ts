/** Decides whether a program may make an access, and ends the run where it may not. */
import type { AddressSpace } from "../memory/address-space.ts";
import { ControlBlock } from "./control-block.ts";
import type { Machine } from "./machine.ts";

/** How a program may read kernel memory. */
export interface GuardOptions {
  /**
   * True for programs that get typed kernel pointers (fentry, LSM, bpf_get_current_task_btf): their direct loads work on
   * kernel memory too, and read zero where nothing is mapped, as the kernel's probed loads do.
   */
  readonly kernelLoads: boolean;
}

/** The slow, exact form of the memory checks: the interpreter's only one, the JIT's for accesses its fast test refuses. */
export class MemoryGuard {
  readonly memory: AddressSpace;
  readonly #machine: Machine;
  readonly #kernelLoads: boolean;

  constructor(machine: Machine, options: GuardOptions) {
    this.#machine = machine;
    this.memory = machine.memory;
    this.#kernelLoads = options.kernelLoads;
  }

  /** Offset in linear memory to read `size` bytes of the address from. */
  readable(low: number, high: number, size: number, slot: number): number {
    const offset = this.memory.offsetOfWords(low, high);
    if (this.memory.programMayRead(offset, size)) return offset;
    if (!this.#kernelLoads) return this.#refuse("read", low, high, size, slot);
    return this.memory.kernelMayRead(offset, size) ? offset : this.#machine.control + ControlBlock.Zero;
  }

  /** Offset in linear memory to write `size` bytes of the address to. */
  writable(low: number, high: number, size: number, slot: number): number {
    const offset = this.memory.offsetOfWords(low, high);
    if (this.memory.programMayWrite(offset, size)) return offset;
    return this.#refuse("write", low, high, size, slot);
  }

  #refuse(verb: string, low: number, high: number, size: number, slot: number): never {
    const address = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    const offset = this.memory.offsetOfWords(low, high);
    const why =
      address < 4096n
        ? "a NULL pointer"
        : verb === "write" && this.memory.programMayRead(offset, size)
          ? "read-only memory"
          : this.memory.kernelMayRead(offset, size)
            ? "kernel memory it does not own (use bpf_probe_read_kernel)"
            : "memory it does not own";
    return this.#machine.fault(
      slot,
      "VM010",
      `invalid access: the program tried to ${verb} ${size} byte(s) at 0x${address.toString(16)}, ${why}`,
    );
  }
}
