/** Parses constants: literals, aggregates, addresses and constant expressions. */
import { Token, unescapeBytes } from "./lexer.ts";
import { parseType } from "./parse-type.ts";
import type { ParserState } from "./parser-state.ts";
import type { Type } from "./type.ts";
import type { Constant, ConstantExpression } from "./value.ts";
import { constantInt, falseValue, trueValue } from "./value.ts";

const castWords = new Set([
  "trunc",
  "zext",
  "sext",
  "ptrtoint",
  "ptrtoaddr",
  "inttoptr",
  "bitcast",
  "addrspacecast",
  "fptrunc",
  "fpext",
  "fptoui",
  "fptosi",
  "uitofp",
  "sitofp",
]);
const binaryWords = new Set(["add", "sub", "mul", "shl", "lshr", "ashr", "and", "or", "xor"]);
const simpleWords = new Set(["null", "undef", "poison", "zeroinitializer", "none", "true", "false"]);
const otherWords = new Set([
  "getelementptr",
  "icmp",
  "select",
  "blockaddress",
  "dso_local_equivalent",
  "no_cfi",
  "splat",
  "asm",
  "extractelement",
  "insertelement",
  "shufflevector",
  "ptrauth",
]);
const expressionFlags = new Set(["nuw", "nsw", "exact", "disjoint", "nneg", "samesign", "inbounds", "nusw"]);

/** True for words that start a value rather than an attribute. */
export function startsConstant(word: string): boolean {
  return simpleWords.has(word) || castWords.has(word) || binaryWords.has(word) || otherWords.has(word);
}

/** Parses `type value`, the value being a constant. */
export function parseTypedConstant(state: ParserState): Constant {
  const type = parseType(state);
  return parseConstant(state, type);
}

/** Parses a constant of a type that was already read. */
export function parseConstant(state: ParserState, type: Type): Constant {
  const lexer = state.lexer;
  switch (lexer.kind) {
    case Token.Integer:
      return parseInteger(state, type);
    case Token.Float: {
      const text = lexer.value;
      lexer.next();
      return { kind: "float", type, text };
    }
    case Token.Global: {
      const symbol = state.symbolNamed(lexer.value);
      lexer.next();
      return symbol;
    }
    case Token.Bytes: {
      const bytes = unescapeBytes(lexer.value);
      lexer.next();
      if (type.kind !== "array" || type.count !== bytes.length) {
        throw lexer.error("string of another length than its type");
      }
      return { kind: "bytes", type, bytes };
    }
    case Token.Word:
      return parseWordConstant(state, type);
    default: {
      state.enter();
      const constant = parseBracketConstant(state, type);
      state.leave();
      return constant;
    }
  }
}

/** `u0x1f` and `s0xff`, which is -1 as an i8. */
const hexadecimal = /^([us])0x([0-9A-Fa-f]{1,32})$/;

function parseHexadecimal(state: ParserState, type: Type, match: RegExpExecArray): Constant {
  if (type.kind !== "integer") throw state.lexer.error("number where the type is not an integer");
  const [, sign, digits] = match as unknown as [string, string, string];
  state.lexer.next();
  const value = BigInt(`0x${digits}`);
  return constantInt(type, sign === "s" ? BigInt.asIntN(digits.length * 4, value) : value);
}

function parseInteger(state: ParserState, type: Type): Constant {
  const lexer = state.lexer;
  if (type.kind === "float") {
    const text = lexer.value;
    lexer.next();
    return { kind: "float", type, text };
  }
  if (type.kind !== "integer") throw lexer.error("number where the type is not an integer");
  if (lexer.value.length > 45) throw lexer.error("number too long");
  const value = BigInt(lexer.value);
  lexer.next();
  return constantInt(type, value);
}

function parseBracketConstant(state: ParserState, type: Type): Constant {
  const lexer = state.lexer;
  if (lexer.accept("[")) return { kind: "aggregate", type, elements: parseElements(state, "]") };
  if (lexer.accept("{")) return { kind: "aggregate", type, elements: parseElements(state, "}") };
  if (lexer.accept("<")) {
    if (!lexer.accept("{")) return { kind: "aggregate", type, elements: parseElements(state, ">") };
    const elements = parseElements(state, "}");
    lexer.expect(">");
    return { kind: "aggregate", type, elements };
  }
  throw lexer.error("expected a value");
}

