/** Extents of C expressions found by their tokens: for places where macros hide what the AST says of them. */
import { bracketSpan, nextToken, skipBlank, type Token, tokens } from "./scan.ts";

/** Words before a bracket that do not make it a call. */
const keywords = new Set(["return", "if", "while", "for", "switch", "case", "else", "do", "sizeof", "goto"]);

const opening: Readonly<Record<string, string>> = { ")": "(", "]": "[" };

/**
 * Where the operand in front of a postfix operator starts: of `f(x)->` the `f`, of `a.b[2].` the `a`.
 * @param from Where to start reading tokens: before the operand, and not inside a token.
 * @param operator Offset of the operator.
 */
export function postfixStart(text: string, from: number, operator: number): number | undefined {
  const before: Token[] = [...tokens(text, from, operator)];
  let index = before.length - 1;
  for (;;) {
    const last = before[index];
    if (last === undefined) return undefined;
    if (last.kind === "punctuation" && opening[last.text] !== undefined) {
      index = openingOf(before, index);
      if (index < 0) return undefined;
      const open = before[index];
      const front = before[index - 1];
      const isOperand = front !== undefined && (isName(front) || front.text === "]");
      if (open?.text === "(" && !(front !== undefined && isName(front))) return open.start;
      if (!isOperand) return undefined;
      index -= 1;
      continue;
    }
    if (!isName(last)) return undefined;
    const operatorBefore = before[index - 1];
    if (operatorBefore?.text !== "->" && operatorBefore?.text !== ".") return last.start;
    index -= 2;
  }
}

function isName(token: Token): boolean {
  return token.kind === "identifier" && !keywords.has(token.text);
}

/** Index of the bracket that the one at `index` closes, or -1. */
function openingOf(list: readonly Token[], index: number): number {
  let depth = 0;
  for (let at = index; at >= 0; at -= 1) {
    const { kind, text } = list[at] as Token;
    if (kind !== "punctuation") continue;
    if (text === ")" || text === "]" || text === "}") depth += 1;
    else if (text === "(" || text === "[" || text === "{") depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}

/** Offset behind the unary expression that starts at `start` with an operator: of `*f(x)->a + 1` that behind `a`. */
export function unaryEnd(text: string, start: number): number | undefined {
  let position = start;
  for (;;) {
    const token = nextToken(text, position);
    if (token === undefined) return undefined;
    if (token.kind === "punctuation" && "*&!~-+".includes(token.text)) {
      position = token.end;
    } else if (token.text === "(") {
      const brackets = bracketSpan(text, token.start);
      if (brackets === undefined) return undefined;
      const inside = text.slice(token.end, brackets.close);
      position = brackets.close + 1;
      if (!/\*\s*$|^\s*(?:const\s+)?(?:struct|union|unsigned|signed|enum)\b/.test(inside))
        return postfixEnd(text, position);
    } else {
      return token.kind === "punctuation" ? undefined : postfixEnd(text, token.end);
    }
  }
}

function postfixEnd(text: string, from: number): number | undefined {
  let position = from;
  for (;;) {
    const at = skipBlank(text, position);
    if (text[at] === "(" || text[at] === "[") {
      const brackets = bracketSpan(text, at);
      if (brackets === undefined) return undefined;
      position = brackets.close + 1;
    } else if (text.startsWith("->", at) || text[at] === ".") {
      const name = nextToken(text, at + (text[at] === "." ? 1 : 2));
      if (name?.kind !== "identifier") return undefined;
      position = name.end;
    } else {
      return position;
    }
  }
}

/** True where a range has a comma outside of brackets: it is not one operand. */
export function hasComma(text: string, start: number, end: number): boolean {
  let depth = 0;
  for (const token of tokens(text, start, end)) {
    if (token.kind !== "punctuation") continue;
    if ("([{".includes(token.text)) depth += 1;
    else if (")]}".includes(token.text)) depth -= 1;
    else if (token.text === "," && depth === 0) return true;
  }
  return false;
}
