/** Uprobes on many functions of a file: through one link where the kernel has it (Linux 6.6), else one by one. */
import { NewerAttachType } from "@bpfkit/base/abi";
import { BpfkitError, NotSupportedError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import { hasFeature } from "../features/feature.ts";
import type { Program } from "../object/program.ts";
import { resolveBinary } from "./binary-path.ts";
import { globExpression } from "./kernel-functions.ts";
import { descriptorLink, jointLink, type Link } from "./link.ts";
import { attachUprobe, attachUretprobe, functionPlace, matchingPlaces } from "./uprobe.ts";

/** Which functions of which file: a pattern, or names. */
export interface UprobeMultiOptions {
  /** As of {@link attachUprobe}. */
  readonly path: string;
  /** Of `*` and `?`, for whole names. */
  readonly pattern?: string;
  readonly functions?: readonly string[];
  /** What bpf_get_attach_cookie gives, one for each of `functions`; Linux 5.15. */
  readonly cookies?: readonly bigint[];
  /** At the functions' returns; programs of `SEC("uprobe.session")` run at both ends (Linux 6.13). */
  readonly returns?: boolean;
  readonly pid?: number;
}

/** A place in a file, with what goes with it. */
export interface UprobePlace {
  /** In bytes from the beginning of the file. */
  readonly offset: number;
  readonly cookie?: bigint;
  /** Offset in the file of a USDT semaphore. */
  readonly referenceCounter?: number;
}

/**
 * Attaches to every function that matches or is named.
 * @throws BpfkitError LD083 where one is not there, LD058 where the kernel refuses one; NotSupportedError for programs of
 *   `SEC("uprobe.session")` on older kernels
 */
export function attachUprobeMulti(kernel: Kernel, program: Program, options: UprobeMultiOptions): Link {
  const { pattern, functions = [], returns = false, pid } = options;
  const path = resolveBinary(kernel, options.path);
  const isSession = program.spec.expectedAttachType === NewerAttachType.TraceUprobeSession;
  const kind = isSession ? "uprobe.session" : returns ? "uretprobe.multi" : "uprobe.multi";
  const description = `${kind}:${path}:${pattern ?? functions.join(",")}`;
  const places = placesOf(kernel, path, options);
  if (isSession && !hasFeature(kernel, "uprobe-session")) {
    throw new NotSupportedError(`uprobe.session by ${kernel.name}`, {
      since: "6.13",
      hint: 'Use SEC("uprobe.multi") and SEC("uretprobe.multi").',
    });
  }
  const isMulti = program.spec.expectedAttachType === NewerAttachType.TraceUprobeMulti;
  if (isSession || (isMulti && hasFeature(kernel, "uprobe-multi"))) {
    return attachByLink(kernel, program, { path, places, description, returns: returns && !isSession, pid });
  }
  return oneByOne(kernel, program, { path, places, description, returns, pid });
}

function placesOf(kernel: Kernel, path: string, options: UprobeMultiOptions): UprobePlace[] {
  const { pattern, functions = [], cookies = [] } = options;
  if (pattern === undefined) {
    return functions.map((name, index) => {
      const { offset } = functionPlace(kernel, path, name);
      const cookie = cookies[index];
      return { offset, ...(cookie === undefined ? {} : { cookie }) };
    });
  }
  const places = matchingPlaces(kernel, path, globExpression(pattern));
  if (places.length === 0) {
    throw new BpfkitError("LD083", `${path} has no function that matches ${pattern} in its symbol tables`);
  }
  return [...new Set(places.map(({ offset }) => offset))].map((offset) => ({ offset }));
}

/** What is attached where. */
interface Target {
  readonly path: string;
  readonly places: readonly UprobePlace[];
  readonly description: string;
  readonly returns: boolean;
  readonly pid: number | undefined;
}

/**
 * Attaches to all places by one link: the program must have been loaded for such links.
 * @throws BpfkitError LD058
 */
export function attachByLink(kernel: Kernel, program: Program, target: Target): Link {
  const { path, places, description, returns, pid } = target;
  const isSession = program.spec.expectedAttachType === NewerAttachType.TraceUprobeSession;
  const hasCookies = places.some(({ cookie }) => cookie !== undefined);
  const hasCounters = places.some(({ referenceCounter }) => referenceCounter !== undefined);
  try {
    const link = kernel.links.linkCreate({
      program: program.fd,
      target: 0,
      attachType: isSession ? NewerAttachType.TraceUprobeSession : NewerAttachType.TraceUprobeMulti,
      flags: 0,
      details: {
        kind: "uprobe-multi",
        path,
        offsets: places.map(({ offset }) => offset),
        referenceCounters: hasCounters ? places.map(({ referenceCounter = 0 }) => referenceCounter) : [],
        cookies: hasCookies ? places.map(({ cookie = 0n }) => cookie) : [],
        returns,
        pid: pid === undefined || pid === -1 ? 0 : pid,
      },
    });
    return descriptorLink(kernel, description, [link]);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new BpfkitError(
      "LD058",
      `program ${program.name} could not be attached to ${description}: ${error.message}`,
      { cause: error },
    );
  }
}

function oneByOne(kernel: Kernel, program: Program, target: Target): Link {
  const { path, places, description, returns, pid } = target;
  const attach = returns ? attachUretprobe : attachUprobe;
  const links: Link[] = [];
  try {
    for (const place of places) {
      links.push(attach(kernel, program, { path, ...place, ...(pid === undefined ? {} : { pid }) }));
    }
  } catch (error) {
    for (const link of links) link.close();
    throw error;
  }
  return jointLink(description, links);
}
