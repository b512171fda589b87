/** Which types, enumerators and other file-level names a C text defines itself. */
import type { CToken } from "./tokens.ts";

/** Names by the name space of C that they are in. */
export interface DefinedNames {
  /** Of structs, unions and enums with a body. */
  readonly tags: ReadonlySet<string>;
  /** Typedefs, enumerators, functions, variables, and what a macro call at file level may define. */
  readonly ordinary: ReadonlySet<string>;
}

/**
 * Finds definitions by their shape, without preprocessing: text in a branch that is not compiled counts too.
 * Nothing is found that is only declared (`struct s;`) or used.
 */
export function definedNames(tokens: readonly CToken[]): DefinedNames {
  const finder = new Finder(tokens.filter(({ inDirective }) => !inDirective));
  finder.run();
  return finder;
}

const MacroName = /^[A-Z][A-Z0-9_]*$/;

class Finder implements DefinedNames {
  readonly tags = new Set<string>();
  readonly ordinary = new Set<string>();
  readonly #tokens: readonly CToken[];
  #at = 0;
  /** Open brackets of any kind. */
  #depth = 0;
  /** Depths at which the braces of enums were opened. */
  readonly #enums: number[] = [];
  /** True from `typedef` to its semicolon. */
  #inTypedef = false;
  /** True from `=` to the end of the declarator. */
  #inInitialiser = false;
  /** Last name at the depth of the declaration; a declarator's own name, once the declaration ends. */
  #candidate: string | undefined;
  /** The name before it. */
  #before: string | undefined;

  constructor(tokens: readonly CToken[]) {
    this.#tokens = tokens;
  }

  run(): void {
    for (; this.#at < this.#tokens.length; this.#at++) {
      const token = this.#tokens[this.#at];
      if (token === undefined) return;
      if (token.isName) this.#name(token.text);
      else this.#punctuation(token.text);
    }
  }

  #name(name: string): void {
    if (name === "struct" || name === "union" || name === "enum") {
      this.#tag(name === "enum");
    } else if (name === "typedef" && this.#depth === 0) {
      this.#inTypedef = true;
    } else if (this.#isEnumerator()) {
      this.ordinary.add(name);
    } else if (this.#inInitialiser) {
      return;
    } else if (this.#depth === 0 || (this.#inTypedef && this.#isPointerName())) {
      // Of `unsigned int u32[4];` the last name stays; of `(*name)(...)` the one in brackets.
      this.#before = this.#candidate;
      this.#candidate = name;
    } else if (this.#depth === 1 && this.#isFirstOfCall()) {
      this.ordinary.add(name);
    }
  }

  /** After `struct`, `union` or `enum`: attributes, maybe a name, maybe a body. */
  #tag(isEnum: boolean): void {
    let at = this.#at + 1;
    while (this.#tokens[at]?.text === "__attribute__") at = this.#afterBrackets(at + 1);
    const name = this.#tokens[at];
    if (name?.isName) at++;
    while (this.#tokens[at]?.text === "__attribute__") at = this.#afterBrackets(at + 1);
    const hasBody = this.#tokens[at]?.text === "{";
    if (name?.isName && hasBody) this.tags.add(name.text);
    if (hasBody && isEnum) this.#enums.push(this.#depth + 1);
    this.#at = at - 1;
  }

  #afterBrackets(start: number): number {
    let depth = 0;
    for (let at = start; at < this.#tokens.length; at++) {
      const text = this.#tokens[at]?.text;
      if (text === "(") depth++;
      if (text === ")" && --depth === 0) return at + 1;
    }
    return this.#tokens.length;
  }

  #punctuation(text: string): void {
    if (text === "{" || text === "(" || text === "[") {
      if (this.#depth === 0 && text === "(" && !this.#inTypedef) this.#defineBeforeBracket();
      this.#depth++;
    } else if (text === "}" || text === ")" || text === "]") {
      if (this.#enums.at(-1) === this.#depth) this.#enums.pop();
      this.#depth = Math.max(0, this.#depth - 1);
      if (text === "}" && this.#depth === 0 && !this.#inTypedef) this.#candidate = undefined;
    } else if (this.#depth === 0 && (text === ";" || text === "," || text === "=")) {
      this.#define();
      this.#inInitialiser = text === "=";
      if (text === ";") this.#inTypedef = false;
    }
  }

  /** A function or a macro: of `count(` the name itself, of `map SEC(` and `map __attribute__(` also the one before. */
  #defineBeforeBracket(): void {
    const isMacro = MacroName.test(this.#candidate ?? "") || this.#candidate === "__attribute__";
    if (isMacro && this.#before !== undefined) this.ordinary.add(this.#before);
    this.#define();
  }

  /** The name before this point is what the declaration declares. */
  #define(): void {
    if (this.#candidate !== undefined) this.ordinary.add(this.#candidate);
    this.#candidate = undefined;
    this.#before = undefined;
  }

  #isEnumerator(): boolean {
    if (this.#enums.at(-1) !== this.#depth) return false;
    const before = this.#tokens[this.#at - 1]?.text;
    return before === "{" || before === ",";
  }

  #isPointerName(): boolean {
    const [before, star] = [this.#tokens[this.#at - 2]?.text, this.#tokens[this.#at - 1]?.text];
    return this.#depth === 1 && before === "(" && star === "*";
  }

  /** The name after `MACRO(` at file level, as in `BPF_HASH(name, ...)`. */
  #isFirstOfCall(): boolean {
    if (this.#tokens[this.#at - 1]?.text !== "(") return false;
    const called = this.#tokens[this.#at - 2];
    const next = this.#tokens[this.#at + 1]?.text;
    return called?.isName === true && MacroName.test(called.text) && (next === "," || next === ")");
  }
}
