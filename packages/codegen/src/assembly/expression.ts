/** Expressions in assembly: numbers, and at most one symbol with a number added. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { AsmToken } from "./tokens.ts";

/** A number, or a symbol and a number. */
export interface AsmValue {
  readonly symbol: string | undefined;
  readonly number: bigint;
}

/** Tokens with a place in them. */
export class AsmReader {
  readonly tokens: readonly AsmToken[];
  readonly text: string;
  at = 0;

  constructor(tokens: readonly AsmToken[], text: string) {
    this.tokens = tokens;
    this.text = text;
  }

  get atEnd(): boolean {
    return this.at >= this.tokens.length;
  }

  peek(ahead = 0): string {
    return this.tokens[this.at + ahead]?.text ?? "";
  }

  kind(): AsmToken["kind"] | undefined {
    return this.tokens[this.at]?.kind;
  }

  /** The token, if it is this one. */
  accept(text: string): boolean {
    if (this.peek() !== text || this.kind() === "string") return false;
    this.at++;
    return true;
  }

  /** Several tokens in a row, or none of them. */
  acceptAll(...texts: readonly string[]): boolean {
    if (!texts.every((text, index) => this.peek(index) === text)) return false;
    this.at += texts.length;
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text)) throw this.error(`"${text}" is missing`);
  }

  /** Takes a token of any kind. */
  next(): string {
    const text = this.peek();
    this.at++;
    return text;
  }

  error(why?: string): BpfkitError {
    const reason = why === undefined ? "" : `: ${why}`;
    return new BpfkitError("EL205", `"${this.text}" is not an instruction${reason}`);
  }
}

/** Binding strength of binary operators, as in the GNU assembler, whose order LLVM follows for ELF. */
const strengths: Readonly<Record<string, number>> = {
  "+": 4,
  "-": 4,
  "|": 5,
  "&": 5,
  "^": 5,
  "*": 6,
  "/": 6,
  "%": 6,
  "<<": 6,
  ">>": 6,
};

/** Deepest nesting of parentheses and signs. */
const maxDepth = 100;

/** Reads an expression. @throws BpfkitError EL205 where there is none, or it is more than a symbol and a number */
export function parseExpression(reader: AsmReader, least = 0, depth = 0): AsmValue {
  let left = parseTerm(reader, depth);
  for (;;) {
    const operator = reader.peek();
    const strength = reader.kind() === "punctuation" ? (strengths[operator] ?? -1) : -1;
    if (strength < 0 || strength < least) return left;
    reader.at++;
    const right = parseExpression(reader, strength + 1, depth + 1);
    left = combine(reader, operator, left, right);
  }
}

function parseTerm(reader: AsmReader, depth: number): AsmValue {
  if (depth > maxDepth) throw reader.error("it nests too deep");
  if (reader.accept("(")) {
    const inner = parseExpression(reader, 0, depth + 1);
    reader.expect(")");
    return inner;
  }
  if (reader.accept("+")) return parseTerm(reader, depth + 1);
  if (reader.accept("-")) return negate(reader, parseTerm(reader, depth + 1), (one) => -one);
  if (reader.accept("~")) return negate(reader, parseTerm(reader, depth + 1), (one) => ~one);
  if (reader.kind() === "number") {
    const text = reader.next();
    if (/^\d+[bf]$/.test(text)) return { symbol: text, number: 0n };
    return { symbol: undefined, number: numberOf(text) };
  }
  if (reader.kind() === "name") return { symbol: reader.next(), number: 0n };
  throw reader.error("a value is missing");
}

/** A literal: decimal, hexadecimal, binary, octal with a leading zero, or a character. */
function numberOf(text: string): bigint {
  if (text.startsWith("'")) return BigInt(characterOf(text.slice(1, -1)).charCodeAt(0));
  if (/^0[0-7]+$/.test(text)) return BigInt(`0o${text.slice(1)}`);
  return BigInt(text);
}

function characterOf(text: string): string {
  const escapes: Readonly<Record<string, string>> = { "\\n": "\n", "\\t": "\t", "\\0": "\0", "\\r": "\r" };
  return escapes[text] ?? (text.startsWith("\\") ? text.slice(1) : text);
}

function negate(reader: AsmReader, value: AsmValue, change: (number: bigint) => bigint): AsmValue {
  if (value.symbol !== undefined) throw reader.error("a symbol cannot be negated");
  return { symbol: undefined, number: change(value.number) };
}

function combine(reader: AsmReader, operator: string, left: AsmValue, right: AsmValue): AsmValue {
  const a = left.number;
  const b = right.number;
  if (operator === "+" && (left.symbol === undefined || right.symbol === undefined))
    return { symbol: left.symbol ?? right.symbol, number: a + b };
  if (operator === "-" && right.symbol === undefined) return { symbol: left.symbol, number: a - b };
  if (left.symbol !== undefined || right.symbol !== undefined)
    throw reader.error("a symbol can only have a number added");
  if ((operator === "/" || operator === "%") && b === 0n) throw reader.error("it divides by zero");
  const shift = operator === "<<" || operator === ">>";
  if (shift && (b < 0n || b > 63n)) throw reader.error("it shifts too far");
  const results: Readonly<Record<string, () => bigint>> = {
    "|": () => a | b,
    "&": () => a & b,
    "^": () => a ^ b,
    "*": () => a * b,
    "/": () => a / b,
    "%": () => a % b,
    "<<": () => a << b,
    ">>": () => a >> b,
  };
  return { symbol: undefined, number: (results[operator] as () => bigint)() };
}
