/** What real kernels do and the simulated one does not: refused by name, with where it works. */
import { NotSupportedError } from "@bpfkit/base/diagnostics";

/** The error for it. @param what In the plural: "uprobes" */
export function notSimulated(what: string): NotSupportedError {
  return new NotSupportedError(`${what} in the simulated kernel`, { hint: "Use --target kernel on Linux." });
}
