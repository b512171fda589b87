/** Names of processes by their ids, as /proc has them. */
import type { Kernel } from "bpfkit/tracing";

const decoder = new TextDecoder();

/** The name of a process that is running; `[unknown]` for one that has ended. */
export function processName(kernel: Kernel, pid: number): string {
  try {
    return decoder.decode(kernel.readKernelFile(`/proc/${pid}/comm`)).trim();
  } catch {
    return "[unknown]";
  }
}
