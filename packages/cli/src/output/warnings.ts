/** Shows the warnings of a build that succeeded. */
import { type Diagnostic, formatDiagnostic } from "@bpfkit/base/diagnostics";
import { mayColour } from "./colour.ts";

/** Writes every diagnostic to stderr. */
export function printWarnings(diagnostics: readonly Diagnostic[]): void {
  const colour = mayColour(process.stderr);
  for (const diagnostic of diagnostics) process.stderr.write(`${formatDiagnostic(diagnostic, { colour })}\n`);
}
