/** Whether two builds of a program did the same, given runs of clang's build that show what is not determined. */

/** How many runs of clang's object show what time, chance and addresses change. */
export const nativeRuns = 3;

/** Digits of eight bytes: a counter that grew may have kept some of its digits. */
const word = 16;

/**
 * The first differences between a run of bpfkit's object and runs of clang's, in words; undefined where there are none.
 * Lines that not all of clang's runs have, and words of eight bytes in which they differ, do not count.
 * @param natives traces of clang's object, from several runs on the same inputs
 */
export function traceDifference(
  ours: readonly string[],
  natives: readonly (readonly string[])[],
): string | undefined {
  const known = natives.map(byLabel);
  const [first = new Map<string, string>(), ...others] = known;
  const own = byLabel(ours);
  const differences: string[] = [];
  for (const [label, value] of first) {
    const values = others.map((run) => run.get(label));
    if (values.some((other) => other?.length !== value.length)) continue;
    const mine = own.get(label);
    if (mine === undefined) differences.push(`${label}: only clang's`);
    else {
      const at = firstDifference(mine, value, values as string[]);
      if (at !== undefined) differences.push(`${label}: ${shorten(mine, value, at)}`);
    }
  }
  for (const label of own.keys()) {
    if (!known.some((run) => run.has(label))) differences.push(`${label}: only bpfkit's`);
  }
  if (differences.length === 0) return undefined;
  const more = differences.length > 2 ? `; and ${differences.length - 2} more` : "";
  return `${differences.slice(0, 2).join("; ")}${more}`;
}

function byLabel(lines: readonly string[]): Map<string, string> {
  const map = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(": ");
    let label = line.slice(0, colon);
    // Elements of a queue have no key: their place tells them apart.
    for (let index = 1; map.has(label); index++) label = `${line.slice(0, colon)}#${index}`;
    map.set(label, line.slice(colon + 2));
  }
  return map;
}

/** The digit where a word differs in which all of clang's runs agree. */
function firstDifference(mine: string, first: string, others: readonly string[]): number | undefined {
  if (mine.length !== first.length) return 0;
  const part = (text: string, at: number): string => text.slice(at, at + word);
  for (let at = 0; at < first.length; at += word) {
    const native = part(first, at);
    if (part(mine, at) !== native && others.every((other) => part(other, at) === native)) return at;
  }
  return undefined;
}

function shorten(mine: string, theirs: string, at: number): string {
  const part = (text: string): string => (text.length > 40 ? `…${text.slice(at, at + 2 * word)}…` : text);
  return `${part(mine)}, clang's ${part(theirs)} (from digit ${at})`;
}
