/** Kprobes and kretprobes: a program on the entry or the return of a kernel function. */
import { Errno } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import type { Program } from "../object/program.ts";
import { globExpression, matchingFunctions } from "./kernel-functions.ts";
import { descriptorLink, type Link, startEvent, undoableLink } from "./link.ts";
import { legacyProbe, type TraceEventProbe } from "./trace-event-probe.ts";

/** Where a kprobe sits. */
export interface KprobeOptions {
  /** Exactly as the kernel names it; system calls are not translated here. */
  readonly function: string;
  /** In bytes from the function's start; kprobes only. */
  readonly offset?: number;
  /** What bpf_get_attach_cookie gives to the program; Linux 5.15. */
  readonly cookie?: bigint;
  /**
   * `auto` makes the probe with perf_event_open and, on kernels before 4.17, through tracefs. `tracefs` insists on the
   * latter: such a probe stays in kprobe_events when this process is killed.
   */
  readonly mode?: "auto" | "tracefs";
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

type Kind = "kprobe" | "kretprobe";

function attach(kernel: Kernel, program: Program, kind: Kind, options: KprobeOptions): Link {
  const description = `${kind}:${options.function}`;
  const { cookie, mode = "auto" } = options;
  try {
    if (mode === "tracefs") return attachByTracefs(kernel, program, kind, options);
    let event: Fd;
    try {
      const attributes = { kind, function: options.function, offset: options.offset ?? 0 } as const;
      event = kernel.perfEventOpen(attributes, -1, 0);
    } catch (error) {
      // The kernel has no kprobe PMU: it is older than 4.17, or has no kprobes at all.
      if (!(error instanceof BpfkitError) || error.code !== "LK005") throw error;
      return attachByOldInterface(kernel, program, kind, { options, instead: error });
    }
    return descriptorLink(kernel, description, startEvent(kernel, event, program.fd, cookie));
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
        ...(error.errno === Errno.EILSEQ
          ? { hint: "No instruction of the function starts at this offset." }
          : {}),
      },
    );
  }
}

/** @throws the error of the new interface where the old one is not there either */
function attachByOldInterface(
  kernel: Kernel,
  program: Program,
  kind: Kind,
  request: { readonly options: KprobeOptions; readonly instead: BpfkitError },
): Link {
  try {
    return attachByTracefs(kernel, program, kind, request.options);
  } catch (error) {
    const absent = error instanceof SyscallError && error.command === "open" && error.errno === Errno.ENOENT;
    const noTracefs = error instanceof BpfkitError && error.code === "LK007";
    throw absent || noTracefs ? request.instead : error;
  }
}

function attachByTracefs(kernel: Kernel, program: Program, kind: Kind, options: KprobeOptions): Link {
  const { function: name, offset = 0, cookie } = options;
  const place = offset === 0 ? name : `${name}+0x${offset.toString(16)}`;
  const probe = listedProbe(kernel, kind, place, name);
  try {
    const event = kernel.perfEventOpen({ kind: "tracepoint", id: probe.id }, -1, 0);
    const fds = startEvent(kernel, event, program.fd, cookie);
    return undoableLink(`${kind}:${name}`, fds, () => {
      for (const fd of fds) kernel.close(fd);
      probe.remove();
    });
  } catch (error) {
    probe.remove();
    throw error;
  }
}

/** @throws SyscallError ENOENT for an unknown function, for which kernels from 6.6 on say EINVAL */
function listedProbe(kernel: Kernel, kind: Kind, place: string, name: string): TraceEventProbe {
  try {
    return legacyProbe(kernel, { list: "kprobe_events", onReturn: kind === "kretprobe", place });
  } catch (error) {
    const isKnown = (): boolean =>
      matchingFunctions(kernel, globExpression(name.slice(name.indexOf(":") + 1)), "all").length > 0;
    if (!(error instanceof SyscallError) || error.errno !== Errno.EINVAL || isKnown()) throw error;
    throw new SyscallError(error.command, Errno.ENOENT, { cause: error });
  }
}
