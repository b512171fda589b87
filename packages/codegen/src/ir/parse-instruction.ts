/** Parses one instruction; memory and call instructions have files of their own. */
import type { FunctionScope } from "./function-scope.ts";
import { defineValue } from "./function-scope.ts";
import type {
  Attachment,
  BinaryOpcode,
  CastOpcode,
  Instruction,
  IntegerPredicate,
  PhiIncoming,
  SwitchCase,
} from "./instruction.ts";
import { binaryOpcodes, castOpcodes } from "./instruction.ts";
import { Token } from "./lexer.ts";
import { parseAttachments } from "./parse-attachments.ts";
import { parseCall, parseCallBranch } from "./parse-call.ts";
import { parseConstant } from "./parse-constant.ts";
import {
  parseAlloca,
  parseAtomicRmw,
  parseCompareExchange,
  parseFence,
  parseGep,
  parseLoad,
  parseStore,
} from "./parse-memory.ts";
import { parseType } from "./parse-type.ts";
import { noAttachments, parseLabel, parseTypedValue, parseValue } from "./parse-value.ts";
import type { ParserState } from "./parser-state.ts";
import type { Type } from "./type.ts";
import { i1, voidType } from "./type.ts";
import type { Value } from "./value.ts";

const binaries: ReadonlySet<string> = new Set(binaryOpcodes);
const casts: ReadonlySet<string> = new Set([...castOpcodes, "ptrtoaddr"]);
const predicates: ReadonlySet<string> = new Set([
  "eq",
  "ne",
  "ugt",
  "uge",
  "ult",
  "ule",
  "sgt",
  "sge",
  "slt",
  "sle",
]);
const flagWords = new Set([
  "nuw",
  "nsw",
  "exact",
  "disjoint",
  "nneg",
  "samesign",
  "nnan",
  "ninf",
  "nsz",
  "arcp",
  "contract",
  "afn",
  "reassoc",
  "fast",
]);
const noFlags: readonly string[] = [];

/** Parses an instruction with its name and attachments, and enters its name into the scope. */
export function parseInstruction(state: ParserState, scope: FunctionScope): Instruction {
  const lexer = state.lexer;
  let name: string | undefined;
  if (lexer.kind === Token.Local) {
    name = lexer.value;
    lexer.next();
    lexer.expect("=");
  }
  if (lexer.kind !== Token.Word) throw lexer.error("expected an instruction");
  const instruction = parseOperation(state, scope, lexer.value);
  parseTrailer(state, instruction);
  if (instruction.type.kind !== "void") {
    instruction.name = name ?? String(scope.nextNumber);
    scope.passNumber(instruction.name);
    defineValue(state, scope, instruction);
  } else if (name !== undefined) throw lexer.error(`'%${name}' names an instruction without a result`);
  return instruction;
}

/** Parses `, !dbg !1, !tbaa !2`. */
function parseTrailer(state: ParserState, instruction: Instruction): void {
  const lexer = state.lexer;
  let attachments: Attachment[] | undefined;
  while (lexer.accept(",")) {
    if (lexer.kind !== Token.Metadata) throw lexer.error("expected a metadata attachment");
    attachments ??= [];
    const location = parseAttachments(state, attachments);
    if (location !== undefined) instruction.debugLocation = location;
  }
  if (attachments !== undefined && attachments.length > 0) instruction.attachments = attachments;
}

function parseOperation(state: ParserState, scope: FunctionScope, word: string): Instruction {
  switch (word) {
    case "call":
    case "tail":
    case "musttail":
    case "notail":
      return parseCall(state, scope);
    case "load":
      return parseLoad(state, scope);
    case "store":
      return parseStore(state, scope);
    case "getelementptr":
      return parseGep(state, scope);
    case "alloca":
      return parseAlloca(state, scope);
    case "icmp":
    case "fcmp":
      return parseCompare(state, scope, word);
    case "br":
      return parseBranch(state, scope);
    case "phi":
      return parsePhi(state, scope);
    case "select":
      return parseSelect(state, scope);
    case "ret":
      return parseReturn(state, scope);
    case "switch":
      return parseSwitch(state, scope);
    default:
      if (binaries.has(word)) return parseBinary(state, scope, word as BinaryOpcode);
      if (casts.has(word)) return parseCast(state, scope, word);
      return parseRareOperation(state, scope, word);
  }
}

