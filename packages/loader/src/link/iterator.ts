/** Iterators: a program that is run over all tasks, maps, sockets ..., and prints into a file that is read (Linux 5.8). */
import { AttachType, Errno } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import type { BpfMap } from "../object/bpf-map.ts";
import type { Program } from "../object/program.ts";
import { descriptorLink, type Link } from "./link.ts";

/** What to walk, for iterators that need to be told. */
export interface IteratorOptions {
  /** The map whose elements are walked (`iter/bpf_map_elem`, `iter/bpf_sk_storage_map`, `iter/sockmap`). */
  readonly map?: BpfMap;
  /** One process's tasks or files only (Linux 6.1). */
  readonly pid?: number;
  /** One task's only (Linux 6.1). */
  readonly tid?: number;
  /** A cgroup, by its folder, and in which order it and those below it are walked (`iter/cgroup`, Linux 6.1). */
  readonly cgroup?: { readonly path: string; readonly order: keyof typeof cgroupOrders };
}

/** enum bpf_cgroup_iter_order. */
const cgroupOrders = { self: 1, descendants: 2, "descendants-last": 3, ancestors: 4 } as const;

/** An iterator that is attached: every reading runs the program over everything there is. */
export interface IteratorLink extends Link {
  /** All that the program prints in one run. @throws SyscallError */
  readBytes(): Uint8Array;
  /** The same as text. */
  read(): string;
}

/** Iterators over the elements of a map, which must be named. */
const mapIterators: ReadonlySet<string> = new Set(["bpf_map_elem", "bpf_sk_storage_map", "sockmap"]);
const cgroupIterator = "cgroup";

/** Whether an iterator can be attached without saying what to walk. */
export function walksEverything(program: Program): boolean {
  const { attachTo } = program.spec;
  return attachTo !== undefined && attachTo !== cgroupIterator && !mapIterators.has(attachTo);
}

/** Attaches. Nothing runs before it is read. @throws BpfkitError LD092 */
export function attachIterator(
  kernel: Kernel,
  program: Program,
  options: IteratorOptions = {},
): IteratorLink {
  const target = program.spec.attachTo ?? "";
  const description = `iter:${target}`;
  let cgroup: Fd | undefined;
  try {
    if (options.cgroup !== undefined) cgroup = kernel.links.openTarget(options.cgroup.path);
    const fd = kernel.links.linkCreate({
      program: program.fd,
      target: 0,
      attachType: AttachType.TraceIter,
      flags: 0,
      details: { kind: "iterator", info: linkInfo(options, cgroup) },
    });
    const link = descriptorLink(kernel, description, [fd]);
    const readBytes = (): Uint8Array => readAll(kernel, fd);
    return { ...link, readBytes, read: () => new TextDecoder().decode(readBytes()) };
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const needsMap = error.errno === Errno.EBADF && mapIterators.has(target) && options.map === undefined;
    throw new BpfkitError(
      "LD092",
      `program ${program.name} could not be attached to ${description}: ${error.message}`,
      { cause: error, ...(needsMap ? { hint: "Say which map to walk." } : {}) },
    );
  } finally {
    if (cgroup !== undefined) kernel.close(cgroup);
  }
}

/** union bpf_iter_link_info: a map's descriptor; or tid, pid and pid_fd; or an order and a cgroup's descriptor and id. */
function linkInfo(options: IteratorOptions, cgroup: Fd | undefined): Uint8Array | undefined {
  const { map, pid, tid } = options;
  const words = new Uint32Array(4);
  if (map !== undefined) words[0] = map.fd;
  else if (options.cgroup !== undefined) words.set([cgroupOrders[options.cgroup.order], cgroup ?? 0]);
  else if (pid !== undefined || tid !== undefined) words.set([tid ?? 0, pid ?? 0]);
  else return undefined;
  return new Uint8Array(words.buffer);
}

function readAll(kernel: Kernel, link: Fd): Uint8Array {
  const run = kernel.links.iteratorCreate(link);
  try {
    const parts: Uint8Array[] = [];
    for (let part = kernel.links.readIterator(run); part.length > 0; part = kernel.links.readIterator(run)) {
      parts.push(part);
    }
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  } finally {
    kernel.close(run);
  }
}
