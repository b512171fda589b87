/** The loaded program whose functions `bpfkit run --extend` lets freplace programs replace. */
import { SyscallError, UsageError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import type { BpfOptions } from "bpfkit/tracing";

/** Finds it by id or pin. @throws UsageError where there is none; BpfkitError LK003 where this user may not open it */
export function extendedProgram(kernel: Kernel, which: string): NonNullable<BpfOptions["extend"]> {
  const hint = "`bpfkit prog list` names those that are loaded; give an id or the path of a pin.";
  const { objects } = kernel;
  let fd: Fd;
  try {
    fd = /^\d+$/.test(which) ? objects.openById("program", Number(which)) : objects.openPinned(which);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new UsageError(`--extend: there is no program ${which}: ${error.message}`, { hint });
  }
  if (objects.kindOf(fd) !== "program") throw new UsageError(`--extend: ${which} is no program`, { hint });
  return { name: objects.programInfo(fd).name, fd };
}
