/**
 * CO-RE lowering on unoptimised IR text: accesses through `llvm.preserve.*` become loads of relocation globals, as
 * LLVM's own BPF passes leave them before the optimiser runs. Works on lines; whatever it does not know stays as it is.
 * Facts: llvm/lib/Target/BPF/BPFAbstractMemberAccess.cpp, BPFPreserveDIType.cpp, BPFCORE.h.
 */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { CoreRelocationKind } from "@bpfkit/elf/btf";
import type { DebugNode, DebugNodes } from "../ir/index.ts";
import { printType, quoteName, sourceRange } from "../ir/index.ts";
import type { AccessCall } from "./access-chain.ts";
import { chainTo, constantOperand } from "./access-chain.ts";
import type { AccessKey } from "./access-key.ts";
import { accessKey, enumValueKey, typeInfoKey } from "./access-key.ts";
import type { CoreText } from "./core-text.ts";
import { readCoreText } from "./core-text.ts";
import { FieldInfoError } from "./field-info.ts";

/** Attribute of the globals that stand for member accesses, and of those that stand for type ids. */
const accessAttribute = "btf_ama";
const typeIdAttribute = "btf_type_id";

/** A relocation global to be declared. */
interface RelocationGlobal {
  readonly type: "i32" | "i64";
  readonly attribute: string;
  readonly node: number;
}

/** The text under construction. */
interface Lowering {
  readonly text: CoreText;
  readonly types: DebugNodes;
  readonly globals: Map<string, RelocationGlobal>;
  /** Types the passthrough barrier is needed for. */
  readonly barriers: Set<string>;
  /** Number of barriers so far: each has its own, so that none are merged. */
  sequence: number;
  typeIds: number;
  temporaries: number;
}

/**
 * Lowers the CO-RE intrinsics of a module. Text without any is returned as it is.
 * @throws BpfkitError CG010 with the line of C where an access cannot be relocated; CG001 for malformed text.
 */
export function lowerCoreAccess(irText: string): string {
  if (!irText.includes("@llvm.preserve.") && !irText.includes("@llvm.bpf.")) return irText;
  const text = readCoreText(irText);
  if (text.calls.length === 0) return irText;
  const state: Lowering = {
    text,
    types: text.types,
    globals: new Map(),
    barriers: new Set(),
    sequence: 0,
    typeIds: 0,
    temporaries: 0,
  };
  for (const call of text.calls) text.lines[call.line] = lowerCall(state, call);
  return [...text.lines, ...declarations(state), ""].join("\n");
}

/** The lines that take the place of one call. */
function lowerCall(state: Lowering, call: AccessCall): string {
  try {
    const lowered = call.isEnd ? lowerEnd(state, call) : undefined;
    return lowered ?? plainAddress(state, call);
  } catch (error) {
    if (!(error instanceof FieldInfoError)) throw error;
    const range = sourceRange(state.types, call.debugLocation);
    const message = `${error.message}: it cannot be relocated for other kernels`;
    throw new BpfkitError("CG010", message, {
      cause: error,
      diagnostics: [{ severity: "error", code: "CG010", message, ...(range === undefined ? {} : { range }) }],
    });
  }
}

function lowerEnd(state: Lowering, call: AccessCall): string | undefined {
  switch (call.kind) {
    case "type-id":
      return lowerTypeId(state, call);
    case "type-info":
      return loadInfo(state, call, typeInfoKey(state.types, call), "i32");
    case "enum-value":
      return loadInfo(state, call, enumValueKey(state.types, call, enumeratorText(state, call)), "i64");
    default:
  }
  const chain = chainTo(call);
  const key = accessKey(state.types, chain);
  if (key === undefined) return undefined;
  if (call.kind === "field-info") return loadInfo(state, call, key, "i32");
  const offset = temporary(state);
  const address = temporary(state);
  const global = declare(state, key, "i64", accessAttribute);
  const base = (chain[0] as AccessCall).base;
  return [
    `  ${offset} = load i64, ptr ${global}, align 8`,
    `  ${address} = getelementptr i8, ptr ${base}, i64 ${offset}`,
    barrier(state, call.name, "ptr", address),
  ].join("\n");
}

/** Loads a number that the loader will fill in. */
function loadInfo(state: Lowering, call: AccessCall, key: AccessKey, type: "i32" | "i64"): string {
  const global = declare(state, key, type, accessAttribute);
  const value = temporary(state);
  const load = `  ${value} = load ${type}, ptr ${global}, align ${type === "i32" ? 4 : 8}`;
  return `${load}\n${barrier(state, call.name, type, value)}`;
}

