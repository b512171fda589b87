/** Shows the warnings of a build that succeeded. */
import { type Diagnostic, formatDiagnostic } from "@bpfkit/base/diagnostics";
import { mayColour } from "./colour.ts";
import { sourceText } from "./source-text.ts";

/** Writes every diagnostic to stderr. */
export function printWarnings(diagnostics: readonly Diagnostic[]): void {
  const options = { colour: mayColour(process.stderr), sources: sourceText };
  for (const diagnostic of diagnostics) process.stderr.write(`${formatDiagnostic(diagnostic, options)}\n`);
}
