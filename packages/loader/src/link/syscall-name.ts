/** Names of system call functions: each architecture has its prefix, which kprobes on `sys_*` are translated to. */
import { compareReleases } from "@bpfkit/base/abi";
import type { Kernel } from "@bpfkit/base/kernel";

/** Prefixes that programs are written with, in the order in which BCC tries them. */
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

/** Since when system calls are wrapped and so named after their architecture (commits d5a00528b58c and 4378a7d4be30). */
const wrappers = {
  x86_64: { prefix: "__x64_sys_", since: "4.17" },
  arm64: { prefix: "__arm64_sys_", since: "4.19" },
} as const satisfies Record<Kernel["architecture"], { prefix: string; since: string }>;

/** The prefix of the kernel's system call functions, for example `__x64_sys_`. */
export function syscallPrefix(kernel: Kernel): string {
  const { prefix, since } = wrappers[kernel.architecture];
  return compareReleases(kernel.release, since) >= 0 ? prefix : "sys_";
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
