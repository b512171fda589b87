/** Uprobes and uretprobes: a program on the entry or the return of a function in a file of machine code. */
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import type { Program } from "../object/program.ts";
import { descriptorLink, type Link, startEvent } from "./link.ts";

/** Where a uprobe sits. */
export interface UprobeOptions {
  /** The program or shared library. */
  readonly path: string;
  /** Of the function's first instruction, in bytes from the beginning of the file. */
  readonly offset: number;
  /** -1 and where left out: every process. */
  readonly pid?: number;
}

/** Attaches at a function's entry. @throws BpfkitError LD058 where the kernel does not take the place */
export function attachUprobe(kernel: Kernel, program: Program, options: UprobeOptions): Link {
  return attach(kernel, program, "uprobe", options);
}

/** Attaches at a function's return. @throws BpfkitError LD058 where the kernel does not take the place */
export function attachUretprobe(kernel: Kernel, program: Program, options: UprobeOptions): Link {
  return attach(kernel, program, "uretprobe", options);
}

function attach(
  kernel: Kernel,
  program: Program,
  kind: "uprobe" | "uretprobe",
  options: UprobeOptions,
): Link {
  const { path, offset, pid = -1 } = options;
  const description = `${kind}:${path}:0x${offset.toString(16)}`;
  try {
    // An event of one process follows it to every CPU; one of every process needs a CPU to be named, and runs on all.
    const event = kernel.perfEventOpen({ kind, path, offset }, pid, pid === -1 ? 0 : -1);
    return descriptorLink(kernel, description, [startEvent(kernel, event, program.fd)]);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new BpfkitError(
      "LD058",
      `program ${program.name} could not be attached to ${description}: ${error.message}`,
      {
        cause: error,
        hint: "The offset is one of the file, not an address; it must lie in code, at the start of an instruction.",
      },
    );
  }
}
