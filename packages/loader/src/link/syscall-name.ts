/** Names of system call functions: each architecture has its prefix, which kprobes on `sys_*` are translated to. */
import type { Kernel } from "@bpfkit/base/kernel";

/** In the order in which BCC tries them; the right one is that for which PREFIX + `bpf` is a kernel symbol. */
const prefixes = [
  "sys_",
  "__x64_sys_",
  "__x32_compat_sys_",
  "__ia32_compat_sys_",
  "__arm64_sys_",
  "__s390x_sys_",
  "__s390_sys_",
  "__riscv_sys_",
] as const;

const found = new WeakMap<Kernel, string>();

/** The prefix of the kernel's system call functions, for example `__x64_sys_`. */
export function syscallPrefix(kernel: Kernel): string {
  const known = found.get(kernel);
  if (known !== undefined) return known;
  const text = new TextDecoder("latin1").decode(kernel.readKernelFile("/proc/kallsyms"));
  const prefix =
    prefixes.find((candidate) => new RegExp(`^\\S+ [tT] ${candidate}bpf$`, "m").test(text)) ?? "sys_";
  found.set(kernel, prefix);
  return prefix;
}

/** The function of a system call: `clone` -> `__x64_sys_clone`. */
export function syscallFunction(kernel: Kernel, name: string): string {
  return syscallPrefix(kernel) + name;
}

/** Replaces any architecture's prefix by this kernel's; other names stay as they are. */
export function translateSyscallPrefix(kernel: Kernel, name: string): string {
  const prefix = prefixes.find((candidate) => name.startsWith(candidate));
  return prefix === undefined ? name : syscallFunction(kernel, name.slice(prefix.length));
}
