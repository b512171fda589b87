/** Kprobes on many functions through one link (Linux 5.18). */
import { AttachType, Errno, NewerAttachType } from "@bpfkit/base/abi";
import { BpfkitError, NotSupportedError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import { hasFeature } from "../features/feature.ts";
import type { Program } from "../object/program.ts";
import { globExpression, matchingFunctions } from "./kernel-functions.ts";
import { descriptorLink, type Link } from "./link.ts";

/** Which functions: a pattern of `*` and `?`, or names. */
export interface KprobeMultiOptions {
  readonly pattern?: string;
  readonly functions?: readonly string[];
  /** At the functions' returns; programs of `SEC("kprobe.session")` run at both ends (Linux 6.10). */
  readonly returns?: boolean;
  /** What bpf_get_attach_cookie gives, one for each of `functions`. */
  readonly cookies?: readonly bigint[];
}

/**
 * Attaches to every function at once. The program must have been loaded with the attach type that
 * `SEC("kprobe.multi")` or `SEC("kprobe.session")` gives.
 * @throws BpfkitError LD054 where nothing matches; NotSupportedError on older kernels
 */
export function attachKprobeMulti(kernel: Kernel, program: Program, options: KprobeMultiOptions): Link {
  const { pattern, functions, returns = false, cookies = [] } = options;
  const isSession = program.spec.expectedAttachType === NewerAttachType.TraceKprobeSession;
  const kind = isSession ? "kprobe.session" : returns ? "kretprobe.multi" : "kprobe.multi";
  if (!hasFeature(kernel, isSession ? "kprobe-session" : "kprobe-multi")) {
    throw new NotSupportedError(`${kind} by ${kernel.name}`, {
      since: isSession ? "6.10" : "5.18",
      hint: "Kernels without ftrace-based probes (CONFIG_FPROBE) have none either; use kprobe on single functions.",
    });
  }
  const description = `${kind}:${pattern ?? functions?.join(",") ?? ""}`;
  const places = pattern === undefined ? byName(functions ?? []) : byPattern(kernel, program, pattern);
  try {
    const link = kernel.links.linkCreate({
      program: program.fd,
      target: 0,
      attachType: isSession ? NewerAttachType.TraceKprobeSession : AttachType.TraceKprobeMulti,
      flags: 0,
      details: { kind: "kprobe-multi", returns: returns && !isSession, cookies, ...places },
    });
    return descriptorLink(kernel, description, [link]);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const missing = error.errno === Errno.ENOENT || error.errno === Errno.ESRCH;
    throw new BpfkitError(
      "LD054",
      missing
        ? `program ${program.name}: ${kernel.name} does not have every function of ${description}, or cannot trace one`
        : `program ${program.name} could not be attached to ${description}: ${error.message}`,
      { cause: error },
    );
  }
}

interface Places {
  readonly symbols: readonly string[];
  readonly addresses: readonly bigint[];
}

function byName(functions: readonly string[]): Places {
  return { symbols: functions, addresses: [] };
}

function byPattern(kernel: Kernel, program: Program, pattern: string): Places {
  const found = matchingFunctions(kernel, globExpression(pattern), "traceable");
  if (found.length === 0) {
    throw new BpfkitError(
      "LD054",
      `program ${program.name}: ${kernel.name} has no function that matches ${pattern}`,
      { hint: "See /sys/kernel/tracing/available_filter_functions." },
    );
  }
  // Several functions may share a name, which the kernel cannot tell apart; addresses it can.
  if (found.every(({ address }) => address !== 0n)) {
    return { symbols: [], addresses: [...new Set(found.map(({ address }) => address))] };
  }
  return { symbols: [...new Set(found.map(({ name }) => name))].sort(), addresses: [] };
}
