/** Damages IR text: the same seed does the same damage. */

/** A pseudo-random sequence of 32-bit numbers (xorshift). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e3779b1) || 1;
    for (let round = 0; round < 4; round++) this.below(2);
  }

  /** A number from 0 to below `limit`. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  pick<Item>(list: readonly Item[]): Item {
    return list[this.below(list.length)]!;
  }
}

type Damage = (lines: string[], dice: Dice) => string[];

const token = /[%@!#]?[-a-zA-Z$._0-9]+|"[^"]*"|[^\sa-zA-Z0-9]/g;

/** Values that sit on edges, names that are not there, and pieces of syntax. */
const strangers = [
  ..."0 -1 1 255 65536 2147483648 4294967296 18446744073709551616 99999999999999999999999".split(" "),
  ..."i0 i1 i7 i33 i128 i8388608 ptr void label metadata token float <4 x i32> { } [ ] ( ) , = * ...".split(
    " ",
  ),
  ..."%nosuch @nosuch !999999 #999999 null undef poison zeroinitializer blockaddress".split(" "),
  ..."unreachable ret br switch phi call invoke load store getelementptr icmp select alloca".split(" "),
  "\0",
  "\u{1f600}",
  '"',
  "\\",
  "!{",
  "distinct",
];

const damages: readonly Damage[] = [
  // Lines: deleted, several at once too; doubled; exchanged; moved.
  (lines, dice) => lines.toSpliced(dice.below(lines.length), 1),
  (lines, dice) => lines.toSpliced(dice.below(lines.length), 1 + dice.below(20)),
  (lines, dice) => {
    const at = dice.below(lines.length);
    return lines.toSpliced(dice.below(lines.length), 0, ...lines.slice(at, at + 1 + dice.below(4)));
  },
  (lines, dice) => {
    const [left, right] = [dice.below(lines.length), dice.below(lines.length)];
    return lines.with(left, lines[right]!).with(right, lines[left]!);
  },
  (lines, dice) => {
    const at = dice.below(lines.length - 1);
    return lines.with(at, lines[at + 1]!).with(at + 1, lines[at]!);
  },
  // The end is missing.
  (lines, dice) => {
    const kept = lines.slice(0, dice.below(lines.length) + 1);
    const last = kept.pop() ?? "";
    return [...kept, last.slice(0, dice.below(last.length + 1))];
  },
  // Tokens of one line: deleted, doubled, replaced by another of the file or by a stranger, exchanged.
  (lines, dice) => changeTokens(lines, dice, () => ""),
  (lines, dice) => changeTokens(lines, dice, (old) => `${old} ${old}`),
  (lines, dice) => changeTokens(lines, dice, () => dice.pick(strangers)),
  (lines, dice) => changeTokens(lines, dice, () => dice.pick(tokensOf(dice.pick(lines))) ?? ""),
  (lines, dice) => changeTokens(lines, dice, (old) => otherNumber(old, dice)),
  // Single characters.
  (lines, dice) => {
    const at = dice.below(lines.length);
    const line = lines[at]!;
    const column = dice.below(line.length + 1);
    const kept = line.slice(column + dice.below(2));
    return lines.with(at, `${line.slice(0, column)}${String.fromCharCode(32 + dice.below(95))}${kept}`);
  },
];

function tokensOf(line: string): string[] {
  return line.match(token) ?? [""];
}

function changeTokens(lines: string[], dice: Dice, change: (old: string) => string): string[] {
  const at = interestingLine(lines, dice);
  const chosen = dice.below(tokensOf(lines[at]!).length);
  let index = 0;
  return lines.with(
    at,
    lines[at]!.replace(token, (old) => (index++ === chosen ? change(old) : old)),
  );
}

/** Mostly lines of code: metadata is most of the text. */
function interestingLine(lines: readonly string[], dice: Dice): number {
  for (let attempt = 0; attempt < 12; attempt++) {
    const at = dice.below(lines.length);
    if (!lines[at]!.startsWith("!") && lines[at] !== "") return at;
  }
  return dice.below(lines.length);
}

/** A number or numbered name that is a little off. */
function otherNumber(old: string, dice: Dice): string {
  return old.replace(/[0-9]+/, (digits) => {
    const value = BigInt(digits);
    return dice.pick([value + 1n, value - 1n, value * 2n, -value, value ^ 1n, 1n << 63n, 0n]).toString();
  });
}

/** The text with one to three damages. */
export function damaged(text: string, seed: number): string {
  const dice = new Dice(seed);
  let lines = text.split("\n");
  for (let count = 1 + dice.below(3); count > 0 && lines.length > 1; count--)
    lines = dice.pick(damages)(lines, dice);
  return lines.join("\n");
}
