/** Uprobes and uretprobes: a program on the entry or the return of a function in a file of machine code. */
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import type { Program } from "../object/program.ts";
import { ElfImage } from "../symbols/elf-image.ts";
import { type FunctionPlace, findFunction, findFunctions } from "../symbols/function-offsets.ts";
import { resolveBinary } from "./binary-path.ts";
import { descriptorLink, type Link, startEvent, undoableLink } from "./link.ts";
import { legacyProbe } from "./trace-event-probe.ts";

/** Where a uprobe sits: a file, and an offset or a symbol in it. */
export interface UprobeOptions {
  /** The program or shared library: a path, `libc.so.6`, `bash`, or `c` for the C library. */
  readonly path: string;
  /** In bytes from the beginning of the file or, with a symbol, from the function's first instruction; 0 unless given. */
  readonly offset?: number;
  /** A function of .dynsym or .symtab. */
  readonly symbol?: string;
  /** -1 and where left out: every process. */
  readonly pid?: number;
  /** What bpf_get_attach_cookie gives to the program; Linux 5.15. */
  readonly cookie?: bigint;
  /** Offset in the file of a USDT semaphore; Linux 4.20. */
  readonly referenceCounter?: number;
  /** As of kprobes. Probes through tracefs are those of every process. */
  readonly mode?: "auto" | "tracefs";
}

/** Attaches at a function's entry. @throws BpfkitError LD058 where the kernel does not take the place, LD082 and LD083 where there is no such file or symbol */
export function attachUprobe(kernel: Kernel, program: Program, options: UprobeOptions): Link {
  return attach(kernel, program, "uprobe", options);
}

/** Attaches at a function's return. @throws BpfkitError as {@link attachUprobe} */
export function attachUretprobe(kernel: Kernel, program: Program, options: UprobeOptions): Link {
  return attach(kernel, program, "uretprobe", options);
}

/** Opens a program or library, reads from it and closes it. @throws BpfkitError LD083 for what is no ELF file */
export function withImage<Result>(kernel: Kernel, path: string, read: (image: ElfImage) => Result): Result {
  const file = kernel.openFile(path);
  if (file === undefined) throw new BpfkitError("LD082", `${path} cannot be read`);
  try {
    const image = ElfImage.read(file);
    if (image === undefined) throw new BpfkitError("LD083", `${path} is no 64-bit ELF file`);
    return read(image);
  } finally {
    file.close();
  }
}

/** The place of a function. @throws BpfkitError LD083 where the file has no such symbol */
export function functionPlace(kernel: Kernel, path: string, symbol: string): FunctionPlace {
  const found = withImage(kernel, path, (image) => findFunction(image, symbol));
  if (found !== undefined) return found;
  throw new BpfkitError("LD083", `${path} has no function ${symbol} in its symbol tables`, {
    hint: "It may be inlined, or the file stripped; see nm -D and nm. C++ and Rust names are mangled.",
  });
}

/** Functions of a file whose names match, for probes on many. */
export function matchingPlaces(kernel: Kernel, path: string, pattern: RegExp): FunctionPlace[] {
  return withImage(kernel, path, (image) => findFunctions(image, (name) => pattern.test(name)));
}

function attach(
  kernel: Kernel,
  program: Program,
  kind: "uprobe" | "uretprobe",
  options: UprobeOptions,
): Link {
  const { pid = -1, symbol, cookie, referenceCounter, mode = "auto" } = options;
  const path = resolveBinary(kernel, options.path);
  const start = symbol === undefined ? 0 : functionPlace(kernel, path, symbol).offset;
  const offset = start + (options.offset ?? 0);
  const description = `${kind}:${path}:${symbol ?? `0x${offset.toString(16)}`}`;
  try {
    if (mode === "tracefs") return attachByTracefs(kernel, program, kind, { path, offset, description });
    // An event of one process follows it to every CPU; one of every process needs a CPU to be named, and runs on all.
    const attributes = {
      kind,
      path,
      offset,
      ...(referenceCounter === undefined ? {} : { referenceCounter }),
    } as const;
    const event = kernel.perfEventOpen(attributes, pid, pid === -1 ? 0 : -1);
    return descriptorLink(kernel, description, startEvent(kernel, event, program.fd, cookie));
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

function attachByTracefs(
  kernel: Kernel,
  program: Program,
  kind: "uprobe" | "uretprobe",
  target: { readonly path: string; readonly offset: number; readonly description: string },
): Link {
  const place = `${target.path}:0x${target.offset.toString(16)}`;
  const probe = legacyProbe(kernel, { list: "uprobe_events", onReturn: kind === "uretprobe", place });
  let fds: readonly Fd[];
  try {
    const event = kernel.perfEventOpen({ kind: "tracepoint", id: probe.id }, -1, 0);
    fds = startEvent(kernel, event, program.fd);
  } catch (error) {
    probe.remove();
    throw error;
  }
  return undoableLink(target.description, fds, () => {
    for (const fd of fds) kernel.close(fd);
    probe.remove();
  });
}

/** `PATH:FUNCTION[+OFFSET]` of a section's name. @throws BpfkitError LD057 for another form */
export function uprobeTarget(program: Program, target: string): UprobeOptions {
  const colon = target.lastIndexOf(":");
  const path = target.slice(0, Math.max(0, colon));
  const place = target.slice(colon + 1);
  const match = /^([^+]*)(?:\+(0x[0-9a-fA-F]+|\d+))?$/.exec(place);
  const name = match?.[1] ?? "";
  if (path === "" || match === null || (name === "" && match[2] === undefined)) {
    throw new BpfkitError(
      "LD057",
      `program ${program.name}: SEC("${program.spec.section}") does not name PATH:FUNCTION or PATH:FUNCTION+OFFSET`,
    );
  }
  const offset = Number(match[2] ?? 0);
  // A number in the function's place is an offset of the file, as in libbpf.
  if (/^(0x[0-9a-fA-F]+|\d+)$/.test(name)) return { path, offset: Number(name) + offset };
  return { path, symbol: name, offset };
}
