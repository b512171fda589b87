/** Parses instructions on memory: alloca, load, store, getelementptr and the atomics. */
import { alignOf } from "./data-layout.ts";
import type { FunctionScope } from "./function-scope.ts";
import type {
  AllocaInstruction,
  AtomicRmwInstruction,
  CompareExchangeInstruction,
  FenceInstruction,
  GepInstruction,
  LoadInstruction,
  Ordering,
  StoreInstruction,
} from "./instruction.ts";
import { Token } from "./lexer.ts";
import { skipParentheses } from "./parse-symbol-prefix.ts";
import { parseType } from "./parse-type.ts";
import { noAttachments, parseTypedValue } from "./parse-value.ts";
import type { ParserState } from "./parser-state.ts";
import type { Type } from "./type.ts";
import { i1, literalStruct, pointerType, voidType } from "./type.ts";
import type { Value } from "./value.ts";
import { intOf } from "./value.ts";

const orderings = new Set(["unordered", "monotonic", "acquire", "release", "acq_rel", "seq_cst"]);

function parseOrdering(state: ParserState): Ordering {
  const lexer = state.lexer;
  if (lexer.kind !== Token.Word || !orderings.has(lexer.value)) throw lexer.error("expected an ordering");
  const ordering = lexer.value as Ordering;
  lexer.next();
  return ordering;
}

function parseSyncScope(state: ParserState): string {
  const lexer = state.lexer;
  if (!lexer.acceptWord("syncscope")) return "";
  lexer.expect("(");
  const scope = lexer.take(Token.Text, "a scope");
  lexer.expect(")");
  return scope;
}

/** `, align 8` if it is there; else the type's own alignment. Other `, !...` parts are left for the caller. */
function parseAlign(state: ParserState, type: Type): number {
  const lexer = state.lexer;
  if (!lexer.is(",")) return alignOf(type);
  const comma = lexer.start;
  lexer.next();
  if (lexer.acceptWord("align")) return lexer.takeNumber();
  lexer.seek(comma);
  return alignOf(type);
}

/** Parses an alloca. */
export function parseAlloca(state: ParserState, scope: FunctionScope): AllocaInstruction {
  const lexer = state.lexer;
  lexer.next();
  lexer.acceptWord("inalloca");
  lexer.acceptWord("swifterror");
  const allocatedType = parseType(state);
  let count: Value = intOf(32, 1);
  let align: number | undefined;
  let space = 0;
  while (lexer.is(",")) {
    const comma = lexer.start;
    lexer.next();
    if (lexer.acceptWord("align")) align = lexer.takeNumber();
    else if (lexer.acceptWord("addrspace")) {
      lexer.expect("(");
      space = lexer.takeNumber();
      lexer.expect(")");
    } else if (lexer.kind === Token.Metadata) {
      lexer.seek(comma);
      break;
    } else count = parseTypedValue(state, scope);
  }
  align ??= alignOf(allocatedType);
  return {
    kind: "instruction",
    type: pointerType(space),
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode: "alloca",
    allocatedType,
    count,
    align,
  };
}

/** Parses a load. */
export function parseLoad(state: ParserState, scope: FunctionScope): LoadInstruction {
  const lexer = state.lexer;
  lexer.next();
  const atomic = lexer.acceptWord("atomic");
  const volatile = lexer.acceptWord("volatile");
  const type = parseType(state);
  lexer.expect(",");
  const pointer = parseTypedValue(state, scope);
  parseSyncScope(state);
  const ordering = atomic ? parseOrdering(state) : "notatomic";
  const align = parseAlign(state, type);
  return {
    kind: "instruction",
    type,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode: "load",
    pointer,
    align,
    volatile,
    ordering,
  };
}

/** Parses a store. */
export function parseStore(state: ParserState, scope: FunctionScope): StoreInstruction {
  const lexer = state.lexer;
  lexer.next();
  const atomic = lexer.acceptWord("atomic");
  const volatile = lexer.acceptWord("volatile");
  const value = parseTypedValue(state, scope);
  lexer.expect(",");
  const pointer = parseTypedValue(state, scope);
  parseSyncScope(state);
  const ordering = atomic ? parseOrdering(state) : "notatomic";
  const align = parseAlign(state, value.type);
  return {
    kind: "instruction",
    type: voidType,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode: "store",
    value,
    pointer,
    align,
    volatile,
    ordering,
  };
}

/** Parses a getelementptr. */
export function parseGep(state: ParserState, scope: FunctionScope): GepInstruction {
  const lexer = state.lexer;
  lexer.next();
  let inbounds = false;
  while (lexer.isWord("inbounds") || lexer.isWord("nuw") || lexer.isWord("nusw") || lexer.isWord("inrange")) {
    if (lexer.value === "inbounds") inbounds = true;
    const range = lexer.value === "inrange";
    lexer.next();
    if (range) skipParentheses(state);
  }
  const sourceType = parseType(state);
  lexer.expect(",");
  const pointer = parseTypedValue(state, scope);
  const indices: Value[] = [];
  while (lexer.is(",")) {
    const comma = lexer.start;
    lexer.next();
    if (lexer.kind === Token.Metadata) {
      lexer.seek(comma);
      break;
    }
    indices.push(parseTypedValue(state, scope));
  }
  return {
    kind: "instruction",
    type: pointer.type,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode: "gep",
    sourceType,
    pointer,
    indices,
    inbounds,
  };
}

/** Parses an atomicrmw. */
export function parseAtomicRmw(state: ParserState, scope: FunctionScope): AtomicRmwInstruction {
  const lexer = state.lexer;
  lexer.next();
  const volatile = lexer.acceptWord("volatile");
  const operation = lexer.take(Token.Word, "an operation");
  const pointer = parseTypedValue(state, scope);
  lexer.expect(",");
  const value = parseTypedValue(state, scope);
  parseSyncScope(state);
  const ordering = parseOrdering(state);
  const align = parseAlign(state, value.type);
  return {
    kind: "instruction",
    type: value.type,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode: "atomicrmw",
    operation,
    pointer,
    value,
    ordering,
    volatile,
    align,
  };
}

/** Parses a cmpxchg. */
export function parseCompareExchange(state: ParserState, scope: FunctionScope): CompareExchangeInstruction {
  const lexer = state.lexer;
  lexer.next();
  const weak = lexer.acceptWord("weak");
  const volatile = lexer.acceptWord("volatile");
  const pointer = parseTypedValue(state, scope);
  lexer.expect(",");
  const expected = parseTypedValue(state, scope);
  lexer.expect(",");
  const replacement = parseTypedValue(state, scope);
  parseSyncScope(state);
  const successOrdering = parseOrdering(state);
  const failureOrdering = parseOrdering(state);
  const align = parseAlign(state, expected.type);
  return {
    kind: "instruction",
    type: literalStruct([expected.type, i1]),
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode: "cmpxchg",
    pointer,
    expected,
    replacement,
    successOrdering,
    failureOrdering,
    volatile,
    weak,
    align,
  };
}

/** Parses a fence. */
export function parseFence(state: ParserState): FenceInstruction {
  state.lexer.next();
  const syncScope = parseSyncScope(state);
  const ordering = parseOrdering(state);
  return {
    kind: "instruction",
    type: voidType,
    name: "",
    debugLocation: undefined,
    attachments: noAttachments,
    opcode: "fence",
    ordering,
    syncScope,
  };
}
