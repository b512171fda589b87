/** Parses function definitions and declarations: heads, parameters and blocks. */
import type { BasicBlock, IrFunction } from "./function.ts";
import { FunctionScope } from "./function-scope.ts";
import type { Attachment } from "./instruction.ts";
import { isTerminator } from "./instruction.ts";
import { Token } from "./lexer.ts";
import { replaceOperands } from "./operands.ts";
import { parseAttachments } from "./parse-attachments.ts";
import {
  noAttributes,
  parseFunctionAttributes,
  parseParameterAttributes,
  parseResultAttributes,
} from "./parse-attributes.ts";
import { startsConstant } from "./parse-constant.ts";
import { parseInstruction } from "./parse-instruction.ts";
import { parseCallingConvention, parseSymbolPrefix, skipParentheses } from "./parse-symbol-prefix.ts";
import { parsePlainType } from "./parse-type.ts";
import { otherType } from "./parse-value.ts";
import type { ParserState } from "./parser-state.ts";
import { pointerType, sameType } from "./type.ts";
import type { Attributes, Parameter, Value } from "./value.ts";

/** Parses from `define` or `declare` to the end of the function. */
export function parseFunction(state: ParserState): IrFunction {
  const lexer = state.lexer;
  const definition = lexer.isWord("define");
  lexer.next();
  const attachments: Attachment[] = [];
  let subprogram = definition ? undefined : parseAttachments(state, attachments);
  const prefix = parseSymbolPrefix(state);
  const callingConvention = parseCallingConvention(state);
  const resultAttributes = parseResultAttributes(state);
  const result = parsePlainType(state);
  const name = lexer.take(Token.Global, "the name of a function");
  const { parameters, variadic } = parseParameters(state);
  const suffix = parseSuffix(state);
  subprogram = parseAttachments(state, attachments) ?? subprogram;
  const fn = state.defineSymbol<IrFunction>({
    kind: "function",
    type: pointerType(),
    name,
    functionType: { kind: "function", result, parameters: parameters.map((each) => each.type), variadic },
    linkage: prefix.linkage,
    visibility: prefix.visibility,
    callingConvention,
    section: suffix.section,
    align: suffix.align,
    parameters,
    resultAttributes,
    attributes: suffix.attributes,
    blocks: [],
    subprogram,
    attachments,
  });
  if (definition) parseBody(state, fn);
  return fn;
}

function parseParameters(state: ParserState): { parameters: Parameter[]; variadic: boolean } {
  const lexer = state.lexer;
  lexer.expect("(");
  const parameters: Parameter[] = [];
  let variadic = false;
  let unnamed = 0;
  while (!lexer.is(")")) {
    if (lexer.kind === Token.Ellipsis) {
      variadic = true;
      lexer.next();
      break;
    }
    const type = parsePlainType(state);
    const attributes = parseParameterAttributes(state, startsConstant);
    let name: string;
    if (lexer.kind === Token.Local) {
      name = lexer.value;
      lexer.next();
    } else name = String(unnamed);
    if (/^[0-9]+$/.test(name)) unnamed = Number(name) + 1;
    parameters.push({ kind: "parameter", type, name, index: parameters.length, attributes });
    if (!lexer.accept(",")) break;
  }
  lexer.expect(")");
  return { parameters, variadic };
}

const suffixWords = new Set([
  "section",
  "partition",
  "comdat",
  "align",
  "gc",
  "prefix",
  "prologue",
  "personality",
]);

/** What may stand between the parameters and the body: attributes, section, alignment... */
function parseSuffix(state: ParserState): {
  attributes: Attributes;
  section: string | undefined;
  align: number | undefined;
} {
  const lexer = state.lexer;
  let section: string | undefined;
  let align: number | undefined;
  let attributes = noAttributes;
  if (lexer.isWord("unnamed_addr") || lexer.isWord("local_unnamed_addr")) lexer.next();
  if (lexer.acceptWord("addrspace")) skipParentheses(state);
  for (;;) {
    const found = parseFunctionAttributes(state, (word) => suffixWords.has(word));
    if (found.size > 0 || attributes === noAttributes) attributes = found;
    if (lexer.kind !== Token.Word || lexer.startsLine) return { attributes, section, align };
    const word = lexer.value;
    lexer.next();
    if (word === "section") section = lexer.take(Token.Text, "the name of a section");
    else if (word === "align") align = lexer.takeNumber();
    else if (word === "comdat") {
      if (lexer.is("(")) skipParentheses(state);
    } else if (word === "gc" || word === "partition") lexer.take(Token.Text, "a string");
    else throw lexer.error(`'${word}' functions are not supported`);
  }
}

