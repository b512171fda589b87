/** Uprobes on many functions of a file: through one link where the kernel has it (Linux 6.6), else one by one. */
import { NewerAttachType } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import { hasFeature } from "../features/feature.ts";
import type { Program } from "../object/program.ts";
import { resolveBinary } from "./binary-path.ts";
import { globExpression } from "./kernel-functions.ts";
import { descriptorLink, jointLink, type Link } from "./link.ts";
import { attachUprobe, attachUretprobe, matchingPlaces } from "./uprobe.ts";

/** Which functions of which file. */
export interface UprobeMultiOptions {
  /** As of {@link attachUprobe}. */
  readonly path: string;
  /** Of `*` and `?`, for whole names. */
  readonly pattern: string;
  readonly returns?: boolean;
  readonly pid?: number;
}

/**
 * Attaches to every function that matches.
 * @throws BpfkitError LD083 where none does, LD058 where the kernel refuses one
 */
export function attachUprobeMulti(kernel: Kernel, program: Program, options: UprobeMultiOptions): Link {
  const { pattern, returns = false, pid } = options;
  const path = resolveBinary(kernel, options.path);
  const places = matchingPlaces(kernel, path, globExpression(pattern));
  const offsets = [...new Set(places.map(({ offset }) => offset))];
  const description = `${returns ? "uretprobe" : "uprobe"}.multi:${path}:${pattern}`;
  if (offsets.length === 0) {
    throw new BpfkitError("LD083", `${path} has no function that matches ${pattern} in its symbol tables`);
  }
  const isMulti = program.spec.expectedAttachType === NewerAttachType.TraceUprobeMulti;
  if (!isMulti || !hasFeature(kernel, "uprobe-multi")) {
    return oneByOne(kernel, program, { path, offsets, description, returns, pid });
  }
  try {
    const link = kernel.links.linkCreate({
      program: program.fd,
      target: 0,
      attachType: NewerAttachType.TraceUprobeMulti,
      flags: 0,
      details: {
        kind: "uprobe-multi",
        path,
        offsets,
        referenceCounters: [],
        cookies: [],
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

function oneByOne(
  kernel: Kernel,
  program: Program,
  target: {
    readonly path: string;
    readonly offsets: readonly number[];
    readonly description: string;
    readonly returns: boolean;
    readonly pid: number | undefined;
  },
): Link {
  const { path, offsets, description, returns, pid } = target;
  const attach = returns ? attachUretprobe : attachUprobe;
  const links: Link[] = [];
  try {
    for (const offset of offsets) {
      links.push(attach(kernel, program, { path, offset, ...(pid === undefined ? {} : { pid }) }));
    }
  } catch (error) {
    for (const link of links) link.close();
    throw error;
  }
  return jointLink(description, links);
}
