/** Kprobes and kretprobes: a program on the entry or the return of a kernel function. */
import { Errno } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import type { Program } from "../object/program.ts";
import { descriptorLink, type Link, startEvent } from "./link.ts";

/** Where a kprobe sits. */
export interface KprobeOptions {
  /** Exactly as the kernel names it; system calls are not translated here. */
  readonly function: string;
  /** In bytes from the function's start; kprobes only. */
  readonly offset?: number;
}

/** Attaches at a function's entry. @throws BpfkitError LD054 where the kernel has no such function. */
export function attachKprobe(kernel: Kernel, program: Program, options: KprobeOptions): Link {
  return attach(kernel, program, "kprobe", options);
}

/** Attaches at a function's return. @throws BpfkitError LD054 where the kernel has no such function. */
export function attachKretprobe(kernel: Kernel, program: Program, options: KprobeOptions): Link {
  return attach(kernel, program, "kretprobe", options);
}

/** No such function, or one that must not be probed. */
const refusals: ReadonlySet<number> = new Set([Errno.ENOENT, Errno.EINVAL, Errno.EOPNOTSUPP]);

/**
 * Whether the kernel would accept a kprobe on a function, found out by making one and closing it at once.
 * @throws SyscallError for failures that say nothing of the function, such as EPERM
 */
export function canKprobe(kernel: Kernel, functionName: string): boolean {
  try {
    kernel.close(kernel.perfEventOpen({ kind: "kprobe", function: functionName, offset: 0 }, -1, 0));
    return true;
  } catch (error) {
    if (error instanceof SyscallError && refusals.has(error.errno)) return false;
    throw error;
  }
}

function attach(
  kernel: Kernel,
  program: Program,
  kind: "kprobe" | "kretprobe",
  options: KprobeOptions,
): Link {
  const description = `${kind}:${options.function}`;
  try {
    const attributes = { kind, function: options.function, offset: options.offset ?? 0 } as const;
    const event = kernel.perfEventOpen(attributes, -1, 0);
    return descriptorLink(kernel, description, [startEvent(kernel, event, program.fd)]);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const missing = error.errno === Errno.ENOENT;
    throw new BpfkitError(
      "LD054",
      missing
        ? `program ${program.name}: ${kernel.name} has no function ${options.function} to probe`
        : `program ${program.name} could not be attached to ${description}: ${error.message}`,
      {
        cause: error,
        ...(missing ? { hint: "It may be inlined or renamed in this kernel; see /proc/kallsyms." } : {}),
      },
    );
  }
}
