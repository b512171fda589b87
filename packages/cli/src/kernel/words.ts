/** The words of a command line such as `prog dump xlated id 7 linum`, taken one by one. */
import { UsageError } from "@bpfkit/base/diagnostics";
import type { Selector } from "bpfkit";
import { nearest } from "../run/nearest.ts";

/** What a program may be named by. */
export const programWays: readonly Selector["by"][] = ["id", "name", "tag", "pinned"];

/** What a map may be named by. */
export const mapWays: readonly Selector["by"][] = ["id", "name", "pinned"];

/** Words that have not been taken yet. */
export class Words {
  readonly #words: readonly string[];
  readonly #usage: string;
  #at = 0;

  constructor(words: readonly string[], usage: string) {
    this.#words = words;
    this.#usage = usage;
  }

  /** The next word without taking it. */
  get next(): string | undefined {
    return this.#words[this.#at];
  }

  /** Takes the next word. @throws UsageError where there is none */
  take(what: string): string {
    const word = this.#words[this.#at];
    if (word === undefined) throw this.error(`${what} is missing`);
    this.#at += 1;
    return word;
  }

  /** Takes the next word if it is this one. */
  takeIf(word: string): boolean {
    if (this.next !== word) return false;
    this.#at += 1;
    return true;
  }

  /** Takes one of several words; a beginning that fits only one is enough, as in bpftool. @throws UsageError */
  choice<Choice extends string>(what: string, choices: readonly Choice[], fallback?: Choice): Choice {
    if (this.next === undefined && fallback !== undefined) return fallback;
    const word = this.take(what);
    const exact = choices.find((each) => each === word);
    const fitting = exact === undefined ? choices.filter((each) => each.startsWith(word)) : [exact];
    if (fitting.length === 1 && fitting[0] !== undefined) return fitting[0];
    const near = nearest(word, choices);
    throw new UsageError(`'${word}' is no ${what}`, {
      hint: near === undefined ? `There are: ${choices.join(", ")}.` : `Did you mean '${near}'?`,
    });
  }

  /** All that is left up to one of `ends`. */
  takeUntil(ends: readonly string[]): string[] {
    const taken: string[] = [];
    while (this.next !== undefined && !ends.includes(this.next)) taken.push(this.take("word"));
    return taken;
  }

  /** `id N`, `name NAME`, `tag TAG`, `pinned FILE`, or a number alone; undefined at the end of the words. */
  selector(ways: readonly Selector["by"][]): Selector | undefined {
    if (this.next === undefined) return undefined;
    if (/^\d+$/.test(this.next)) return { by: "id", id: Number(this.take("id")) };
    const by = this.choice("way to name an object", ways);
    const value = this.take(by);
    switch (by) {
      case "id":
        if (!/^\d+$/.test(value) || Number(value) > 0xffff_ffff) throw this.error(`'${value}' is no id`);
        return { by, id: Number(value) };
      case "tag":
        if (!/^[0-9a-f]{16}$/i.test(value))
          throw this.error(`'${value}' is no tag: tags have 16 hexadecimal digits`);
        return { by, tag: value.toLowerCase() };
      case "name":
        return { by, name: value };
      default:
        return { by: "pinned", path: value };
    }
  }

  /** @throws UsageError where the selector is missing */
  requiredSelector(what: string, ways: readonly Selector["by"][]): Selector {
    const selector = this.selector(ways);
    if (selector === undefined) throw this.error(`${what} is missing`);
    return selector;
  }

  /** @throws UsageError where words are left */
  end(): void {
    if (this.next !== undefined) throw this.error(`'${this.next}' is not expected here`);
  }

  /** A usage error that shows how the command is written. */
  error(message: string): UsageError {
    return new UsageError(message, { hint: this.#usage });
  }
}
