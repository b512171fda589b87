/** Diagnostics as text: place, severity, message, the line with a caret under it, and the hint. */
import type { Diagnostic, Severity } from "./diagnostic.ts";
import type { BpfkitError } from "./errors.ts";
import { SourceFile } from "./source.ts";

/** How to render diagnostics. */
export interface FormatOptions {
  /** ANSI colours; off unless told. */
  readonly colour?: boolean;
  /** The text of a file, to show the line where the diagnostic does not carry it itself. */
  readonly sources?: (file: string) => string | undefined;
}

const ansi = { reset: "\u001b[0m", bold: "\u001b[1m", dim: "\u001b[2m", green: "\u001b[32m" } as const;

const severityColours: Record<Severity, string> = {
  error: "\u001b[1;31m",
  warning: "\u001b[1;35m",
  note: "\u001b[1;36m",
};

/** Lines longer than this are cut around the caret. */
const widestLine = 160;
const tabWidth = 4;

type Paint = (style: string, text: string) => string;

/**
 * One diagnostic with its notes, without a newline at the end:
 *
 * ```text
 * tool.c:12:7: error: unknown map method "lookupp" [RW012]
 *    12 |   m.lookupp(&key);
 *       |     ^~~~~~~
 *   hint: did you mean "lookup"?
 * ```
 */
export function formatDiagnostic(diagnostic: Diagnostic, options: FormatOptions = {}): string {
  const paint: Paint =
    options.colour === true ? (style, text) => `${style}${text}${ansi.reset}` : (_, text) => text;
  return render(diagnostic, options, paint, 0).join("\n");
}

/** An error with its diagnostics and hint, for a terminal, nothing said twice; the message alone where there are no diagnostics. */
export function formatError(error: BpfkitError, options: FormatOptions = {}): string {
  const parts: string[] = [];
  // The message of an error often is its first diagnostic's, with the place before it or a count behind it.
  const saidByDiagnostics = error.diagnostics.some(
    ({ severity, message }) => severity === "error" && error.message.includes(message),
  );
  if (!saidByDiagnostics) {
    const own: Diagnostic = {
      severity: "error",
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
    parts.push(formatDiagnostic(own, options));
  }
  for (const diagnostic of error.diagnostics) parts.push(formatDiagnostic(diagnostic, options));
  const hintIsSaid = error.diagnostics.some((diagnostic) => diagnostic.hint === error.hint);
  if (saidByDiagnostics && error.hint !== undefined && !hintIsSaid) parts.push(`  hint: ${error.hint}`);
  return parts.join("\n");
}

function render(diagnostic: Diagnostic, options: FormatOptions, paint: Paint, depth: number): string[] {
  const { range, severity } = diagnostic;
  const place =
    range === undefined ? "" : paint(ansi.bold, `${printable(range.file)}:${range.line}:${range.column}:`);
  const head = paint(severityColours[severity], `${severity}:`);
  const code = severity === "note" ? "" : paint(ansi.dim, ` [${diagnostic.code}]`);
  const said = printable(diagnostic.message);
  const message = severity === "note" ? said : paint(ansi.bold, said);
  const lines = [`${place === "" ? "" : `${place} `}${head} ${message}${code}`];
  lines.push(...renderLine(diagnostic, options, paint));
  if (diagnostic.hint !== undefined)
    lines.push(`  ${paint(ansi.bold, "hint:")} ${printable(diagnostic.hint)}`);
  // Notes of notes are not a thing any producer makes; a bound keeps a cyclic object from looping.
  if (depth < 4)
    for (const note of diagnostic.notes ?? []) lines.push(...render(note, options, paint, depth + 1));
  return lines;
}

function renderLine(diagnostic: Diagnostic, options: FormatOptions, paint: Paint): string[] {
  const { range } = diagnostic;
  if (range === undefined) return [];
  const text = diagnostic.sourceLine ?? lineOf(range.file, range.line, options);
  if (text === undefined) return [];
  const number = String(range.line).padStart(5);
  const margin = " ".repeat(number.length);
  // Where only the line is known, the caret stands under its first character.
  const indent = text.search(/\S|$/);
  const start = Math.max(indent, Math.min(range.column - 1, text.length));
  const end = Math.max(start + 1, Math.min((range.endColumn ?? range.column + 1) - 1, text.length));
  const cut = Math.max(0, start - widestLine / 2);
  const shown = text.slice(cut, cut + widestLine);
  const prefix = expand(shown.slice(0, start - cut));
  const body = expand(shown).trimEnd();
  const width = Math.max(1, expand(shown.slice(0, end - cut)).length - prefix.length);
  const lead = cut > 0 ? "..." : "";
  const tail = cut + widestLine < text.length ? "..." : "";
  const underline = paint(ansi.green, `^${"~".repeat(width - 1)}`);
  return [
    `${number} | ${lead}${body}${tail}`,
    `${margin} | ${" ".repeat(lead.length + prefix.length)}${underline}`,
  ];
}

function lineOf(file: string, line: number, options: FormatOptions): string | undefined {
  const text = options.sources?.(file);
  return text === undefined ? undefined : new SourceFile(file, text).lineText(line);
}

/** Text of unknown origin without what a terminal would obey; line ends and tabs stay. */
function printable(text: string): string {
  let out = "";
  for (const unit of text) out += isControl(unit) && unit !== "\n" && unit !== "\t" ? "." : unit;
  return out;
}

function isControl(unit: string): boolean {
  return unit < " " || (unit >= "\u007f" && unit < "\u00a0");
}

/** Tabs as spaces up to the next stop, so that the caret stands under its column; other control characters as a dot. */
function expand(text: string): string {
  let out = "";
  for (const unit of text) {
    if (unit === "\t") out += " ".repeat(tabWidth - (out.length % tabWidth));
    else out += isControl(unit) ? "." : unit;
  }
  return out;
}
