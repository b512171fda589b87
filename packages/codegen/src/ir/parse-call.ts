/** Parses `call` and `callbr`. */
import type { FunctionScope } from "./function-scope.ts";
import type { CallBranchInstruction, CallInstruction } from "./instruction.ts";
import { Token } from "./lexer.ts";
import {
  parseFunctionAttributes,
  parseParameterAttributes,
  parseResultAttributes,
} from "./parse-attributes.ts";
import { startsConstant } from "./parse-constant.ts";
import { parseMetadataField } from "./parse-metadata.ts";
import { parseCallingConvention, skipParentheses } from "./parse-symbol-prefix.ts";
import { parsePlainType, parseType } from "./parse-type.ts";
import { noAttachments, parseLabel, parseTypedValue, parseValue } from "./parse-value.ts";
import type { ParserState } from "./parser-state.ts";
import type { FunctionType, Type } from "./type.ts";
import { metadataType, ptr } from "./type.ts";
import type { Attributes, Value } from "./value.ts";

const fastMath = new Set(["nnan", "ninf", "nsz", "arcp", "contract", "afn", "reassoc", "fast"]);

const noAttributes: Attributes = new Map();

/** The parts that both kinds of call have. */
interface CallParts {
  readonly callee: Value;
  readonly functionType: FunctionType;
  readonly args: Value[];
  readonly argumentAttributes: readonly Attributes[];
  readonly resultAttributes: Attributes;
  readonly attributes: Attributes;
  readonly callingConvention: string;
}

/** Parses a call; the current token is `call` or the tail marker in front of it. */
export function parseCall(state: ParserState, scope: FunctionScope): CallInstruction {
  const lexer = state.lexer;
  let tail: CallInstruction["tail"] = "none";
  if (!lexer.isWord("call")) {
    tail = lexer.value as CallInstruction["tail"];
    lexer.next();
  }
  lexer.expectWord("call");
  while (lexer.kind === Token.Word && fastMath.has(lexer.value)) lexer.next();
  const parts = parseCallParts(state, scope);
  return {
    kind: "instruction",
    type: parts.functionType.result,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode: "call",
    ...parts,
    tail,
  };
}

/** Parses `callbr ... to label %next [label %a, label %b]`. */
export function parseCallBranch(state: ParserState, scope: FunctionScope): CallBranchInstruction {
  const lexer = state.lexer;
  lexer.expectWord("callbr");
  const parts = parseCallParts(state, scope);
  lexer.expectWord("to");
  const fallthrough = parseLabel(state, scope);
  lexer.expect("[");
  const indirect = [];
  if (!lexer.is("]")) {
    do indirect.push(parseLabel(state, scope));
    while (lexer.accept(","));
  }
  lexer.expect("]");
  return {
    kind: "instruction",
    type: parts.functionType.result,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode: "callbr",
    ...parts,
    fallthrough,
    indirect,
  };
}

function parseCallParts(state: ParserState, scope: FunctionScope): CallParts {
  const lexer = state.lexer;
  const callingConvention = parseCallingConvention(state);
  const resultAttributes = parseResultAttributes(state);
  if (lexer.acceptWord("addrspace")) skipParentheses(state);
  const type = parseType(state);
  const callee = parseValue(state, scope, ptr);
  const args: Value[] = [];
  const argumentAttributes: Attributes[] = [];
  lexer.expect("(");
  while (!lexer.is(")")) {
    if (lexer.kind === Token.Ellipsis) {
      lexer.next();
      break;
    }
    const argumentType = parsePlainType(state);
    // Behind `metadata` comes a node, or a value with its own type: a word there is no attribute.
    const takesAttributes = argumentType.kind !== "metadata";
    argumentAttributes.push(takesAttributes ? parseParameterAttributes(state, startsConstant) : noAttributes);
    args.push(parseArgument(state, scope, argumentType));
    if (!lexer.accept(",")) break;
  }
  lexer.expect(")");
  const attributes = parseFunctionAttributes(state, (word) => word === "to");
  if (lexer.is("[")) skipBundles(state, scope);
  const functionType = calledType(type, args);
  return { callee, functionType, args, argumentAttributes, resultAttributes, attributes, callingConvention };
}

function parseArgument(state: ParserState, scope: FunctionScope, type: Type): Value {
  if (type.kind !== "metadata") return parseValue(state, scope, type);
  return { kind: "metadata", type: metadataType, field: parseMetadataField(state) };
}

function calledType(type: Type, args: readonly Value[]): FunctionType {
  if (type.kind === "function") return type;
  return { kind: "function", result: type, parameters: args.map((each) => each.type), variadic: false };
}

/** Operand bundles, `[ "tag"(type value, ...) ]`, say nothing that code generation needs. */
function skipBundles(state: ParserState, scope: FunctionScope): void {
  const lexer = state.lexer;
  lexer.expect("[");
  while (!lexer.is("]")) {
    lexer.take(Token.Text, "the name of a bundle");
    lexer.expect("(");
    if (!lexer.is(")")) {
      do parseTypedValue(state, scope);
      while (lexer.accept(","));
    }
    lexer.expect(")");
    if (!lexer.accept(",")) break;
  }
  lexer.expect("]");
}
