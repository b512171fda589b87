/** Command lines of the bundled tools: a table of options gives parsing, checks and the help text. */
import { parseArgs } from "@pkgjs/parseargs";
import { UsageError } from "bpfkit/tracing";

/** One option. Without `value` it is a switch. */
export interface OptionSpec {
  readonly long: string;
  /** One letter. */
  readonly short?: string;
  /** What the option's value is called in the help text, for example `PID`. */
  readonly value?: string;
  /** May be given more than once. */
  readonly multiple?: boolean;
  readonly help: string;
}

/** A tool's command line. */
export interface Usage {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionSpec[];
  /** Words after the options, all optional, in order. */
  readonly positionals?: readonly { readonly name: string; readonly help: string }[];
  /** Lines like `biolatency -mT 1   # what it does`. */
  readonly examples: readonly string[];
}

/** What a command line said. */
export class Options {
  readonly #values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];

  constructor(
    values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>,
    positionals: readonly string[],
  ) {
    this.#values = values;
    this.positionals = positionals;
  }

  /** Whether a switch was given. */
  has(long: string): boolean {
    return this.#values[long] !== undefined;
  }

  /** The value of an option, undefined where it was not given. */
  text(long: string): string | undefined {
    const value = this.#values[long];
    return typeof value === "string" ? value : undefined;
  }

  /** Every value of an option that may be repeated. */
  texts(long: string): readonly string[] {
    const value = this.#values[long];
    return Array.isArray(value) ? value.map(String) : [];
  }

  /** The value of an option as a whole number from `minimum` to 2^32 - 1. @throws UsageError */
  number(long: string, minimum = 0): number | undefined {
    const value = this.text(long);
    return value === undefined ? undefined : wholeNumber(value, `--${long}`, minimum);
  }

  /** A word after the options as a whole number from `minimum` to 2^32 - 1. @throws UsageError */
  positionalNumber(index: number, name: string, minimum = 1): number | undefined {
    const value = this.positionals[index];
    return value === undefined ? undefined : wholeNumber(value, name, minimum);
  }
}

/** What ids, counts and seconds fit into: u32 in the tools' C. */
const greatest = 0xffff_ffff;

function wholeNumber(text: string, what: string, minimum: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= minimum && value <= greatest) return value;
  const range = value > greatest ? `from ${minimum} to ${greatest}` : `of at least ${minimum}`;
  throw new UsageError(`${what} takes a whole number ${range}, not '${text}'`);
}

/**
 * Parses a tool's command line.
 * @throws UsageError for an unknown option, a missing value or too many words
 */
export function parseOptions(usage: Usage, argv: readonly string[]): Options {
  const options: Record<string, { type: "boolean" | "string"; short?: string; multiple?: boolean }> = {
    help: { type: "boolean", short: "h" },
  };
  for (const { long, short, value, multiple } of usage.options) {
    options[long] = { type: value === undefined ? "boolean" : "string", multiple: multiple ?? false };
    if (short !== undefined) options[long].short = short;
  }
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(`${usage.name}: ${parsingMessage(error)}`, {
      cause: error,
      hint: `Try: bpfkit run ${usage.name} --help`,
    });
  }
  const allowed = usage.positionals?.length ?? 0;
  const extra = parsed.positionals[allowed];
  if (extra !== undefined) {
    throw new UsageError(`${usage.name}: unexpected argument '${extra}'`, {
      hint: `Try: bpfkit run ${usage.name} --help`,
    });
  }
  return new Options(parsed.values, parsed.positionals);
}

/** The parser's message without its advice, which is several sentences or lines and about other programs. */
function parsingMessage(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [first = message] = message.split(/\.\s/);
  const ambiguous = /^Option '(.+)' argument is ambiguous/.exec(first)?.[1];
  if (ambiguous === undefined) return first;
  return `option '${ambiguous}' needs a value, and what follows it looks like an option`;
}

/** The help text, a line each. */
export function usageLines(usage: Usage): string[] {
  const words = (usage.positionals ?? []).map(({ name }) => ` [${name}]`).join("");
  const lines = [`usage: ${usage.name} [options]${words}`, "", usage.summary, ""];
  const rows: [string, string][] = (usage.positionals ?? []).map(({ name, help }) => [`  ${name}`, help]);
  const all: OptionSpec[] = [{ long: "help", short: "h", help: "show this text" }, ...usage.options];
  for (const { long, short, value, help } of all) {
    const argument = value === undefined ? "" : ` ${value}`;
    rows.push([`  ${short === undefined ? "    " : `-${short}, `}--${long}${argument}`, help]);
  }
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  for (const [left, right] of rows) lines.push(left.padEnd(width) + right);
  lines.push("", "examples:", ...usage.examples.map((example) => `  ${example}`));
  return lines;
}
