/** A map as the user declared it. */
import type { Extent } from "../ast/extent.ts";
import { type BracketSpan, bracketSpan } from "../text/scan.ts";
import { type MapTypeRow, mapMacro, mapType } from "./macros.ts";

/** One map of a program. Texts are C, as written. */
export interface MapDeclaration {
  readonly name: string;
  /** The macro, for messages. */
  readonly macro: string;
  /** BCC's type string. */
  readonly type: string;
  readonly row: MapTypeRow;
  readonly key: string;
  readonly value: string;
  /** A constant expression; `0` leaves the number to the loader. */
  readonly maxEntries: string;
  readonly flags: string;
  readonly innerMap?: string;
  /** Path under a bpffs at which the map is pinned. */
  readonly pin?: string;
  readonly published?: "public" | "shared";
  /** The macro use. */
  readonly extent: Extent;
}

/** Why a macro use is not a map. */
export interface MapProblem {
  readonly problem: string;
  readonly hint?: string;
}

type Letters = Partial<Record<"n" | "k" | "v" | "s" | "f" | "t" | "p" | "i", string>>;

/**
 * Reads the macro use at `start`.
 * @param resolve Replaces a macro's name that stands for a string (`MAPTYPE`) by its definition.
 */
export function readMapDeclaration(
  text: string,
  file: string,
  macro: string,
  start: number,
  resolve: (token: string) => string | undefined,
): MapDeclaration | MapProblem {
  const row = mapMacro(macro);
  const open = text.indexOf("(", start + macro.length);
  const brackets: BracketSpan | undefined = open < 0 ? undefined : bracketSpan(text, open);
  if (row === undefined || brackets === undefined) return { problem: `${macro} is not a map macro` };
  const form = row.forms.find((candidate) => candidate.length === brackets.arguments.length);
  if (form === undefined) {
    const counts = row.forms.map((candidate) => candidate.length).join(" or ");
    return { problem: `${macro} takes ${counts} arguments, not ${brackets.arguments.length}` };
  }
  const given: Letters = {};
  brackets.arguments.forEach((span, index) => {
    given[form[index] as keyof Letters] = text.slice(span.start, span.end);
  });
  const typeText = row.type ?? stringLiteral(given.t ?? "", resolve);
  if (typeText === undefined) {
    return {
      problem: `the map type ${given.t ?? ""} of ${macro} is not a string literal`,
      hint: 'Write the type in quotes, for example BPF_TABLE("hash", u32, u64, counts, 1024).',
    };
  }
  const colon = typeText.indexOf(":");
  const type = colon < 0 ? typeText : typeText.slice(0, colon);
  const pin = colon < 0 ? pinPath(given.p, resolve) : typeText.slice(colon + 1);
  if (pin === "") {
    return {
      problem: `the path ${given.p ?? ""} of ${macro} is not a string literal`,
      hint: 'Write the path in quotes, for example "/sys/fs/bpf/counts".',
    };
  }
  if (pin !== undefined && pathProblem.test(pin)) {
    return { problem: `the path "${pin}" of ${macro} has characters that paths cannot have` };
  }
  const [base = type, innerOfType] = type.split("$");
  const typeRow = mapType(base);
  if (typeRow === undefined) return { problem: `unsupported map type "${type}" of ${macro}` };
  const inner = innerOfType ?? (given.i === undefined ? undefined : stringLiteral(given.i, resolve));
  return {
    name: given.n ?? "",
    macro,
    type: base,
    row: typeRow,
    key: given.k ?? row.key ?? "int",
    value: given.v ?? row.value ?? "u64",
    maxEntries: entries(given.s ?? row.entries ?? "0", row.entriesUnit),
    flags: given.f ?? row.flags ?? "0",
    ...(inner === undefined ? {} : { innerMap: inner }),
    ...(pin === undefined ? {} : { pin }),
    ...(row.published === undefined ? {} : { published: row.published }),
    extent: { file, start, end: brackets.close + 1 },
  };
}

/** What would end or change the string in the declaration tag that carries the path. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const pathProblem = /["\\\x00-\x1f]/;

/** The path of a pinned map; empty where it is no literal, undefined where there is none. */
function pinPath(
  given: string | undefined,
  resolve: (token: string) => string | undefined,
): string | undefined {
  return given === undefined ? undefined : (stringLiteral(given, resolve) ?? "");
}

function stringLiteral(text: string, resolve: (token: string) => string | undefined): string | undefined {
  const literal = /^"(.*)"$/s.exec(text) ?? /^"(.*)"$/s.exec(resolve(text) ?? "");
  return literal?.[1];
}

function entries(size: string, unit: "pages" | "rounded" | undefined): string {
  if (unit === undefined) return size;
  const number = /^(?:0x[\da-f]+|\d+)$/i.test(size) ? Number(size) : undefined;
  if (unit === "rounded") {
    if (number === undefined) return `roundup_pow_of_two(${size})`;
    return String(number <= 1 ? 1 : 2 ** Math.ceil(Math.log2(number)));
  }
  return number === undefined ? `(${size}) * PAGE_SIZE` : `${size} * PAGE_SIZE`;
}
