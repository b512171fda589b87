/** What bpfkit tells a user about their input: severity, stable code, message, place and advice. */

/** How bad a diagnostic is. Only `error` stops the pipeline. */
export type Severity = "error" | "warning" | "note";

/** A place in a text file. Lines and columns count from 1; columns count UTF-16 units. */
export interface SourceRange {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Exclusive end on the same line; absent where only the start is known. */
  readonly endColumn?: number;
}

/** One message to the user. `code` is stable, documented and never reused. */
export interface Diagnostic {
  readonly severity: Severity;
  /** For example `RW012` (rewriter), `CC001` (clang), `CG003` (codegen), `EL001` (ELF), `LD001` (loader), `VM001`. */
  readonly code: string;
  readonly message: string;
  readonly range?: SourceRange;
  /** The text of the line at `range`, when it is known without the file. */
  readonly sourceLine?: string;
  /** What to try next. */
  readonly hint?: string;
  /** Further places that explain this one, severity `note`. */
  readonly notes?: readonly Diagnostic[];
}
