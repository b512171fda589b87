/** Parses LLVM IR text, as LLVM 19 to 22 print it, into a module. What is not needed is skipped, not refused. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { IrFunction } from "./function.ts";
import type { Attachment } from "./instruction.ts";
import { Token } from "./lexer.ts";
import type { IrAlias, IrGlobal, IrModule } from "./module.ts";
import { parseAttachments, parseNodeReference } from "./parse-attachments.ts";
import { noAttributes, parseAttributeGroup, parseFunctionAttributes } from "./parse-attributes.ts";
import { parseConstant, parseTypedConstant, startsConstant } from "./parse-constant.ts";
import { parseFunction } from "./parse-function.ts";
import type { SymbolPrefix } from "./parse-symbol-prefix.ts";
import { parseSymbolPrefix, skipParentheses } from "./parse-symbol-prefix.ts";
import { parseStructBody, parseType } from "./parse-type.ts";
import type { IrSymbol } from "./parser-state.ts";
import { ParserState } from "./parser-state.ts";
import type { StructType, Type } from "./type.ts";
import { pointerType, ptr } from "./type.ts";
import type { Attributes, Constant } from "./value.ts";

/** Nesting of named structs beyond which a module is refused. */
const maxTypeDepth = 200;

/** The module under construction. */
interface Draft {
  sourceFileName: string;
  dataLayout: string;
  targetTriple: string;
  readonly moduleAssembly: string[];
  readonly globals: IrGlobal[];
  readonly functions: IrFunction[];
  readonly aliases: IrAlias[];
  readonly namedMetadata: Map<string, number[]>;
}

/**
 * Parses LLVM IR text. Numbered metadata is only indexed; each node is parsed when it is first asked for.
 * @throws BpfkitError CG001 with the line and column in the text where it is malformed.
 */
export function parseIr(text: string, fileName: string): IrModule {
  const state = new ParserState(text, fileName);
  const draft: Draft = {
    sourceFileName: fileName,
    dataLayout: "",
    targetTriple: "",
    moduleAssembly: [],
    globals: [],
    functions: [],
    aliases: [],
    namedMetadata: new Map(),
  };
  state.lexer.next();
  while (state.lexer.kind !== Token.End) parseTopLevel(state, draft);
  finish(state);
  return {
    ...draft,
    types: state.types,
    symbols: state.symbols,
    attributeGroups: state.groups,
    metadata: state.metadata,
  };
}

function parseTopLevel(state: ParserState, draft: Draft): void {
  const lexer = state.lexer;
  switch (lexer.kind) {
    case Token.Metadata:
      parseTopLevelMetadata(state, draft);
      return;
    case Token.Global:
      parseGlobal(state, draft);
      return;
    case Token.Local:
      parseTypeDefinition(state);
      return;
    case Token.Comdat:
      lexer.skipLine();
      return;
    case Token.Word:
      parseTopLevelWord(state, draft);
      return;
    case Token.Punct:
      if (lexer.is("^")) {
        lexer.skipLine();
        return;
      }
      break;
    default:
  }
  throw lexer.error("expected a definition");
}

function parseTopLevelWord(state: ParserState, draft: Draft): void {
  const lexer = state.lexer;
  switch (lexer.value) {
    case "define":
    case "declare":
      draft.functions.push(parseFunction(state));
      return;
    case "attributes":
      parseAttributeGroup(state);
      return;
    case "source_filename":
      lexer.next();
      lexer.expect("=");
      draft.sourceFileName = lexer.take(Token.Text, "a file name");
      return;
    case "target":
      parseTarget(state, draft);
      return;
    case "module":
      lexer.next();
      lexer.expectWord("asm");
      draft.moduleAssembly.push(lexer.take(Token.Text, "assembly text"));
      return;
    case "uselistorder":
    case "uselistorder_bb":
      lexer.skipLine();
      return;
    default:
      throw lexer.error("expected a definition");
  }
}

