/** Prints a failure once, in the same form for every command. */
import { BpfkitError, formatError, InternalError } from "@bpfkit/base/diagnostics";
import { exitCodeFor } from "../exit-codes.ts";
import { mayColour } from "./colour.ts";
import { sourceText } from "./source-text.ts";

/** Writes the error to stderr (a stack only with DEBUG set) and returns the exit code. */
export function reportFailure(error: unknown): number {
  const known = error instanceof BpfkitError ? error : wrap(error);
  process.stderr.write(`${formatError(known, { colour: mayColour(process.stderr), sources: sourceText })}\n`);
  if (process.env["DEBUG"] !== undefined && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return exitCodeFor(known);
}

function wrap(error: unknown): BpfkitError {
  const message = error instanceof Error ? error.message : String(error);
  return new InternalError(message, { cause: error });
}
