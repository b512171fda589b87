/** Helpers that read memory the program does not own: kernel objects and the current process. */
import { Errno } from "@bpfkit/base/abi";
import { PAGE_SIZE } from "../memory/layout.ts";
import type { Machine } from "../program/machine.ts";
import { type HelperDefinition, mustWrite } from "./definition.ts";

/** Below 2^47: user addresses and the guard page after them (TASK_SIZE_MAX + PAGE_SIZE on x86-64). */
function isUserAddress(high: number): boolean {
  return high >>> 0 < 0x8000;
}

/** What reading a bad kernel address gives: -EFAULT, or -ERANGE for one that copy_from_kernel_nofault_allowed refuses. */
function kernelError(high: number): number {
  const canonical = high >> 15 === -1;
  return canonical ? -Errno.EFAULT : -Errno.ERANGE;
}

/** Copies kernel memory to `to` (checked by the caller); on failure fills it with zeroes. */
export function readKernel(machine: Machine, to: number, size: number, low: number, high: number): number {
  const { memory } = machine;
  const from = memory.offsetOfWords(low, high);
  if (from !== 0 && memory.kernelMayRead(from, size)) {
    memory.copy(to, from, size);
    return 0;
  }
  memory.u8.fill(0, to, to + size);
  return size === 0 ? 0 : kernelError(high);
}

/** Copies memory of the current process to `to`; on failure fills it with zeroes. */
export function readUser(machine: Machine, to: number, size: number, low: number, high: number): number {
  const { memory } = machine;
  const start = (high >>> 0) * 0x1_0000_0000 + (low >>> 0);
  let done = 0;
  while (done < size) {
    const at = start + done;
    const from = isUserAddress(high) ? translate(machine, at) : 0;
    if (from === 0) {
      memory.u8.fill(0, to, to + size);
      return -Errno.EFAULT;
    }
    const length = Math.min(size - done, PAGE_SIZE - (from & (PAGE_SIZE - 1)));
    memory.copy(to + done, from, length);
    done += length;
  }
  return 0;
}

/** Offset of a user address below 2^48; 0 where nothing is mapped. */
function translate(machine: Machine, address: number): number {
  const high = Math.floor(address / 0x1_0000_0000);
  return machine.memory.user?.translate((address % 0x1_0000_0000) | 0, high) ?? 0;
}

/** Offset of a byte of kernel or user memory; 0 where reading it faults. */
function byteAt(machine: Machine, user: boolean, low: number, high: number, index: number): number {
  if (user) return translate(machine, (high >>> 0) * 0x1_0000_0000 + (low >>> 0) + index);
  const first = machine.memory.offsetOfWords(low, high);
  return first !== 0 && machine.memory.kernelMayRead(first + index, 1) ? first + index : 0;
}

/**
 * Copies a string with its final zero, at most `size` bytes with the last one zero. Returns the bytes copied; on failure
 * a negative errno after filling `size` bytes with zeroes.
 */
export function readString(
  machine: Machine,
  to: number,
  size: number,
  source: { user: boolean; low: number; high: number },
): number {
  const { user, low, high } = source;
  const { memory } = machine;
  if (size <= 0) return 0;
  const allowed = isUserAddress(high) === user;
  for (let i = 0; i < size; i++) {
    const from = allowed ? byteAt(machine, user, low, high, i) : 0;
    if (from === 0) {
      memory.u8.fill(0, to, to + size);
      return user ? -Errno.EFAULT : kernelError(high);
    }
    const byte = memory.u8[from] as number;
    memory.u8[to + i] = byte;
    if (byte === 0) return i + 1;
  }
  memory.u8[to + size - 1] = 0;
  return size;
}

/** Which memory a helper reads; `either` decides by the address, as the oldest helpers do on x86-64. */
type Side = "kernel" | "user" | "either";

function isUserSide(side: Side, high: number): boolean {
  return side === "either" ? isUserAddress(high) : side === "user";
}

function blockReader(name: string, side: Side, gplOnly = true): HelperDefinition {
  return {
    name,
    arguments: ["memory", "int", "wide"],
    result: "int",
    gplOnly,
    bind: (machine) => (to, size, low, high) => {
      const [target, length, lowWord, highWord] = [
        to as number,
        size as number,
        low as number,
        high as number,
      ];
      mustWrite(machine, target, length, 1);
      const read = isUserSide(side, highWord) ? readUser : readKernel;
      return read(machine, target, length, lowWord, highWord);
    },
  };
}

function stringReader(name: string, side: Side): HelperDefinition {
  return {
    name,
    arguments: ["memory", "int", "wide"],
    result: "int",
    gplOnly: true,
    bind: (machine) => (to, size, low, high) => {
      mustWrite(machine, to as number, size as number, 1);
      const user = isUserSide(side, high as number);
      return readString(machine, to as number, size as number, {
        user,
        low: low as number,
        high: high as number,
      });
    },
  };
}

/** bpf_probe_read(dst, size, src). */
export const probeRead = blockReader("probe_read", "either");
/** bpf_probe_read_kernel(dst, size, src). */
export const probeReadKernel = blockReader("probe_read_kernel", "kernel");
/** bpf_probe_read_user(dst, size, src). */
export const probeReadUser = blockReader("probe_read_user", "user");
/** bpf_copy_from_user(dst, size, src). */
export const copyFromUser = blockReader("copy_from_user", "user", false);
/** bpf_probe_read_str(dst, size, src). */
export const probeReadStr = stringReader("probe_read_str", "either");
/** bpf_probe_read_kernel_str(dst, size, src). */
export const probeReadKernelStr = stringReader("probe_read_kernel_str", "kernel");
/** bpf_probe_read_user_str(dst, size, src). */
export const probeReadUserStr = stringReader("probe_read_user_str", "user");
