/** Entry of the command: runs oclif, and is the one place where failures become text and exit codes. */

import { UsageError } from "@bpfkit/base/diagnostics";
import { Errors, flush, run } from "@oclif/core";
import { ExitCode } from "./exit-codes.ts";
import { reportFailure } from "./output/failure.ts";
import { nearest } from "./run/nearest.ts";
import { separateToolArguments } from "./run/separate.ts";

const commandNames = ["build", "run", "rewrite", "inspect", "new", "help"];

/** A reader that went away (`| head`) is no failure. */
function endQuietlyOnClosedPipe(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(ExitCode.ok);
    throw error;
  });
}

function asUsageError(error: unknown, argv: readonly string[]): unknown {
  if (!(error instanceof Errors.CLIError)) return error;
  const first = argv[0] ?? "";
  if (/command .* not found/.test(error.message)) {
    const near = nearest(first, commandNames);
    const hint = near === undefined ? `Commands: ${commandNames.join(", ")}` : `Did you mean '${near}'?`;
    return new UsageError(`there is no command '${first}'`, { cause: error, hint });
  }
  const lines = error.message.split("\n").filter((line) => line !== "" && !line.startsWith("See more help"));
  return new UsageError(lines.join("; "), { cause: error, hint: `Try: bpfkit ${first} --help` });
}

/** Runs one command line; sets the process's exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  endQuietlyOnClosedPipe();
  try {
    await run(separateToolArguments(argv), import.meta.url);
    await flush();
  } catch (error) {
    if (error instanceof Errors.ExitError) {
      process.exitCode = error.oclif.exit ?? ExitCode.ok;
    } else {
      process.exitCode = reportFailure(asUsageError(error, argv));
    }
  }
}
