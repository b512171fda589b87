/** Clang's standard error as diagnostics with places. */
import type { Diagnostic, Severity, SourceRange } from "@bpfkit/base/diagnostics";

/** Stable codes of what clang itself reports. */
const Code: Record<Severity, string> = { error: "CC001", warning: "CC002", note: "CC003" };

/** What the user calls things. */
export interface SourceNames {
  /** The user's name of a file, for paths that are not the user's own. */
  userName(path: string): string;
  /** A line of a file as the user wrote it, by its user's name; undefined where it is not at hand. */
  lineText(file: string, line: number): string | undefined;
}

/**
 * Reads messages printed with `-fdiagnostics-print-source-range-info -fdiagnostics-parseable-fixits
 * -fno-diagnostics-show-line-numbers -ftabstop=1`. Per message that is: the include stack (`In file included from F:L:`), the
 * line `F:L:C:{ranges}: severity: text`, the source line, a line of carets, and `fix-it:` lines.
 * Notes are attached to the message before them. Anything that is not understood is left out.
 */
export function parseDiagnostics(stderr: string, names: SourceNames): Diagnostic[] {
  const parser = new Parser(names);
  for (const line of stderr.split("\n")) parser.line(line);
  return parser.finish();
}

interface Draft {
  severity: Severity;
  message: string;
  file: string;
  line: number;
  /** In bytes of UTF-8, from 1. */
  column: number;
  endColumn: number | undefined;
  sourceLine: string | undefined;
  /** False once the line under the place has been seen: what follows are carets. */
  wantsSource: boolean;
  hint: string | undefined;
  notes: Diagnostic[];
}

const Place =
  /^(.+?):(\d+):(\d+):((?:\{\d+:\d+-\d+:\d+\})*):? (fatal error|error|warning|note|remark): (.*)$/;
const Unplaced = /^(fatal error|error|warning|note): (.*)$/;
const Included = /^In (?:file included|included file) from (.+?):(\d+):$/;
/** The last line of a run; a note about a declaration that clang knows without a header has no line of source before it. */
const Summary = /^(?:\d+ warnings?(?: and )?)?(?:\d+ errors?)? generated\.$/;
const FixIt = /^fix-it:"(?:[^"\\]|\\.)*":\{(\d+):(\d+)-(\d+):(\d+)\}:"((?:[^"\\]|\\.)*)"$/;

class Parser {
  readonly #names: SourceNames;
  readonly #found: Diagnostic[] = [];
  #drafts: Draft[] = [];
  #includedFrom: SourceRange[] = [];

  constructor(names: SourceNames) {
    this.#names = names;
  }

  line(line: string): void {
    const included = Included.exec(line);
    if (included !== null) {
      this.#includedFrom.push({
        file: this.#names.userName(included[1] ?? ""),
        line: Number(included[2]),
        column: 1,
      });
      return;
    }
    const place = Place.exec(line);
    if (place !== null) {
      const [, file = "", row, column, ranges = "", kind = "", message = ""] = place;
      this.#begin(kind, message, this.#names.userName(file), Number(row), Number(column));
      this.#addRange(ranges);
      return;
    }
    const unplaced = Unplaced.exec(line);
    if (unplaced !== null) {
      this.#begin(unplaced[1] ?? "", unplaced[2] ?? "", "", 0, 0);
      return;
    }
    const current = this.#drafts.at(-1);
    if (current === undefined || line === "" || Summary.test(line)) return;
    const fixIt = FixIt.exec(line);
    if (fixIt !== null) current.hint ??= fixItHint(fixIt);
    else if (current.wantsSource) {
      current.sourceLine = this.#sourceLine(current, line);
      current.wantsSource = false;
    }
  }

  finish(): Diagnostic[] {
    this.#flush();
    return this.#found;
  }

  #begin(kind: string, message: string, file: string, line: number, column: number): void {
    const severity: Severity = kind.endsWith("error") ? "error" : kind === "warning" ? "warning" : "note";
    // A note belongs to the message before it, with all notes in between.
    if (severity !== "note") this.#flush();
    this.#drafts.push({
      severity,
      message,
      file,
      line,
      column,
      endColumn: undefined,
      sourceLine: undefined,
      wantsSource: line > 0,
      hint: undefined,
      notes: this.#includedFrom.map((range) => ({
        severity: "note",
        code: Code.note,
        message: "included from here",
        range,
      })),
    });
    this.#includedFrom = [];
  }

  /** Takes the end of the range that the place lies in, when it is on the same line. */
  #addRange(ranges: string): void {
    const draft = this.#drafts.at(-1);
    if (draft === undefined) return;
    for (const [, line, from, endLine, to] of ranges.matchAll(/\{(\d+):(\d+)-(\d+):(\d+)\}/g)) {
      const same = Number(line) === draft.line && Number(endLine) === draft.line;
      if (same && Number(from) <= draft.column && draft.column < Number(to)) draft.endColumn = Number(to);
    }
  }

  /**
   * The line as it was written. Clang puts a space before it, a single space for each tab, and `<U+00AD>` for characters that
   * do not print; so a line of the user's text that looks the same is preferred.
   */
  #sourceLine(draft: Draft, printed: string): string {
    const line = printed.slice(1);
    const written = this.#names.lineText(draft.file, draft.line);
    if (written !== undefined && written.replaceAll("\t", " ").trimEnd() === line.trimEnd()) return written;
    return line;
  }

  #flush(): void {
    const [first, ...notes] = this.#drafts;
    this.#drafts = [];
    if (first === undefined) return;
    first.notes.push(...notes.map(toDiagnostic));
    this.#found.push(toDiagnostic(first));
  }
}

function fixItHint(fixIt: RegExpExecArray): string {
  const [, fromLine, fromColumn, toLine, toColumn, escaped = ""] = fixIt;
  const text = escaped.replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
  if (text === "") return "remove this";
  const inserts = fromLine === toLine && fromColumn === toColumn;
  return inserts ? `insert ${JSON.stringify(text)}` : `did you mean ${JSON.stringify(text)}?`;
}

function toDiagnostic(draft: Draft): Diagnostic {
  const { severity, message, file, line, sourceLine, hint, notes } = draft;
  const endColumn = endOf(draft);
  const range: SourceRange | undefined =
    line === 0
      ? undefined
      : {
          file,
          line,
          column: utf16Column(sourceLine, draft.column),
          ...(endColumn === undefined ? {} : { endColumn }),
        };
  return {
    severity,
    code: Code[severity],
    message,
    ...(range === undefined ? {} : { range }),
    ...(sourceLine === undefined ? {} : { sourceLine }),
    ...(hint === undefined ? {} : { hint }),
    ...(notes.length === 0 ? {} : { notes }),
  };
}

/** The end of the range, or of the word that the place starts. */
function endOf(draft: Draft): number | undefined {
  if (draft.endColumn !== undefined) return utf16Column(draft.sourceLine, draft.endColumn);
  if (draft.sourceLine === undefined) return undefined;
  const start = utf16Column(draft.sourceLine, draft.column) - 1;
  const word = /^[A-Za-z_]\w*/.exec(draft.sourceLine.slice(start))?.[0];
  return word === undefined ? undefined : start + word.length + 1;
}

/** Clang counts bytes of UTF-8; diagnostics count UTF-16 units. */
function utf16Column(sourceLine: string | undefined, byteColumn: number): number {
  if (sourceLine === undefined) return byteColumn;
  let bytes = 0;
  let column = 1;
  for (const character of sourceLine) {
    if (bytes >= byteColumn - 1) return column;
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    column += character.length;
  }
  return column + (byteColumn - 1 - bytes);
}