function parseRareOperation(state: ParserState, scope: FunctionScope, word: string): Instruction {
  switch (word) {
    case "atomicrmw":
      return parseAtomicRmw(state, scope);
    case "cmpxchg":
      return parseCompareExchange(state, scope);
    case "fence":
      return parseFence(state);
    case "unreachable":
      state.lexer.next();
      return {
        kind: "instruction",
        type: voidType,
        name: "",
        debugLocation: undefined,
        attachments: noAttachments,
        opcode: "unreachable",
      };
    case "extractvalue":
    case "insertvalue":
      return parseAggregateAccess(state, scope, word);
    case "freeze": {
      state.lexer.next();
      const value = parseTypedValue(state, scope);
      return {
        kind: "instruction",
        type: value.type,
        name: "",
        debugLocation: undefined,
        attachments: noAttachments,
        opcode: "freeze",
        value,
      };
    }
    case "callbr":
      return parseCallBranch(state, scope);
    case "indirectbr":
      return parseIndirectBranch(state, scope);
    case "fneg":
    case "extractelement":
    case "insertelement":
    case "shufflevector":
    case "va_arg":
      return parseUnsupported(state, scope, word);
    default:
      throw state.lexer.error("expected an instruction");
  }
}

/** Vectors and the like: type and operands are read so that uses have a type, and refused later with the line of C. */
function parseUnsupported(state: ParserState, scope: FunctionScope, word: string): Instruction {
  const lexer = state.lexer;
  lexer.next();
  parseFlags(state);
  const first = parseTypedValue(state, scope);
  let type = first.type;
  while (lexer.is(",")) {
    const comma = lexer.start;
    lexer.next();
    if (lexer.kind === Token.Metadata) {
      lexer.seek(comma);
      break;
    }
    if (word === "va_arg") type = parseType(state);
    else parseTypedValue(state, scope);
  }
  if (word === "extractelement" && type.kind === "vector") type = type.element;
  return {
    kind: "instruction",
    type,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode: "unsupported",
    mnemonic: word,
  };
}

function parseFlags(state: ParserState): readonly string[] {
  const lexer = state.lexer;
  let flags: string[] | undefined;
  while (lexer.kind === Token.Word && flagWords.has(lexer.value)) {
    flags ??= [];
    flags.push(lexer.value);
    lexer.next();
  }
  return flags ?? noFlags;
}

function parseBinary(state: ParserState, scope: FunctionScope, opcode: BinaryOpcode): Instruction {
  state.lexer.next();
  const flags = parseFlags(state);
  const type = parseType(state);
  const lhs = parseValue(state, scope, type);
  state.lexer.expect(",");
  const rhs = parseValue(state, scope, type);
  return {
    kind: "instruction",
    type,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode,
    lhs,
    rhs,
    flags,
  };
}

function parseCast(state: ParserState, scope: FunctionScope, word: string): Instruction {
  state.lexer.next();
  const flags = parseFlags(state);
  const value = parseTypedValue(state, scope);
  state.lexer.expectWord("to");
  const type = parseType(state);
  const opcode = (word === "ptrtoaddr" ? "ptrtoint" : word) as CastOpcode;
  return {
    kind: "instruction",
    type,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode,
    value,
    flags,
  };
}

function parseCompare(state: ParserState, scope: FunctionScope, opcode: "icmp" | "fcmp"): Instruction {
  const lexer = state.lexer;
  lexer.next();
  parseFlags(state);
  const predicate = lexer.take(Token.Word, "a predicate");
  if (opcode === "icmp" && !predicates.has(predicate)) throw lexer.error("unknown predicate");
  const type = parseType(state);
  const lhs = parseValue(state, scope, type);
  lexer.expect(",");
  const rhs = parseValue(state, scope, type);
  const result: Type = type.kind === "vector" ? { kind: "vector", element: i1, count: type.count } : i1;
  if (opcode === "fcmp")
    return {
      kind: "instruction",
      type: result,
      name: "",
      debugLocation: undefined,
      attachments: noAttachments,
      opcode,
      predicate,
      lhs,
      rhs,
    };
  return {
    kind: "instruction",
    type: result,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode,
    predicate: predicate as IntegerPredicate,
    lhs,
    rhs,
  };
}

function parseSelect(state: ParserState, scope: FunctionScope): Instruction {
  const lexer = state.lexer;
  lexer.next();
  parseFlags(state);
  const condition = parseTypedValue(state, scope);
  lexer.expect(",");
  const ifTrue = parseTypedValue(state, scope);
  lexer.expect(",");
  const ifFalse = parseTypedValue(state, scope);
  return {
    kind: "instruction",
    type: ifTrue.type,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode: "select",
    condition,
    ifTrue,
    ifFalse,
  };
}

