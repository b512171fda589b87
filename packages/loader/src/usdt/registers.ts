/** Registers by name to their place in the registers that the kernel saves (struct pt_regs, struct user_pt_regs). */
import type { Kernel } from "@bpfkit/base/kernel";

/** 64-bit names in the order of struct pt_regs (arch/x86/include/asm/ptrace.h), eight bytes each. */
const x86Order = [
  ["r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10"],
  ["r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", "orig_rax"],
  ["rip", "cs", "eflags", "rsp", "ss"],
].flat();

/** The registers with parts of their own names: `rax` is `eax`, `ax` and `al`. */
function x86Aliases(name: string): string[] {
  if (/^r\d+$/.test(name)) return [name, `${name}d`, `${name}w`, `${name}b`, `${name}l`];
  const short = name.slice(1);
  const low = short.endsWith("x") ? `${short[0]}l` : `${short}l`;
  return [name, `e${short}`, short, low];
}

const x86 = new Map<string, number>();
x86Order.forEach((name, index) => {
  const isGeneral = /^r([a-z]{2}|\d+)$/.test(name);
  for (const alias of isGeneral ? x86Aliases(name) : [name]) x86.set(alias, index * 8);
});
x86.set("eip", x86.get("rip") ?? 0);

/** x0 to x30 and sp of struct user_pt_regs (arch/arm64/include/uapi/asm/ptrace.h); w registers are their halves. */
function arm64(name: string): number | undefined {
  if (name === "sp") return 31 * 8;
  const number = /^[xw](\d+)$/.exec(name)?.[1];
  return number !== undefined && Number(number) <= 30 ? Number(number) * 8 : undefined;
}

/** In bytes from the start of the context; undefined for registers that are not saved there. */
export function registerOffset(name: string, architecture: Kernel["architecture"]): number | undefined {
  // What is read relative to the instruction pointer is no value that was saved.
  if (architecture === "arm64") return arm64(name);
  return name === "rip" || name === "eip" ? undefined : x86.get(name);
}