function parseElements(state: ParserState, close: string): Constant[] {
  const lexer = state.lexer;
  const elements: Constant[] = [];
  if (!lexer.is(close)) {
    do elements.push(parseTypedConstant(state));
    while (lexer.accept(","));
  }
  lexer.expect(close);
  return elements;
}

function parseWordConstant(state: ParserState, type: Type): Constant {
  const lexer = state.lexer;
  const word = lexer.value;
  switch (word) {
    case "null":
    case "undef":
    case "poison":
      lexer.next();
      return { kind: word, type };
    case "zeroinitializer":
      lexer.next();
      return type.kind === "integer" ? constantInt(type, 0n) : { kind: "zero", type };
    case "none":
      lexer.next();
      return { kind: "undef", type };
    case "true":
    case "false":
      lexer.next();
      return word === "true" ? trueValue : falseValue;
    case "dso_local_equivalent":
    case "no_cfi":
      lexer.next();
      return parseConstant(state, type);
    default: {
      const number = hexadecimal.exec(word);
      if (number !== null) return parseHexadecimal(state, type, number);
      state.enter();
      const constant = parseExpression(state, type, word);
      state.leave();
      return constant;
    }
  }
}

function parseExpression(state: ParserState, type: Type, word: string): Constant {
  const lexer = state.lexer;
  if (word === "getelementptr") return parseConstantGep(state, type);
  if (word === "blockaddress") return parseBlockAddress(state, type);
  if (castWords.has(word)) {
    lexer.next();
    skipFlags(state);
    lexer.expect("(");
    const operand = parseTypedConstant(state);
    lexer.expectWord("to");
    const target = parseType(state);
    lexer.expect(")");
    return expression(target, word === "ptrtoaddr" ? "ptrtoint" : word, [operand]);
  }
  if (binaryWords.has(word)) {
    lexer.next();
    skipFlags(state);
    lexer.expect("(");
    const left = parseTypedConstant(state);
    lexer.expect(",");
    const right = parseTypedConstant(state);
    lexer.expect(")");
    return expression(type, word, [left, right]);
  }
  if (word === "splat") return parseSplat(state, type);
  throw lexer.error("expected a constant");
}

function parseSplat(state: ParserState, type: Type): Constant {
  const lexer = state.lexer;
  lexer.next();
  lexer.expect("(");
  const element = parseTypedConstant(state);
  lexer.expect(")");
  const count = type.kind === "vector" || type.kind === "array" ? type.count : 0;
  if (count > 1024) throw lexer.error("vector too long");
  return { kind: "aggregate", type, elements: new Array<Constant>(count).fill(element) };
}

function parseConstantGep(state: ParserState, type: Type): Constant {
  const lexer = state.lexer;
  lexer.next();
  const inbounds = lexer.isWord("inbounds");
  skipFlags(state);
  lexer.expect("(");
  const sourceType = parseType(state);
  const operands: Constant[] = [];
  while (lexer.accept(",")) {
    lexer.acceptWord("inrange");
    operands.push(parseTypedConstant(state));
  }
  lexer.expect(")");
  if (operands.length === 0) throw lexer.error("getelementptr without a pointer");
  return { kind: "expression", type, opcode: "gep", operands, sourceType, inbounds };
}

/** Skips `nuw`, `inbounds` and `inrange(-8, 16)` in front of the operands. */
function skipFlags(state: ParserState): void {
  const lexer = state.lexer;
  for (;;) {
    if (lexer.kind !== Token.Word) return;
    if (expressionFlags.has(lexer.value)) lexer.next();
    else if (lexer.acceptWord("inrange")) {
      lexer.expect("(");
      while (!lexer.is(")") && !lexer.at(Token.End)) lexer.next();
      lexer.expect(")");
    } else return;
  }
}

function parseBlockAddress(state: ParserState, type: Type): Constant {
  const lexer = state.lexer;
  lexer.next();
  lexer.expect("(");
  const functionName = lexer.take(Token.Global, "a function");
  lexer.expect(",");
  const blockName = lexer.take(Token.Local, "a block");
  lexer.expect(")");
  return { kind: "blockaddress", type, functionName, blockName };
}

function expression(type: Type, opcode: string, operands: readonly Constant[]): ConstantExpression {
  return { kind: "expression", type, opcode, operands, sourceType: undefined, inbounds: false };
}
