/** Finds the CO-RE intrinsic calls in IR text and links them into chains, reading no more of the text than it must. */

import { CoreRelocationKind } from "@bpfkit/elf/btf";
import { FunctionScope } from "../ir/function-scope.ts";
import type { Constant } from "../ir/index.ts";
import { alignOf, DebugNodes } from "../ir/index.ts";
import { Token } from "../ir/lexer.ts";
import { parseAttachments } from "../ir/parse-attachments.ts";
import { parseParameterAttributes, parseResultAttributes } from "../ir/parse-attributes.ts";
import { parseConstant, startsConstant } from "../ir/parse-constant.ts";
import { parsePlainType, parseType } from "../ir/parse-type.ts";
import { parseValue } from "../ir/parse-value.ts";
import { parseTypeDefinition } from "../ir/parser.ts";
import { ParserState } from "../ir/parser-state.ts";
import type { AccessCall, AccessKind, CoreOperand } from "./access-chain.ts";
import { constantOperand, continues } from "./access-chain.ts";
import { UnnamedRecords } from "./unnamed-records.ts";

/** IR text with its CO-RE calls. */
export interface CoreText {
  /** The lines, to be replaced in place. */
  readonly lines: string[];
  readonly types: DebugNodes;
  /** All calls in order of the text, chains linked. */
  readonly calls: readonly AccessCall[];
  /** An attribute group number that is not in use, nor any above. */
  readonly firstFreeGroup: number;
  /** Names of declared functions with the sigil. */
  readonly declared: ReadonlySet<string>;
  /** The initializer of a global, parsed on demand. */
  stringNamed(name: string): Constant | undefined;
}

const intrinsics: readonly (readonly [prefix: string, kind: AccessKind])[] = [
  ["@llvm.preserve.struct.access.index", "struct"],
  ["@llvm.preserve.union.access.index", "union"],
  ["@llvm.preserve.array.access.index", "array"],
  ["@llvm.bpf.preserve.field.info", "field-info"],
  ["@llvm.bpf.preserve.type.info", "type-info"],
  ["@llvm.bpf.preserve.enum.value", "enum-value"],
  ["@llvm.bpf.btf.type.id", "type-id"],
];

/** What the scan over the lines collects. */
interface Scan {
  readonly state: ParserState;
  readonly types: DebugNodes;
  readonly lines: readonly string[];
  /** Offset of each line in the text. */
  readonly offsets: readonly number[];
}

/** A run of lines that is one function body with CO-RE calls in it. */
interface Body {
  readonly first: number;
  readonly end: number;
  /** Lines with calls. */
  readonly callLines: readonly number[];
}

/** Reads the text. @throws BpfkitError CG001 where a line that matters is malformed. */
export function readCoreText(text: string): CoreText {
  const state = new ParserState(text, "IR");
  const lines = text.split("\n");
  const offsets: number[] = [];
  let offset = 0;
  for (const line of lines) {
    offsets.push(offset);
    offset += line.length + 1;
  }
  const scan = { state, types: new DebugNodes(state.metadata), lines, offsets };
  const outline = readOutline(scan);
  const calls: AccessCall[] = [];
  for (const body of outline.bodies) calls.push(...readBody(scan, body));
  return {
    lines,
    types: scan.types,
    calls,
    firstFreeGroup: outline.firstFreeGroup,
    declared: outline.declared,
    stringNamed: (name) => readInitializer(scan, outline.globals.get(name)),
  };
}

/** Top-level definitions: types are parsed, metadata and globals only located. */
function readOutline(scan: Scan): {
  bodies: Body[];
  declared: Set<string>;
  globals: Map<string, number>;
  firstFreeGroup: number;
} {
  const { state, lines } = scan;
  const bodies: Body[] = [];
  const declared = new Set<string>();
  const globals = new Map<string, number>();
  let firstFreeGroup = 0;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string;
    switch (line.charCodeAt(0)) {
      case 33: {
        const equals = /^!([0-9]{1,9}) = /.exec(line);
        if (equals !== null) state.metadata.record(Number(equals[1]), lineStart(scan, at) + equals[0].length);
        break;
      }
      case 37:
        state.lexer.seek(lineStart(scan, at));
        parseTypeDefinition(state);
        break;
      case 64: {
        const name = /^@([-a-zA-Z$._0-9]+|"[^"]*")/.exec(line)?.[1];
        if (name !== undefined) globals.set(name.replace(/^"|"$/g, ""), at);
        break;
      }
      case 97: {
        const group = /^attributes #([0-9]{1,9}) /.exec(line)?.[1];
        if (group !== undefined) firstFreeGroup = Math.max(firstFreeGroup, Number(group) + 1);
        break;
      }
      case 100: {
        if (line.startsWith("declare ")) declared.add(/@[-a-zA-Z$._0-9]+/.exec(line)?.[0] ?? "");
        else if (line.startsWith("define ")) {
          const body = outlineBody(scan, at + 1);
          if (body.callLines.length > 0) bodies.push(body);
          at = body.end;
        }
        break;
      }
      default:
    }
  }
  return { bodies, declared, globals, firstFreeGroup };
}

function lineStart(scan: Scan, line: number): number {
  return scan.offsets[line] as number;
}

function outlineBody(scan: Scan, first: number): Body {
  const callLines: number[] = [];
  let at = first;
  for (; at < scan.lines.length; at++) {
    const line = scan.lines[at] as string;
    if (line.startsWith("}")) break;
    if (line.includes("@llvm.") && intrinsicOf(line) !== undefined) callLines.push(at);
  }
  return { first, end: at, callLines };
}

function intrinsicOf(line: string): AccessKind | undefined {
  const at = line.indexOf("@llvm.");
  for (const [prefix, kind] of intrinsics) if (line.startsWith(prefix, at)) return kind;
  return undefined;
}

