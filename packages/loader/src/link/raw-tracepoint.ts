/** Raw tracepoints: a program on an event of the kernel, with the event's unprocessed arguments as context. */
import { Errno } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import type { Program } from "../object/program.ts";
import { descriptorLink, type Link } from "./link.ts";

/** Attaches to a raw tracepoint by name. @throws BpfkitError LD055 where the kernel has no such tracepoint. */
export function attachRawTracepoint(kernel: Kernel, program: Program, name: string): Link {
  return open(kernel, program, name, `raw_tracepoint:${name}`);
}

/** Attaches fentry, fexit, fmod_ret, tp_btf, LSM and freplace programs: their target was fixed when they were loaded. */
export function attachTracing(kernel: Kernel, program: Program): Link {
  return open(kernel, program, "", `${program.spec.section.split("/")[0]}:${program.spec.attachTo ?? ""}`);
}

function open(kernel: Kernel, program: Program, name: string, description: string): Link {
  try {
    return descriptorLink(kernel, description, [kernel.rawTracepointOpen(name, program.fd)]);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const missing = error.errno === Errno.ENOENT;
    throw new BpfkitError(
      "LD055",
      missing
        ? `program ${program.name}: ${kernel.name} has no raw tracepoint ${name}`
        : `program ${program.name} could not be attached to ${description}: ${error.message}`,
      { cause: error },
    );
  }
}
