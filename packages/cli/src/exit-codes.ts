/** What each kind of failure exits with. */
import { BpfkitError, InternalError, UsageError } from "@bpfkit/base/diagnostics";

/** Exit codes of the command. 70 is sysexits' EX_SOFTWARE, 130 what shells give for SIGINT. */
export const ExitCode = { ok: 0, failure: 1, usage: 2, internal: 70, interrupted: 130 } as const;

/** The exit code for an error that reached the top. */
export function exitCodeFor(error: unknown): number {
  if (error instanceof UsageError) return ExitCode.usage;
  if (error instanceof InternalError || !(error instanceof BpfkitError)) return ExitCode.internal;
  return ExitCode.failure;
}