function parseTarget(state: ParserState, draft: Draft): void {
  const lexer = state.lexer;
  lexer.next();
  const what = lexer.take(Token.Word, "'datalayout' or 'triple'");
  lexer.expect("=");
  const text = lexer.take(Token.Text, "a string");
  if (what === "triple") draft.targetTriple = text;
  else draft.dataLayout = text;
}

function parseTopLevelMetadata(state: ParserState, draft: Draft): void {
  const lexer = state.lexer;
  const name = lexer.value;
  const first = name.charCodeAt(0);
  if (first >= 48 && first <= 57) {
    const id = lexer.takeNumberOf();
    if (!lexer.is("=")) throw lexer.error("expected '='");
    state.metadata.record(id, lexer.end);
    lexer.skipLine();
    return;
  }
  lexer.next();
  lexer.expect("=");
  lexer.expect("!");
  lexer.expect("{");
  const ids: number[] = [];
  if (!lexer.is("}")) {
    do ids.push(parseNodeReference(state));
    while (lexer.accept(","));
  }
  lexer.expect("}");
  draft.namedMetadata.set(name, ids);
}

/** Parses `%name = type ...`. */
export function parseTypeDefinition(state: ParserState): void {
  const lexer = state.lexer;
  const type = state.structNamed(lexer.value);
  lexer.next();
  lexer.expect("=");
  lexer.expectWord("type");
  if (lexer.acceptWord("opaque")) return;
  const packed = lexer.accept("<");
  const body = parseStructBody(state, packed) as StructType;
  if (packed) lexer.expect(">");
  type.fields = body.fields;
  type.packed = packed;
  type.opaque = false;
}

function parseGlobal(state: ParserState, draft: Draft): void {
  const lexer = state.lexer;
  const name = lexer.value;
  lexer.next();
  lexer.expect("=");
  const prefix = parseSymbolPrefix(state);
  let threadLocal = false;
  let unnamedAddress = false;
  let addressSpace = 0;
  for (;;) {
    if (lexer.acceptWord("thread_local")) {
      threadLocal = true;
      if (lexer.is("(")) skipParentheses(state);
    } else if (lexer.acceptWord("unnamed_addr")) unnamedAddress = true;
    else if (lexer.acceptWord("addrspace")) {
      lexer.expect("(");
      addressSpace = lexer.takeNumber();
      lexer.expect(")");
    } else if (!lexer.acceptWord("local_unnamed_addr") && !lexer.acceptWord("externally_initialized")) break;
  }
  if (lexer.isWord("alias") || lexer.isWord("ifunc")) {
    draft.aliases.push(parseAlias(state, name, prefix));
    return;
  }
  const constant = lexer.isWord("constant");
  if (!constant && !lexer.isWord("global")) throw lexer.error("expected 'global' or 'constant'");
  lexer.next();
  const valueType = parseType(state);
  const type = pointerType(addressSpace);
  const declaration =
    prefix.linkage === "extern_weak" || (prefix.explicitLinkage && prefix.linkage === "external");
  const initializer = declaration ? undefined : parseConstant(state, valueType);
  const { linkage, visibility } = prefix;
  const head = { kind: "global" as const, type, name, valueType, linkage, visibility, threadLocal };
  const suffix = parseGlobalSuffix(state);
  draft.globals.push(
    state.defineSymbol<IrGlobal>({ ...head, constant, unnamedAddress, initializer, ...suffix }),
  );
}

type GlobalSuffix = Pick<IrGlobal, "section" | "align" | "attributes" | "debugVariables" | "attachments">;

