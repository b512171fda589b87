/** Collects what is wrong with a program, each finding at its line. */
import { BpfkitError, type Diagnostic, type SourceRange } from "@bpfkit/base/diagnostics";

/** A finding without its place. */
export interface Finding {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly severity?: Diagnostic["severity"];
}

/** Diagnostics of one program. */
export class Report {
  readonly diagnostics: Diagnostic[] = [];
  readonly #texts: ReadonlyMap<string, string>;
  readonly #names: ReadonlyMap<string, string>;
  readonly #seen = new Set<string>();

  /**
   * @param texts Texts by the names clang gives them.
   * @param names What to call them in messages, where that differs.
   */
  constructor(texts: ReadonlyMap<string, string>, names: ReadonlyMap<string, string> = new Map()) {
    this.#texts = texts;
    this.#names = names;
  }

  /** Adds a finding at an offset; each one once. */
  add(finding: Finding, file: string, offset: number): void {
    const text = this.#texts.get(file);
    const key = `${finding.code}:${file}:${offset}:${finding.message}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const { severity = "error", code, message, hint } = finding;
    const place = text === undefined ? undefined : positionOf(text, offset, this.#names.get(file) ?? file);
    this.diagnostics.push({
      severity,
      code,
      message,
      ...(place === undefined ? {} : place),
      ...(hint === undefined ? {} : { hint }),
    });
  }

  /** @throws BpfkitError with every diagnostic, where one is an error. */
  throwIfFailed(): void {
    const errors = this.diagnostics.filter((diagnostic) => diagnostic.severity === "error");
    const [first] = errors;
    if (first === undefined) return;
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
    throw new BpfkitError(first.code, `${first.message}${more}`, {
      ...(first.hint === undefined ? {} : { hint: first.hint }),
      diagnostics: this.diagnostics,
    });
  }
}

function positionOf(
  text: string,
  offset: number,
  file: string,
): { readonly range: SourceRange; readonly sourceLine: string } {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  const end = text.indexOf("\n", offset);
  const line = text.slice(0, start).split("\n").length;
  return {
    range: { file, line, column: offset - start + 1 },
    sourceLine: text.slice(start, end < 0 ? text.length : end),
  };
}
