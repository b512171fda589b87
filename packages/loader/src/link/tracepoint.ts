/** Tracepoints: a program on a named event of the kernel, with the event's fields as context. */
import { Errno } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import type { Program } from "../object/program.ts";
import { descriptorLink, type Link, startEvent } from "./link.ts";

/** Attaches to `category:name`. @throws BpfkitError LD055 where the kernel has no such tracepoint. */
export function attachTracepoint(kernel: Kernel, program: Program, category: string, name: string): Link {
  const description = `tracepoint:${category}:${name}`;
  try {
    const text = kernel.readKernelFile(`/sys/kernel/tracing/events/${category}/${name}/id`);
    const id = Number.parseInt(new TextDecoder().decode(text), 10);
    const event = kernel.perfEventOpen({ kind: "tracepoint", id }, -1, 0);
    return descriptorLink(kernel, description, startEvent(kernel, event, program.fd));
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const missing = error.errno === Errno.ENOENT;
    throw new BpfkitError(
      "LD055",
      missing
        ? `program ${program.name}: ${kernel.name} has no tracepoint ${category}:${name}`
        : `program ${program.name} could not be attached to ${description}: ${error.message}`,
      { cause: error, ...(missing ? { hint: "See /sys/kernel/tracing/available_events." } : {}) },
    );
  }
}