/** `, section "x", align 8, !dbg !1 #0`, in any order. */
function parseGlobalSuffix(state: ParserState): GlobalSuffix {
  const lexer = state.lexer;
  let section: string | undefined;
  let align: number | undefined;
  const debugVariables: number[] = [];
  const attachments: Attachment[] = [];
  while (lexer.accept(",")) {
    if (lexer.kind === Token.Metadata) {
      const debug = parseAttachments(state, attachments);
      if (debug !== undefined) debugVariables.push(debug);
      continue;
    }
    const word = lexer.take(Token.Word, "a property of the variable");
    if (word === "section") section = lexer.take(Token.Text, "the name of a section");
    else if (word === "align") align = lexer.takeNumber();
    else if (word === "comdat") {
      if (lexer.is("(")) skipParentheses(state);
    } else if (word === "partition" || word === "code_model") lexer.take(Token.Text, "a string");
    else if (!word.startsWith("no_sanitize") && !word.startsWith("sanitize")) {
      throw lexer.error(`unknown property '${word}' of a variable`);
    }
  }
  let attributes: Attributes = noAttributes;
  if (lexer.kind === Token.Group) attributes = parseFunctionAttributes(state, () => true);
  return { section, align, attributes, debugVariables, attachments };
}

/** What an alias stands for: `ptr @x`, or an expression, which comes without its type. */
function parseAliasee(state: ParserState): Constant {
  const { lexer } = state;
  return lexer.kind === Token.Word && startsConstant(lexer.value)
    ? parseConstant(state, ptr)
    : parseTypedConstant(state);
}

function parseAlias(state: ParserState, name: string, prefix: SymbolPrefix): IrAlias {
  const lexer = state.lexer;
  lexer.next();
  const valueType: Type = parseType(state);
  lexer.expect(",");
  const aliasee = parseAliasee(state);
  while (lexer.accept(",")) {
    lexer.expectWord("partition");
    lexer.take(Token.Text, "a string");
  }
  const { linkage, visibility } = prefix;
  const type = pointerType();
  return state.defineSymbol<IrAlias>({ kind: "alias", type, name, valueType, linkage, visibility, aliasee });
}

/** Merges attribute groups and checks what can only be checked at the end. */
function finish(state: ParserState): void {
  for (const { target, group } of state.pendingGroups) {
    for (const [name, value] of state.group(group)) if (!target.has(name)) target.set(name, value);
  }
  for (const symbol of state.undefinedSymbols as Set<IrSymbol>) {
    throw state.lexer.error(`'@${symbol.name}' is used but not defined`);
  }
  checkTypeNesting(state);
}

/** Refuses structs that contain themselves or nest too deeply, so that later passes may recurse over types. */
function checkTypeNesting(state: ParserState): void {
  const depths = new Map<StructType, number>();
  const busy = new Set<StructType>();
  for (const root of state.types.values()) {
    const stack: { type: StructType; parts: StructType[] }[] = [];
    const visit = (type: StructType): void => {
      if (depths.has(type)) return;
      if (busy.has(type)) throw state.lexer.error(`the type '%${type.name}' contains itself`);
      busy.add(type);
      stack.push({ type, parts: namedParts(type) });
    };
    visit(root);
    for (let top = stack[stack.length - 1]; top !== undefined; top = stack[stack.length - 1]) {
      const part = top.parts.pop();
      if (part !== undefined) {
        visit(part);
        continue;
      }
      stack.pop();
      busy.delete(top.type);
      const depth = 1 + Math.max(0, ...namedParts(top.type).map((each) => depths.get(each) ?? 0));
      if (depth > maxTypeDepth) throw tooDeep(state, top.type);
      depths.set(top.type, depth);
    }
  }
}

/** Named structs inside a struct by value; literal types in between are bounded by the parser. */
function namedParts(type: StructType): StructType[] {
  const found: StructType[] = [];
  const pending: Type[] = [...type.fields];
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (part.kind === "array" || part.kind === "vector") pending.push(part.element);
    else if (part.kind === "struct") {
      if (part.name !== undefined) found.push(part);
      else pending.push(...part.fields);
    }
  }
  return found;
}

function tooDeep(state: ParserState, type: StructType): BpfkitError {
  return new BpfkitError(
    "CG001",
    `${state.lexer.fileName}: malformed LLVM IR: '%${type.name}' nests more than ${maxTypeDepth} structs`,
  );
}
