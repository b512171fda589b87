/** Ordered edits of one text: insertions around ranges and replacements, none of which adds or removes a line. */
import { InternalError } from "@bpfkit/base/diagnostics";

interface Insertion {
  readonly at: number;
  readonly text: string;
  /** Where the wrapped range ends (for an opening) or starts (for a closing). */
  readonly other: number;
  readonly side: "open" | "close";
  readonly order: number;
}

interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Collects edits and applies them at once. Equal edits count once: macro arguments are met once per use. */
export class TextEdits {
  readonly #text: string;
  readonly #insertions: Insertion[] = [];
  readonly #replacements: Replacement[] = [];
  readonly #seen = new Set<string>();

  constructor(text: string) {
    this.#text = text;
  }

  /** True when nothing was edited. */
  get isEmpty(): boolean {
    return this.#insertions.length === 0 && this.#replacements.length === 0;
  }

  /** Puts text before and after a range. Wrappings of nested ranges nest; `purpose` keeps two of one range apart. */
  wrap(start: number, end: number, before: string, after: string, purpose: string): void {
    const key = `w${start}:${end}:${purpose}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const order = this.#seen.size;
    this.#insertions.push({ at: start, text: before, other: end, side: "open", order });
    if (after !== "") this.#insertions.push({ at: end, text: after, other: start, side: "close", order });
  }

  /** Inserts text in front of everything that starts at `at`. */
  insert(at: number, text: string): void {
    const key = `i${at}:${text}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#insertions.push({
      at,
      text,
      other: Number.POSITIVE_INFINITY,
      side: "open",
      order: this.#seen.size,
    });
  }

  /** Inserts text behind everything that ends at `at`. */
  append(at: number, text: string): void {
    const key = `a${at}:${text}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const other = Number.NEGATIVE_INFINITY;
    this.#insertions.push({ at, text, other, side: "close", order: this.#seen.size });
  }

  /** Replaces a range; its newlines are kept, behind the new text. Wrappings may touch its ends. */
  replace(start: number, end: number, text: string): void {
    const key = `r${start}:${end}:${text}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const lost = countNewlines(this.#text.slice(start, end)) - countNewlines(text);
    this.#replacements.push({ start, end, text: text + "\n".repeat(Math.max(0, lost)) });
  }

  /** True where a replacement covers part of the range. */
  touches(start: number, end: number): boolean {
    return this.#replacements.some((edit) => edit.start < end && start < edit.end);
  }

  /** The edited text. @throws InternalError where two replacements overlap. */
  apply(): string {
    const replacements = [...this.#replacements].sort((a, b) => a.start - b.start || a.end - b.end);
    const insertions = [...this.#insertions].sort(compareInsertions);
    let result = "";
    let position = 0;
    let next = 0;
    const insertUpTo = (limit: number): void => {
      for (let item = insertions[next]; item !== undefined && item.at <= limit; item = insertions[next]) {
        result += this.#text.slice(position, item.at) + item.text;
        position = item.at;
        next += 1;
      }
    };
    for (const edit of replacements) {
      insertUpTo(edit.start);
      if (edit.start < position) {
        throw new InternalError(`edits overlap at offset ${edit.start}: ${JSON.stringify(edit.text)}`);
      }
      result += this.#text.slice(position, edit.start) + edit.text;
      position = edit.end;
      const inner = insertions[next];
      if (inner !== undefined && inner.at < edit.end) {
        throw new InternalError(`an edit lies inside replaced text at offset ${inner.at}`);
      }
    }
    insertUpTo(this.#text.length);
    return result + this.#text.slice(position);
  }
}

/** At one offset: what closes comes before what opens; inner ranges close first, outer ranges open first. */
function compareInsertions(a: Insertion, b: Insertion): number {
  if (a.at !== b.at) return a.at - b.at;
  if (a.side !== b.side) return a.side === "close" ? -1 : 1;
  if (a.other !== b.other) return b.other - a.other;
  return a.side === "close" ? b.order - a.order : a.order - b.order;
}

function countNewlines(text: string): number {
  return text.split("\n").length - 1;
}