function lowerTypeId(state: Lowering, call: AccessCall): string {
  const local = call.index === 0;
  const kind = local ? CoreRelocationKind.TypeIdLocal : CoreRelocationKind.TypeIdTarget;
  let type: DebugNode | undefined = call.type;
  if (!local) {
    type = withoutConstAndVolatile(state.types, type);
    if (type !== undefined && state.types.text(type, "name") === "") {
      throw new FieldInfoError("target type id of a type without a name");
    }
  }
  if (type === undefined) throw new FieldInfoError("type id of void");
  const key = { name: `llvm.btf_type_id.${state.typeIds++}$${kind}`, type };
  const global = declare(state, key, "i64", typeIdAttribute);
  const value = temporary(state);
  const load = `  ${value} = load i64, ptr ${global}, align 8`;
  return `${load}\n${barrier(state, call.name, "i64", value)}`;
}

function withoutConstAndVolatile(types: DebugNodes, type: DebugNode | undefined): DebugNode | undefined {
  let current = type;
  for (let steps = 0; steps < 1000 && current?.tag === "DIDerivedType"; steps++) {
    const tag = types.keyword(current, "tag");
    if (tag !== "DW_TAG_const_type" && tag !== "DW_TAG_volatile_type") break;
    current = types.reference(current, "baseType");
  }
  return current;
}

/** The string behind `ptr @0` in an enumerator request. */
function enumeratorText(state: Lowering, call: AccessCall): ReturnType<CoreText["stringNamed"]> {
  const argument = call.operands[1]?.value;
  return argument?.kind === "global" ? state.text.stringNamed(argument.name) : undefined;
}

/** An access in the middle of a chain, or one that needs no relocation: the plain address. */
function plainAddress(state: Lowering, call: AccessCall): string {
  const line = state.text.lines[call.line] as string;
  const suffix = debugSuffix(line);
  switch (call.kind) {
    case "struct":
    case "array":
      return `  ${call.name} = ${plainIndexing(call)}${suffix}`;
    case "union":
      return `  ${call.name} = getelementptr i8, ptr ${call.base}, i64 0${suffix}`;
    case "enum-value":
    case "type-id":
      return `  ${call.name} = add i64 0, 0${suffix}`;
    default:
      return `  ${call.name} = add i32 0, 0${suffix}`;
  }
}

/** The getelementptr that a struct or array access is without relocation. */
function plainIndexing(call: AccessCall): string {
  const [base, second, third] = call.operands;
  const element = base?.elementType;
  if (base === undefined || second === undefined || element === undefined) {
    throw new FieldInfoError("access to a field of unknown type");
  }
  const array = call.kind === "array";
  const dimension = array ? constantOperand(second) : 1;
  const index = array ? (third?.text ?? "0") : second.text;
  const zeros = "i32 0, ".repeat(Math.min(dimension, 16));
  return `getelementptr inbounds ${printType(element)}, ptr ${base.text}, ${zeros}i32 ${index}`;
}

function debugSuffix(line: string): string {
  return /, !dbg ![0-9]+/.exec(line)?.[0] ?? "";
}

/** The call that hides where a value comes from, so that the optimiser does not merge or move it. */
function barrier(state: Lowering, name: string, type: "ptr" | "i32" | "i64", value: string): string {
  const overload = type === "ptr" ? "p0" : type;
  state.barriers.add(type);
  const sequence = state.sequence++;
  return `  ${name} = call ${type} @llvm.bpf.passthrough.${overload}.${overload}(i32 ${sequence}, ${type} ${value})`;
}

function temporary(state: Lowering): string {
  return `%core.${state.temporaries++}`;
}

function declare(state: Lowering, key: AccessKey, type: "i32" | "i64", attribute: string): string {
  if (!state.globals.has(key.name)) state.globals.set(key.name, { type, attribute, node: key.type.id });
  return `@${quoteName(key.name)}`;
}

function declarations(state: Lowering): string[] {
  const lines: string[] = [];
  const groups = new Map<string, number>();
  let nextGroup = state.text.firstFreeGroup;
  for (const [name, { type, attribute, node }] of state.globals) {
    let group = groups.get(attribute);
    if (group === undefined) {
      group = nextGroup++;
      groups.set(attribute, group);
    }
    lines.push(
      `@${quoteName(name)} = external global ${type}, !llvm.preserve.access.index !${node} #${group}`,
    );
  }
  for (const type of state.barriers) {
    const overload = type === "ptr" ? "p0" : type;
    const name = `@llvm.bpf.passthrough.${overload}.${overload}`;
    if (!state.text.declared.has(name)) lines.push(`declare ${type} ${name}(i32, ${type})`);
  }
  for (const [attribute, group] of groups) lines.push(`attributes #${group} = { "${attribute}" }`);
  return lines;
}
