/** Parses attributes: of parameters, results, functions and call sites. Unknown ones are kept by name. */
import { Token } from "./lexer.ts";
import { parseType, startsType } from "./parse-type.ts";
import type { ParserState } from "./parser-state.ts";
import type { Attributes, AttributeValue } from "./value.ts";

/** The attributes of nothing. */
export const noAttributes: Attributes = new Map();

/** Attributes whose argument is a type. */
const typeArguments = new Set(["byval", "sret", "byref", "inalloca", "preallocated", "elementtype"]);

/** Parses one attribute; the current token is its first word or string. */
function parseAttribute(state: ParserState, target: Map<string, AttributeValue>): void {
  const lexer = state.lexer;
  const name = lexer.value;
  const quoted = lexer.kind === Token.Text;
  lexer.next();
  if (lexer.accept("=")) {
    target.set(name, lexer.value);
    lexer.next();
    return;
  }
  if (quoted) {
    target.set(name, "");
    return;
  }
  if (lexer.is("(")) {
    target.set(name, parseArguments(state, name));
    return;
  }
  if ((name === "align" || name === "alignstack") && lexer.kind === Token.Integer) {
    target.set(name, lexer.takeNumber());
    return;
  }
  target.set(name, true);
}

/** `(8)`, `(i32)`, or anything else in balanced parentheses, which is kept as text. */
function parseArguments(state: ParserState, name: string): AttributeValue {
  const lexer = state.lexer;
  lexer.expect("(");
  if (typeArguments.has(name)) {
    const type = parseType(state);
    lexer.expect(")");
    return type;
  }
  const start = lexer.start;
  let depth = 1;
  let end = start;
  let tokens = 0;
  let number = Number.NaN;
  while (depth > 0) {
    if (lexer.kind === Token.End) throw lexer.error("expected ')'");
    if (lexer.is("(")) depth++;
    if (lexer.is(")")) depth--;
    number = lexer.kind === Token.Integer ? Number(lexer.value) : number;
    tokens++;
    end = lexer.start;
    lexer.next();
  }
  return tokens === 2 && !Number.isNaN(number) ? number : lexer.text.slice(start, end);
}

/** Attributes of a result, up to the type that follows. */
export function parseResultAttributes(state: ParserState): Attributes {
  const lexer = state.lexer;
  let found: Map<string, AttributeValue> | undefined;
  while ((lexer.kind === Token.Word && !startsType(state)) || lexer.kind === Token.Text) {
    found ??= new Map();
    parseAttribute(state, found);
  }
  return found ?? noAttributes;
}

/** Attributes of a parameter or an argument, up to its value. */
export function parseParameterAttributes(
  state: ParserState,
  startsValue: (word: string) => boolean,
): Attributes {
  const lexer = state.lexer;
  let found: Map<string, AttributeValue> | undefined;
  while ((lexer.kind === Token.Word && !startsValue(lexer.value)) || lexer.kind === Token.Text) {
    found ??= new Map();
    parseAttribute(state, found);
  }
  return found ?? noAttributes;
}

/** Attributes of a function, up to the end of the line or a word that `stops`; a lone group is shared, not copied. */
export function parseFunctionAttributes(state: ParserState, stops: (word: string) => boolean): Attributes {
  const lexer = state.lexer;
  let found: Map<string, AttributeValue> | undefined;
  let onlyGroup: number | undefined;
  while (!lexer.startsLine) {
    if (lexer.kind === Token.Group) {
      const id = lexer.takeNumberOf();
      if (found === undefined && onlyGroup === undefined) onlyGroup = id;
      else {
        found ??= new Map();
        state.pendingGroups.push({ target: found, group: id });
      }
    } else if (lexer.kind === Token.Text || (lexer.kind === Token.Word && !stops(lexer.value))) {
      found ??= new Map();
      parseAttribute(state, found);
    } else break;
  }
  if (found === undefined) return onlyGroup === undefined ? noAttributes : state.group(onlyGroup);
  if (onlyGroup !== undefined) state.pendingGroups.push({ target: found, group: onlyGroup });
  return found;
}

/** Parses `attributes #n = { ... }`; the current token is `attributes`. */
export function parseAttributeGroup(state: ParserState): void {
  const lexer = state.lexer;
  lexer.next();
  if (lexer.kind !== Token.Group) throw lexer.error("expected the number of an attribute group");
  const group = state.group(lexer.takeNumberOf());
  lexer.expect("=");
  lexer.expect("{");
  while (!lexer.is("}")) {
    if (!lexer.at(Token.Word) && !lexer.at(Token.Text)) throw lexer.error("expected an attribute");
    parseAttribute(state, group);
  }
  lexer.next();
}
