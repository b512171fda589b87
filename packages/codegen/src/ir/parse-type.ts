/** Parses types. */
import { Token } from "./lexer.ts";
import type { ParserState } from "./parser-state.ts";
import type { FunctionType, Type } from "./type.ts";
import {
  arrayType,
  integerType,
  labelType,
  literalStruct,
  metadataType,
  pointerType,
  tokenType,
  voidType,
} from "./type.ts";

/** Widest integer that is read; LLVM allows 2 ** 23 bits, C for BPF never exceeds 128. */
const maxIntegerBits = 1 << 16;

const floats = new Set(["half", "bfloat", "float", "double", "x86_fp80", "fp128", "ppc_fp128"]);

/** True where the current token can start a type. */
export function startsType(state: ParserState): boolean {
  const lexer = state.lexer;
  if (lexer.kind === Token.Local) return true;
  if (lexer.kind === Token.Punct) return lexer.is("{") || lexer.is("[") || lexer.is("<");
  if (lexer.kind !== Token.Word) return false;
  return simpleType(lexer.value) !== undefined || lexer.value === "target";
}

/** Parses a type, with any function parameter lists that follow it. */
export function parseType(state: ParserState): Type {
  let type = parsePlainType(state);
  while (state.lexer.is("(")) type = parseFunctionSuffix(state, type);
  return type;
}

/** Parses `(T, T, ...)` behind a result type. */
export function parseFunctionSuffix(state: ParserState, result: Type): FunctionType {
  const lexer = state.lexer;
  state.enter();
  lexer.expect("(");
  const parameters: Type[] = [];
  let variadic = false;
  while (!lexer.is(")")) {
    if (lexer.kind === Token.Ellipsis) {
      variadic = true;
      lexer.next();
    } else parameters.push(parseType(state));
    if (!lexer.accept(",")) break;
  }
  lexer.expect(")");
  state.leave();
  return { kind: "function", result, parameters, variadic };
}

/** Parses a type that is not a function type. */
export function parsePlainType(state: ParserState): Type {
  const lexer = state.lexer;
  if (lexer.kind === Token.Word) return parseWordType(state);
  if (lexer.kind === Token.Local) {
    const type = state.structNamed(lexer.value);
    lexer.next();
    return type;
  }
  state.enter();
  const type = parseBracketType(state);
  state.leave();
  return type;
}

function parseBracketType(state: ParserState): Type {
  const lexer = state.lexer;
  if (lexer.accept("[")) {
    const { count, element } = parseCounted(state);
    lexer.expect("]");
    return arrayType(element, count);
  }
  if (lexer.accept("<")) {
    if (lexer.is("{")) {
      const type = parseStructBody(state, true);
      lexer.expect(">");
      return type;
    }
    if (lexer.acceptWord("vscale")) lexer.expectWord("x");
    const { count, element } = parseCounted(state);
    lexer.expect(">");
    return { kind: "vector", element, count };
  }
  if (lexer.is("{")) return parseStructBody(state, false);
  throw lexer.error("expected a type");
}

/** Parses `{ T, T }`. */
export function parseStructBody(state: ParserState, packed: boolean): Type {
  const lexer = state.lexer;
  lexer.expect("{");
  const fields: Type[] = [];
  if (!lexer.is("}")) {
    do fields.push(parseType(state));
    while (lexer.accept(","));
  }
  lexer.expect("}");
  return literalStruct(fields, packed);
}

function parseCounted(state: ParserState): { count: number; element: Type } {
  const lexer = state.lexer;
  const count = Number(lexer.take(Token.Integer, "a number of elements"));
  if (!Number.isSafeInteger(count) || count < 0) throw lexer.error("number of elements out of range");
  lexer.expectWord("x");
  return { count, element: parseType(state) };
}

function parseWordType(state: ParserState): Type {
  const lexer = state.lexer;
  const word = lexer.value;
  if (word === "target") {
    lexer.next();
    return parseTargetType(state);
  }
  const type = simpleType(word);
  if (type === undefined) throw lexer.error("expected a type");
  lexer.next();
  if (type.kind === "pointer" && lexer.isWord("addrspace")) return parseAddressSpace(state);
  return type;
}

function parseAddressSpace(state: ParserState): Type {
  const lexer = state.lexer;
  lexer.next();
  lexer.expect("(");
  const space = lexer.takeNumber();
  lexer.expect(")");
  return pointerType(space);
}

/** `target("name", ...)`; no such type exists for BPF, so its arguments are dropped. */
function parseTargetType(state: ParserState): Type {
  const lexer = state.lexer;
  lexer.expect("(");
  while (!lexer.is(")") && lexer.kind !== Token.End) lexer.next();
  lexer.expect(")");
  return { kind: "opaque" };
}

function simpleType(word: string): Type | undefined {
  if (word.charCodeAt(0) === 105 && word.length > 1) {
    const bits = Number(word.slice(1));
    return Number.isInteger(bits) && bits > 0 && bits <= maxIntegerBits ? integerType(bits) : undefined;
  }
  switch (word) {
    case "ptr":
      return pointerType();
    case "void":
      return voidType;
    case "label":
      return labelType;
    case "metadata":
      return metadataType;
    case "token":
      return tokenType;
    case "opaque":
    case "x86_amx":
      return { kind: "opaque" };
    default:
      return floats.has(word) ? { kind: "float", name: word } : undefined;
  }
}
