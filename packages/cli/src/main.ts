/** Entry of the command: runs oclif, and is the one place where failures become text and exit codes. */

import { BpfkitError, UsageError } from "@bpfkit/base/diagnostics";
import { CLIError, ExitError } from "@oclif/core/errors";
import { flush } from "@oclif/core/flush";
import { run } from "@oclif/core/run";
import { ExitCode } from "./exit-codes.ts";
import { reportFailure } from "./output/failure.ts";
import { oclifOptions } from "./root-plugin.ts";
import { nearest } from "./run/nearest.ts";
import { separateToolArguments } from "./run/separate.ts";

/** A reader that went away (`| head`) is no failure; a full disk behind standard output is one. */
function endOnBrokenOutput(): void {
  // Messages that nobody can read are no reason to fail.
  process.stderr.on("error", () => {});
  // In front of oclif's own listener, which throws.
  process.stdout.prependListener("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(ExitCode.ok);
    const message = `cannot write to standard output: ${error.message}`;
    process.exit(reportFailure(new BpfkitError("CL001", message, { cause: error })));
  });
}

async function asUsageError(error: unknown, argv: readonly string[]): Promise<unknown> {
  if (!(error instanceof CLIError)) return error;
  const first = argv[0] ?? "";
  if (/command .* not found/i.test(error.message)) {
    const { commandNames } = await import("./commands.ts");
    const names = [...commandNames, "help"];
    const near = nearest(first, names);
    const hint = near === undefined ? `Commands: ${names.join(", ")}` : `Did you mean '${near}'?`;
    return new UsageError(`there is no command '${first}'`, { cause: error, hint });
  }
  return new UsageError(plainMessage(error.message), { cause: error, hint: `Try: bpfkit ${first} --help` });
}

/** oclif's message on one line, without its advice about options in general. */
function plainMessage(message: string): string {
  const lines = message
    .split("\n")
    .map((line) => line.trim().replace(/ {2,}/, ": "))
    .filter((line) => line !== "" && !/^(?:See more help|Note:|Alternatively,)/.test(line));
  return lines.join("; ").replaceAll(":; ", ": ");
}

/** `bpfkit help run` is `bpfkit run --help`. */
function withoutHelpWord(argv: readonly string[]): readonly string[] {
  return argv[0] === "help" ? [...argv.slice(1), "--help"] : argv;
}

/** Runs one command line; sets the process's exit code. */
export async function main(words: readonly string[]): Promise<void> {
  endOnBrokenOutput();
  const argv = withoutHelpWord(words);
  try {
    await run(separateToolArguments(argv), await oclifOptions(argv));
    await flush();
  } catch (error) {
    if (error instanceof ExitError) {
      process.exitCode = error.oclif.exit ?? ExitCode.ok;
    } else {
      process.exitCode = reportFailure(await asUsageError(error, argv));
    }
  }
}
