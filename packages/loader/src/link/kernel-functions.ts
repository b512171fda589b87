/** Kernel functions by pattern: those that can be traced, with their addresses. */
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";

/** A function of the kernel or of a module. */
export interface KernelFunction {
  readonly name: string;
  /** 0 where this user may not see addresses (kernel.kptr_restrict). */
  readonly address: bigint;
}

/** A glob of `*` and `?` as a regular expression over whole names (libbpf's glob_match). */
export function globExpression(pattern: string): RegExp {
  const text = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${text}$`);
}

function lines(kernel: Kernel, path: string): string[] | undefined {
  try {
    return new TextDecoder("latin1").decode(kernel.readKernelFile(path)).split("\n");
  } catch (error) {
    const isAbsent =
      error instanceof SyscallError || (error instanceof BpfkitError && error.code === "LK007");
    if (isAbsent) return undefined;
    throw error;
  }
}

/** Names that ftrace can stop at; undefined where the kernel has no such list. */
function traceableNames(kernel: Kernel, wanted: RegExp): ReadonlySet<string> | undefined {
  const all = lines(kernel, "/sys/kernel/tracing/available_filter_functions");
  if (all === undefined) return undefined;
  const names = new Set<string>();
  for (const line of all) {
    const end = line.indexOf(" ");
    const name = end === -1 ? line : line.slice(0, end);
    if (wanted.test(name)) names.add(name);
  }
  return names;
}

/**
 * Functions whose whole names match; names that several functions share are listed once for each of them.
 * @param only `traceable`: those that ftrace can stop at, as kprobe.multi needs; others may still take a kprobe
 */
export function matchingFunctions(
  kernel: Kernel,
  wanted: RegExp,
  only: "all" | "traceable",
): KernelFunction[] {
  const traceable = only === "traceable" ? traceableNames(kernel, wanted) : undefined;
  const functions: KernelFunction[] = [];
  for (const line of lines(kernel, "/proc/kallsyms") ?? []) {
    const [address = "", type = "", rest = ""] = line.split(" ", 3);
    if (type !== "t" && type !== "T") continue;
    const tab = rest.indexOf("\t");
    const name = tab === -1 ? rest : rest.slice(0, tab);
    if (!wanted.test(name) || traceable?.has(name) === false) continue;
    functions.push({ name, address: BigInt(`0x${address}`) });
  }
  if (functions.length > 0 || traceable === undefined) return functions;
  return [...traceable].map((name) => ({ name, address: 0n }));
}