function readBody(scan: Scan, body: Body): AccessCall[] {
  const subprogram = /^define .*? !dbg !(\d{1,9})\b/.exec(scan.lines[body.first - 1] as string)?.[1];
  const node = subprogram === undefined ? undefined : scan.types.get(Number(subprogram));
  const records = new UnnamedRecords(scan.types, node);
  const calls = body.callLines.map((line) => readCall(scan, line, records));
  const byName = new Map(calls.map((call) => [call.name, call]));
  const byLine = new Map(calls.map((call) => [call.line, call]));
  const tracked = new Map<string, AccessCall>(byName);
  for (let at = body.first; at < body.end; at++) {
    const line = scan.lines[at] as string;
    if (!line.includes("%") || line.includes("#dbg_")) continue;
    readUses(scan, line, byLine.get(at), tracked);
  }
  return calls;
}

/** Looks at what one line uses: a chain goes on, passes through an all-zero getelementptr, or ends. */
function readUses(
  scan: Scan,
  line: string,
  user: AccessCall | undefined,
  tracked: Map<string, AccessCall>,
): void {
  const defined = /^\s*(%(?:[-a-zA-Z$._0-9]+|"[^"]*")) = /.exec(line);
  const body = defined === null ? line : line.slice(defined[0].length);
  for (const [name] of body.matchAll(/%(?:[-a-zA-Z$._0-9]+|"[^"]*")/g)) {
    const call = tracked.get(name);
    if (call === undefined) continue;
    if (user !== undefined) {
      if (user.base === name && continues(scan.types, call, user)) user.parent = call;
      else call.isEnd = true;
    } else if (defined !== null && isZeroGep(body, name)) tracked.set(defined[1] as string, call);
    else call.isEnd = true;
  }
}

function isZeroGep(body: string, pointer: string): boolean {
  if (!body.startsWith("getelementptr ")) return false;
  const at = body.indexOf(`, ptr ${pointer},`);
  return at > 0 && /^(, i(32|64) 0)+(, !.*)?$/.test(body.slice(at + `, ptr ${pointer}`.length));
}

/** Parses `%x = call T @llvm...(arguments), !dbg !1, !llvm.preserve.access.index !2`. */
function readCall(scan: Scan, line: number, records: UnnamedRecords): AccessCall {
  const { state } = scan;
  const lexer = state.lexer;
  const kind = intrinsicOf(scan.lines[line] as string) as AccessKind;
  lexer.seek(lineStart(scan, line));
  const nameStart = lexer.start;
  const nameEnd = lexer.end;
  lexer.take(Token.Local, "a name");
  lexer.expect("=");
  lexer.acceptWord("tail");
  lexer.expectWord("call");
  parseResultAttributes(state);
  parseType(state);
  lexer.take(Token.Global, "an intrinsic");
  const operands = readOperands(state);
  while (!lexer.at(Token.End) && !lexer.is(",") && !lexer.startsLine) lexer.next();
  const attachments: { name: string; id: number }[] = [];
  let debugLocation: number | undefined;
  while (!lexer.startsLine && lexer.accept(",")) {
    debugLocation = parseAttachments(state, attachments) ?? debugLocation;
  }
  const access = attachments.find((each) => each.name === "llvm.preserve.access.index");
  const base = operands[0] as CoreOperand;
  const type = scan.types.get(access?.id);
  return {
    kind,
    operands,
    debugLocation,
    line,
    name: lexer.text.slice(nameStart, nameEnd),
    type: kind === "struct" || kind === "union" ? records.named(type) : type,
    index: indexOf(kind, operands),
    recordAlign: base.elementType === undefined ? 1 : alignOf(base.elementType),
    base: base.text,
    parent: undefined,
    isEnd: false,
  };
}

/** Relocation kinds by the flag of the intrinsics that ask about types and enumerators. */
const typeInfoKinds = [
  CoreRelocationKind.TypeExists,
  CoreRelocationKind.TypeSize,
  CoreRelocationKind.TypeMatches,
] as const;
const enumValueKinds = [CoreRelocationKind.EnumValueExists, CoreRelocationKind.EnumValue] as const;

function indexOf(kind: AccessKind, operands: readonly CoreOperand[]): number {
  const position = kind === "struct" || kind === "array" || kind === "enum-value" ? 2 : 1;
  const value = constantOperand(operands[position]);
  if (kind === "type-info") return typeInfoKinds[value] ?? -1;
  if (kind === "enum-value") return enumValueKinds[value] ?? -1;
  return value;
}

function readOperands(state: ParserState): CoreOperand[] {
  const lexer = state.lexer;
  const scope = new FunctionScope();
  const operands: CoreOperand[] = [];
  lexer.expect("(");
  do {
    const type = parsePlainType(state);
    const attributes = parseParameterAttributes(state, startsConstant);
    const start = lexer.start;
    const value = parseValue(state, scope, type);
    const element = attributes.get("elementtype");
    const elementType = typeof element === "object" ? element : undefined;
    operands.push({ text: lexer.text.slice(start, lexer.start).trimEnd(), value, elementType });
  } while (lexer.accept(","));
  lexer.expect(")");
  return operands;
}

/** `@0 = private constant [8 x i8] c"ONE:1\00"`: the value of the constant. */
function readInitializer(scan: Scan, line: number | undefined): Constant | undefined {
  if (line === undefined) return undefined;
  const lexer = scan.state.lexer;
  lexer.seek(lineStart(scan, line));
  while (!lexer.isWord("constant") && !lexer.isWord("global")) {
    if (lexer.at(Token.End)) return undefined;
    lexer.next();
  }
  lexer.next();
  return parseConstant(scan.state, parseType(scan.state));
}
