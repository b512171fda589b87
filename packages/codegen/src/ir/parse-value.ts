/** Parses operands: constants and names local to a function. */
import type { BasicBlock } from "./function.ts";
import type { FunctionScope } from "./function-scope.ts";
import type { Attachment } from "./instruction.ts";
import { Token } from "./lexer.ts";
import { parseConstant } from "./parse-constant.ts";
import { parseType } from "./parse-type.ts";
import type { ParserState } from "./parser-state.ts";
import type { Type } from "./type.ts";
import { printType, sameType } from "./type.ts";
import type { Value } from "./value.ts";

/** The attachments of most instructions. */
export const noAttachments: readonly Attachment[] = [];

/** Parses a value of a type that was already read. */
export function parseValue(state: ParserState, scope: FunctionScope, type: Type): Value {
  const lexer = state.lexer;
  if (lexer.kind === Token.Local) {
    const value = scope.value(lexer.value, type);
    if (!sameType(value.type, type)) throw lexer.error(otherType(lexer.value, value.type, type));
    lexer.next();
    return value;
  }
  if (lexer.kind === Token.Word && lexer.value === "asm") return parseAssembly(state, type);
  return parseConstant(state, type);
}

/** What is wrong with a value that is used as one of another type. */
export function otherType(name: string, own: Type, wanted: Type): string {
  return `'%${name}' is of type ${printType(own)}, not ${printType(wanted)}`;
}

/** Parses `type value`. */
export function parseTypedValue(state: ParserState, scope: FunctionScope): Value {
  return parseValue(state, scope, parseType(state));
}

/** Parses `label %name`. */
export function parseLabel(state: ParserState, scope: FunctionScope): BasicBlock {
  state.lexer.expectWord("label");
  return scope.block(state.lexer.take(Token.Local, "a block"));
}

/** `asm sideeffect inteldialect "text", "constraints"`. */
function parseAssembly(state: ParserState, type: Type): Value {
  const lexer = state.lexer;
  lexer.next();
  let sideEffects = false;
  while (lexer.kind === Token.Word) {
    if (lexer.value === "sideeffect") sideEffects = true;
    lexer.next();
  }
  const text = lexer.take(Token.Text, "assembly text");
  lexer.expect(",");
  const constraints = lexer.take(Token.Text, "assembly constraints");
  return { kind: "asm", type, text, constraints, sideEffects };
}
