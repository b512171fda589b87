/** What a pointer may point to: the abstract objects of the pointer analysis. */

/**
 * An abstract object: `kernel` and `user` memory (read through helpers), `trusted` kernel memory (fentry, LSM: the
 * verifier checks direct loads), `packet` data, `context:FUNCTION:KIND`, `variable:ID`, `map:NAME` (values of a map),
 * `other` (memory that is safe to use directly).
 */
export type MemoryObject = string;

/** Objects a value may point to; empty for values that carry no pointer. */
export type Origins = ReadonlySet<MemoryObject>;

/** No pointer. */
export const noOrigins: Origins = new Set();

/** Kernel memory. */
export const kernelOrigin: Origins = new Set(["kernel"]);

/** User memory. */
export const userOrigin: Origins = new Set(["user"]);

/** Kernel memory that the verifier lets programs load directly. */
export const trustedOrigin: Origins = new Set(["trusted"]);

/** Memory of the program's own: string literals, results of helpers. */
export const otherOrigin: Origins = new Set(["other"]);

/** The helper family that reads such memory, or undefined where direct loads work. */
export function readKindOf(origins: Origins): "kernel" | "user" | undefined {
  if (origins.has("kernel")) return "kernel";
  return origins.has("user") ? "user" : undefined;
}

/** True where every object is outside the program, so that a store can never work. */
export function isOnlyExternal(origins: Origins): boolean {
  if (origins.size === 0) return false;
  for (const origin of origins) if (origin !== "kernel" && origin !== "user") return false;
  return true;
}

/** The union of two sets; one of the arguments where it is enough. */
export function union(a: Origins, b: Origins): Origins {
  if (b.size === 0) return a;
  if (a.size === 0) return b;
  const all = new Set(a);
  for (const origin of b) all.add(origin);
  return all.size === a.size ? a : all;
}

/**
 * How a context's members are to be taken: `registers` and `virtual` hold plain numbers and kernel pointers, `packet`
 * packet pointers, `trusted` pointers the verifier knows. Of `packet` and `virtual` the verifier translates every load:
 * reading their memory through a helper gives something else.
 */
export type ContextKind = "registers" | "virtual" | "packet" | "trusted";

/** True where an object may only be loaded directly. */
export function isTranslated(object: MemoryObject): boolean {
  return object.endsWith(":packet") || object.endsWith(":virtual");
}

const packetContexts = new Set([
  "struct xdp_md *",
  "struct __sk_buff *",
  "struct sk_msg_md *",
  "struct bpf_sock *",
  "struct bpf_sock_ops *",
  "struct bpf_sock_addr *",
  "struct bpf_sockopt *",
  "struct sk_reuseport_md *",
  "struct bpf_sk_lookup *",
]);

/** Programs whose arguments the verifier knows by BTF. */
const trustedPrograms = /^(?:kfunc|kretfunc|kmod_ret|lsm|bpf_iter)__/;

/** The kind of a program's context, from its name and the type of its first parameter. */
export function contextKind(program: string, type: string): ContextKind {
  if (trustedPrograms.test(program)) return "trusted";
  if (type === "struct bpf_perf_event_data *") return "virtual";
  return packetContexts.has(type) ? "packet" : "registers";
}

/** True for programs whose further parameters are system call arguments (BCC 0.26). */
export function isSyscallProgram(name: string): boolean {
  return /^syscall__|^kprobe____x64_sys_/.test(name);
}
