/** Network interfaces by name. */
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import type { Program } from "../object/program.ts";

/** The kernel's number of an interface. @throws BpfkitError LD087 where there is none of the name */
export function interfaceIndex(kernel: Kernel, program: Program, name: string): number {
  try {
    return kernel.network.interfaceIndex(name);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new BpfkitError("LD087", `program ${program.name}: this machine has no network interface ${name}`, {
      cause: error,
      hint: "See ip link, or /sys/class/net.",
    });
  }
}