function parseBody(state: ParserState, fn: IrFunction): void {
  const lexer = state.lexer;
  const scope = new FunctionScope();
  for (const parameter of fn.parameters) {
    scope.values.set(parameter.name, parameter);
    scope.passNumber(parameter.name);
  }
  lexer.expect("{");
  let block: BasicBlock | undefined;
  while (!lexer.is("}")) {
    if (lexer.kind === Token.Label) {
      block = startBlock(state, fn, scope, lexer.value);
      lexer.next();
      continue;
    }
    if (lexer.kind === Token.DebugRecord) {
      parseDebugRecord(state, scope);
      continue;
    }
    if (lexer.kind === Token.Word && lexer.value.startsWith("uselistorder")) {
      lexer.skipLine();
      continue;
    }
    block ??= startBlock(state, fn, scope, String(scope.nextNumber));
    const instruction = parseInstruction(state, scope);
    block.instructions.push(instruction);
    if (scope.usedPlaceholder) {
      scope.unfinished.push(instruction);
      scope.usedPlaceholder = false;
    }
    if (isTerminator(instruction)) block = undefined;
  }
  lexer.next();
  finishBody(state, fn, scope, block);
}

/** Of records that say which variable an alloca is, the variable is kept with it; all others are passed over. */
function parseDebugRecord(state: ParserState, scope: FunctionScope): void {
  const lexer = state.lexer;
  if (lexer.value !== "dbg_value") {
    const line = lexer.text.slice(lexer.start, lexer.lineEnd(lexer.start));
    const declared = declareRecord.exec(line) ?? [];
    const assigned = assignRecord.exec(line) ?? [];
    const alloca = scope.values.get(declared[1] ?? assigned[2] ?? "");
    if (alloca?.kind === "instruction" && alloca.opcode === "alloca")
      alloca.variable ??= Number(declared[2] ?? assigned[1]);
  }
  lexer.skipLine();
}

/** `#dbg_declare(ptr %name, !variable, ...)` */
const declareRecord = /^#dbg_declare\(ptr %([-\w$.]+), !(\d+),/;
/** `#dbg_assign(value, !variable, !expression, !id, ptr %name, ...)` */
const assignRecord = /^#dbg_assign\([^!]*, !(\d+), .*, !\d+, ptr %([-\w$.]+), /;

function startBlock(state: ParserState, fn: IrFunction, scope: FunctionScope, name: string): BasicBlock {
  const block = scope.block(name);
  if (block.instructions.length > 0) throw state.lexer.error(`block '%${name}' is defined twice`);
  const last = fn.blocks[fn.blocks.length - 1];
  if (last !== undefined && !endsInTerminator(last))
    throw state.lexer.error(`block '%${last.name}' has no end`);
  scope.passNumber(name);
  fn.blocks.push(block);
  return block;
}

function endsInTerminator(block: BasicBlock): boolean {
  const last = block.instructions[block.instructions.length - 1];
  return last !== undefined && isTerminator(last);
}

function finishBody(
  state: ParserState,
  fn: IrFunction,
  scope: FunctionScope,
  open: BasicBlock | undefined,
): void {
  const lexer = state.lexer;
  if (fn.blocks.length === 0) throw lexer.error(`'@${fn.name}' has no blocks`);
  if (open !== undefined) throw lexer.error(`block '%${open.name}' has no end`);
  for (const [name, block] of scope.blocks) {
    if (block.instructions.length === 0) throw lexer.error(`'@${fn.name}' has no block '%${name}'`);
  }
  if (scope.forward.size === 0) return;
  const replacements = new Map<Value, Value>();
  for (const [name, placeholder] of scope.forward) {
    const value = scope.values.get(name);
    if (value === undefined) throw lexer.error(`'@${fn.name}' has no value '%${name}'`);
    if (!sameType(value.type, placeholder.type))
      throw lexer.error(otherType(name, value.type, placeholder.type));
    replacements.set(placeholder, value);
  }
  replaceOperands(scope.unfinished, replacements);
}
