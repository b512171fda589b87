/** A text file and the way from offsets to lines and columns. */

/** A line and a column, both from 1; columns count UTF-16 units. */
export interface SourcePosition {
  readonly line: number;
  readonly column: number;
}

/** The text of one file under the name that messages use for it. Lines end at `\n`; a `\r` before it is not part of the line. */
export class SourceFile {
  readonly name: string;
  readonly text: string;
  #lineStarts: readonly number[] | undefined;

  constructor(name: string, text: string) {
    this.name = name;
    this.text = text;
  }

  /** Number of lines; an empty text has one. */
  get lineCount(): number {
    return this.#starts().length;
  }

  /** The text of a line without its end, or undefined where there is no such line. */
  lineText(line: number): string | undefined {
    const starts = this.#starts();
    const start = starts[line - 1];
    if (start === undefined) return undefined;
    const next = starts[line];
    const text = this.text.slice(start, next === undefined ? undefined : next - 1);
    return text.endsWith("\r") ? text.slice(0, -1) : text;
  }

  /** Where an offset in UTF-16 units lies. Offsets outside the text are moved to its nearest end. */
  position(offset: number): SourcePosition {
    const starts = this.#starts();
    const wanted = Math.max(0, Math.min(offset, this.text.length));
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= wanted) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: wanted - (starts[low] ?? 0) + 1 };
  }

  /** The offset of a position, or undefined where the line does not exist or is shorter. */
  offset(position: SourcePosition): number | undefined {
    const text = this.lineText(position.line);
    if (text === undefined || position.column < 1 || position.column > text.length + 1) return undefined;
    return (this.#starts()[position.line - 1] ?? 0) + position.column - 1;
  }

  #starts(): readonly number[] {
    if (this.#lineStarts !== undefined) return this.#lineStarts;
    const starts = [0];
    for (let at = this.text.indexOf("\n"); at >= 0; at = this.text.indexOf("\n", at + 1)) starts.push(at + 1);
    this.#lineStarts = starts;
    return starts;
  }
}