function parsePhi(state: ParserState, scope: FunctionScope): Instruction {
  const lexer = state.lexer;
  lexer.next();
  parseFlags(state);
  const type = parseType(state);
  const incoming: PhiIncoming[] = [];
  while (lexer.accept("[")) {
    const value = parseValue(state, scope, type);
    lexer.expect(",");
    const block = scope.block(lexer.take(Token.Local, "a block"));
    lexer.expect("]");
    incoming.push({ value, block });
    if (!lexer.is(",")) break;
    const comma = lexer.start;
    lexer.next();
    if (!lexer.is("[")) {
      lexer.seek(comma);
      break;
    }
  }
  return {
    kind: "instruction",
    type,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode: "phi",
    incoming,
  };
}

function parseBranch(state: ParserState, scope: FunctionScope): Instruction {
  const lexer = state.lexer;
  lexer.next();
  if (lexer.isWord("label")) {
    return {
      kind: "instruction",
      type: voidType,
      name: "",
      debugLocation: undefined,
      attachments: noAttachments,
      opcode: "br",
      target: parseLabel(state, scope),
    };
  }
  const condition = parseTypedValue(state, scope);
  lexer.expect(",");
  const ifTrue = parseLabel(state, scope);
  lexer.expect(",");
  const ifFalse = parseLabel(state, scope);
  return {
    kind: "instruction",
    type: voidType,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode: "condbr",
    condition,
    ifTrue,
    ifFalse,
  };
}

function parseReturn(state: ParserState, scope: FunctionScope): Instruction {
  state.lexer.next();
  const type = parseType(state);
  const value: Value | undefined = type.kind === "void" ? undefined : parseValue(state, scope, type);
  return {
    kind: "instruction",
    type: voidType,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode: "ret",
    value,
  };
}

function parseSwitch(state: ParserState, scope: FunctionScope): Instruction {
  const lexer = state.lexer;
  lexer.next();
  const value = parseTypedValue(state, scope);
  lexer.expect(",");
  const defaultTarget = parseLabel(state, scope);
  lexer.expect("[");
  const cases: SwitchCase[] = [];
  while (!lexer.is("]")) {
    const constant = parseConstant(state, parseType(state));
    if (constant.kind !== "int") throw lexer.error("expected an integer case");
    lexer.expect(",");
    cases.push({ value: constant, target: parseLabel(state, scope) });
  }
  lexer.expect("]");
  return {
    kind: "instruction",
    type: voidType,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode: "switch",
    value,
    defaultTarget,
    cases,
  };
}

function parseIndirectBranch(state: ParserState, scope: FunctionScope): Instruction {
  const lexer = state.lexer;
  lexer.next();
  const address = parseTypedValue(state, scope);
  lexer.expect(",");
  lexer.expect("[");
  const targets = [];
  if (!lexer.is("]")) {
    do targets.push(parseLabel(state, scope));
    while (lexer.accept(","));
  }
  lexer.expect("]");
  return {
    kind: "instruction",
    type: voidType,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode: "indirectbr",
    address,
    targets,
  };
}

function parseAggregateAccess(
  state: ParserState,
  scope: FunctionScope,
  opcode: "extractvalue" | "insertvalue",
): Instruction {
  const lexer = state.lexer;
  lexer.next();
  const aggregate = parseTypedValue(state, scope);
  let element: Value | undefined;
  if (opcode === "insertvalue") {
    lexer.expect(",");
    element = parseTypedValue(state, scope);
  }
  const indices: number[] = [];
  while (lexer.is(",")) {
    const comma = lexer.start;
    lexer.next();
    if (lexer.kind !== Token.Integer) {
      lexer.seek(comma);
      break;
    }
    indices.push(lexer.takeNumber());
  }
  if (element !== undefined) {
    return {
      kind: "instruction",
      type: aggregate.type,
      name: "",
      debugLocation: undefined,
      attachments: noAttachments,
      opcode: "insertvalue",
      aggregate,
      element,
      indices,
    };
  }
  const type = elementType(state, aggregate.type, indices);
  return {
    kind: "instruction",
    type,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode: "extractvalue",
    aggregate,
    indices,
  };
}

function elementType(state: ParserState, aggregate: Type, indices: readonly number[]): Type {
  let type: Type | undefined = aggregate;
  for (const index of indices) {
    if (type?.kind === "struct") type = type.fields[index];
    else if (type?.kind === "array" && index < type.count) type = type.element;
    else type = undefined;
  }
  if (type === undefined) throw state.lexer.error("index outside the aggregate");
  return type;
}
