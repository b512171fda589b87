/** Histograms as the dictionaries that BCC prints for `--json`: Python literals, not JSON. */
import { log2SlotRange } from "./log2-histogram.ts";

/** A value that can stand in a dictionary. */
export type LiteralValue = string | number | bigint;

/** Text in Python's quotes: single ones, unless the text has some and no double ones. */
function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let inner = "";
  for (const character of text) {
    const code = character.charCodeAt(0);
    if (character === quote || character === "\\") inner += `\\${character}`;
    else if (code === 10) inner += "\\n";
    else if (code < 32 || code === 127) inner += `\\x${code.toString(16).padStart(2, "0")}`;
    else inner += character;
  }
  return quote + inner + quote;
}

function literal(value: LiteralValue): string {
  return typeof value === "string" ? quoted(value) : String(value);
}

/** `2026-01-31 12:00:00` in the local time zone for milliseconds since 1970. */
export function dateAndTime(wallClockMs: number): string {
  const time = new Date(wallClockMs);
  const two = (part: number): string => String(part).padStart(2, "0");
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":")}`;
}

/** What surrounds the rows. */
export interface JsonHistogramFacts {
  /** What the values are, for example `usecs`. */
  readonly label: string;
  readonly wallClockMs: number;
  /** Name and value of the group, for histograms with groups. */
  readonly section?: readonly [name: string, value: LiteralValue];
}

/** One dictionary in one line, rows up to the last slot that has a count. */
export function jsonHistogramLine(slots: readonly number[], facts: JsonHistogramFacts): string {
  let last = slots.length - 1;
  while (last > 0 && (slots[last] ?? 0) === 0) last -= 1;
  const rows: string[] = [];
  for (let slot = 1; slot <= last; slot++) {
    const { low, high } = log2SlotRange(slot);
    rows.push(`{'interval-start': ${low}, 'interval-end': ${high}, 'count': ${slots[slot] ?? 0}}`);
  }
  const pairs = [
    `'ts': ${quoted(dateAndTime(facts.wallClockMs))}`,
    `'val_type': ${quoted(facts.label)}`,
    `'data': [${rows.join(", ")}]`,
  ];
  if (facts.section !== undefined) pairs.push(`${quoted(facts.section[0])}: ${literal(facts.section[1])}`);
  return `{${pairs.join(", ")}}`;
}
