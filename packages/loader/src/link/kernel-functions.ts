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
function traceableNames(kernel: Kernel): ReadonlySet<string> | undefined {
  const all = lines(kernel, "/sys/kernel/tracing/available_filter_functions");
  if (all === undefined) return undefined;
  return new Set(all.map((line) => line.slice(0, line.indexOf(" ") === -1 ? undefined : line.indexOf(" "))));
}

function* symbolsOfCode(kernel: Kernel): Generator<KernelFunction> {
  for (const line of lines(kernel, "/proc/kallsyms") ?? []) {
    const [address = "", type = "", rest = ""] = line.split(" ", 3);
    if (type !== "t" && type !== "T") continue;
    const tab = rest.indexOf("\t");
    yield { name: tab === -1 ? rest : rest.slice(0, tab), address: BigInt(`0x${address}`) };
  }
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
  const traceable = only === "traceable" ? traceableNames(kernel) : undefined;
  const functions: KernelFunction[] = [];
  /** Of functions that ftrace does not list by these names. */
  const others: KernelFunction[] = [];
  for (const found of symbolsOfCode(kernel)) {
    if (!wanted.test(found.name)) continue;
    (traceable?.has(found.name) === false ? others : functions).push(found);
  }
  // ftrace lists one name of a function that has several, as system calls without arguments do.
  const places = new Set(others.map(({ address }) => address).filter((address) => address !== 0n));
  if (traceable !== undefined && places.size > 0) {
    const listed = new Set<bigint>();
    for (const { name, address } of symbolsOfCode(kernel)) {
      if (places.has(address) && traceable.has(name)) listed.add(address);
    }
    functions.push(...others.filter(({ address }) => listed.has(address)));
  }
  if (functions.length > 0 || traceable === undefined) return functions;
  return [...traceable].filter((name) => wanted.test(name)).map((name) => ({ name, address: 0n }));
}
