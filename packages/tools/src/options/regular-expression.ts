/** Regular expressions given on a command line. */
import { UsageError } from "bpfkit/tracing";

/** Compiles one; undefined for undefined. @throws UsageError naming the option */
export function regularExpression(text: string | undefined, option: string): RegExp | undefined {
  if (text === undefined) return undefined;
  try {
    return new RegExp(text);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${option}: ${detail}`, { cause: error });
  }
}
