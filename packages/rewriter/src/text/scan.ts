/** A light scanner over C text: enough to find tokens, matching brackets and arguments around known places. */

const identifierStart = /[A-Za-z_$]/;
const identifierPart = /[\w$]/;

/** True for a character that may start an identifier. */
export function isIdentifierStart(character: string | undefined): boolean {
  return character !== undefined && identifierStart.test(character);
}

/** True for a character that may continue an identifier. */
export function isIdentifierPart(character: string | undefined): boolean {
  return character !== undefined && identifierPart.test(character);
}

/** First offset at or after `at` that is not white space, a comment, a continued line or a directive. */
export function skipBlank(text: string, at: number): number {
  let position = at;
  while (position < text.length) {
    const character = text[position] as string;
    if (character === "\\" && /^\\\r?\n/.test(text.slice(position, position + 3))) {
      position = text.indexOf("\n", position) + 1;
    } else if (/\s/.test(character)) {
      position += 1;
    } else if (text.startsWith("//", position)) {
      position = lineEnd(text, position);
    } else if (text.startsWith("/*", position)) {
      const close = text.indexOf("*/", position + 2);
      position = close < 0 ? text.length : close + 2;
    } else if (character === "#" && isLineStart(text, position)) {
      position = directiveEnd(text, position);
    } else {
      break;
    }
  }
  return position;
}

/** Offset of the newline that ends the line of `at`, or the length of the text. */
export function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}

function isLineStart(text: string, at: number): boolean {
  for (let position = at - 1; position >= 0; position -= 1) {
    const character = text[position];
    if (character === "\n") return true;
    if (character !== " " && character !== "\t") return false;
  }
  return true;
}

/** Offset of the newline that ends a directive, after its continued lines. */
export function directiveEnd(text: string, at: number): number {
  let position = lineEnd(text, at);
  while (position < text.length && /\\\r?$/.test(text.slice(Math.max(0, position - 2), position))) {
    position = lineEnd(text, position + 1);
  }
  return position;
}

/** The macro definition that an offset lies in. */
export interface MacroDefinition {
  readonly parameters: readonly string[];
  /** Offset behind name and parameters. */
  readonly body: number;
  readonly end: number;
}

/** The definition around an offset, or undefined where there is none. */
export function definitionAround(text: string, at: number): MacroDefinition | undefined {
  let start = text.lastIndexOf("\n", at - 1) + 1;
  while (start > 1 && /\\\r?\n$/.test(text.slice(Math.max(0, start - 3), start)))
    start = text.lastIndexOf("\n", start - 2) + 1;
  const head = /^[ \t]*#[ \t]*define[ \t]+\w+(?:\(([^)]*)\))?/.exec(text.slice(start, at));
  if (head === null) return undefined;
  const parameters = (head[1] ?? "").split(",").map((parameter) => parameter.trim());
  return { parameters, body: start + head[0].length, end: directiveEnd(text, start) };
}

/** One token: identifiers, numbers, literals whole; `->` and brackets alone; other punctuation by character. */
export interface Token {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly text: string;
  readonly kind: "identifier" | "number" | "literal" | "punctuation";
}

/** The token at or after `at`, or undefined at the end of the text. */
export function nextToken(text: string, at: number): Token | undefined {
  const start = skipBlank(text, at);
  const character = text[start];
  if (character === undefined) return undefined;
  let end = start + 1;
  let kind: Token["kind"] = "punctuation";
  if (isIdentifierStart(character)) {
    kind = "identifier";
    while (isIdentifierPart(text[end])) end += 1;
  } else if (/\d/.test(character)) {
    kind = "number";
    while (isIdentifierPart(text[end]) || text[end] === ".") end += 1;
  } else if (character === '"' || character === "'") {
    kind = "literal";
    end = literalEnd(text, start);
  } else if (text.startsWith("->", start)) {
    end = start + 2;
  }
  return { start, end, text: text.slice(start, end), kind };
}

function literalEnd(text: string, start: number): number {
  const quote = text[start];
  let position = start + 1;
  while (position < text.length && text[position] !== quote && text[position] !== "\n") {
    position += text[position] === "\\" ? 2 : 1;
  }
  return Math.min(position + 1, text.length);
}

/** Every token of a text in order. */
export function* tokens(text: string, from = 0, to: number = text.length): Generator<Token> {
  let position = from;
  for (;;) {
    const token = nextToken(text, position);
    if (token === undefined || token.start >= to) return;
    yield token;
    position = token.end;
  }
}

const closers: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

/** An argument between commas: its text without blanks around it lies in [start, end). */
export interface ArgumentSpan {
  readonly start: number;
  readonly end: number;
}

/** Arguments in a pair of brackets. */
export interface BracketSpan {
  /** Offset of the opening bracket. */
  readonly open: number;
  /** Offset of the closing bracket. */
  readonly close: number;
  readonly arguments: readonly ArgumentSpan[];
}

/** The bracket pair that opens at `open`, or undefined where it does not close. */
export function bracketSpan(text: string, open: number): BracketSpan | undefined {
  const stack: string[] = [];
  const found: ArgumentSpan[] = [];
  let start = -1;
  let end = -1;
  for (const token of tokens(text, open)) {
    const closer = closers[token.text];
    if (closer !== undefined && token.kind === "punctuation") {
      stack.push(closer);
      if (stack.length === 1) continue;
    } else if (token.kind === "punctuation" && token.text === stack.at(-1)) {
      stack.pop();
      if (stack.length === 0) {
        if (start >= 0 || found.length > 0) found.push(spanOf(start, end, token.start));
        return { open, close: token.start, arguments: found };
      }
    } else if (token.text === "," && stack.length === 1) {
      found.push(spanOf(start, end, token.start));
      start = -1;
      continue;
    }
    if (start < 0) start = token.start;
    end = token.end;
  }
  return undefined;
}

function spanOf(start: number, end: number, at: number): ArgumentSpan {
  return start < 0 ? { start: at, end: at } : { start, end };
}

/** Every identifier of a text outside comments and literals, directives included. */
export function identifiers(text: string): Set<string> {
  const plain = text
    .replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, " ")
    .replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, " ");
  return new Set(plain.match(/[A-Za-z_]\w*/g) ?? []);
}
