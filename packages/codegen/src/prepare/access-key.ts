/**
 * Names of relocation globals: `llvm.<type>:<kind>:<patch immediate>$<access string>`.
 * Facts: llvm/lib/Target/BPF/BPFAbstractMemberAccess.cpp, BPFPreserveDIType.cpp.
 */
import { CoreRelocationKind } from "@bpfkit/elf/btf";
import type { Constant, DebugNode, DebugNodes } from "../ir/index.ts";
import type { AccessCall } from "./access-chain.ts";
import { arrayElements, stripQualifiers, typeBytes, typeTag } from "./debug-types.ts";
import { FieldInfoError, fieldInfo } from "./field-info.ts";

/** What a chain of accesses is replaced by. */
export interface AccessKey {
  readonly name: string;
  /** The DI type the access string starts from. */
  readonly type: DebugNode;
}

/** Where a chain starts: the type, how many calls it swallowed, the index over whole objects. */
interface ChainHead {
  readonly type: DebugNode;
  readonly typeName: string;
  /** Calls that are part of the first index. */
  readonly consumed: number;
  readonly firstIndex: number;
  readonly size: number;
}

/**
 * The key of a chain of member accesses, optionally ended by a request for field information. Undefined where the
 * chain starts from no named struct or union: such accesses are not relocated.
 * @throws FieldInfoError
 */
export function accessKey(types: DebugNodes, chain: readonly AccessCall[]): AccessKey | undefined {
  const last = chain[chain.length - 1] as AccessCall;
  const asks = last.kind === "field-info";
  const head = chainHead(types, chain);
  if (head === undefined || head.typeName === "") {
    if (asks) throw new FieldInfoError("field information of something that is no field of a named struct");
    return undefined;
  }
  const kind = asks ? last.index : CoreRelocationKind.FieldByteOffset;
  let immediate = head.firstIndex * head.size;
  let access = String(head.firstIndex);
  for (let at = head.consumed; at < chain.length; at++) {
    const call = chain[at] as AccessCall;
    if (call.kind === "field-info") {
      if (kind === CoreRelocationKind.FieldExists) immediate = 1;
      break;
    }
    access += `:${call.index}`;
    const composite = stripQualifiers(types, call.type);
    if (composite?.tag !== "DICompositeType")
      throw new FieldInfoError("access into something that is no struct");
    const asked = chain[at + 1]?.kind === "field-info" ? kind : CoreRelocationKind.FieldByteOffset;
    const step = { composite, index: call.index, recordAlign: call.recordAlign };
    immediate = fieldInfo(types, asked, step, immediate);
  }
  return { name: `llvm.${head.typeName}:${kind}:${immediate}$${access}`, type: head.type };
}

/** Finds the type a chain starts from; indices over arrays of it make the first index. */
function chainHead(types: DebugNodes, chain: readonly AccessCall[]): ChainHead | undefined {
  let firstIndex = 0;
  for (let at = 0; at < chain.length; at++) {
    const call = chain[at] as AccessCall;
    const named = stripQualifiers(types, call.type, { keepTypedef: true });
    const type = stripQualifiers(types, named);
    if (named === undefined || type === undefined) return undefined;
    if (call.kind === "struct" || call.kind === "union") {
      const size = typeBytes(types, type);
      return { type: named, typeName: types.text(named, "name"), consumed: at, firstIndex, size };
    }
    if (call.kind !== "array") return undefined;
    const element = stripQualifiers(types, types.reference(type, "baseType"));
    let isElement: boolean;
    if (type.tag === "DICompositeType") {
      firstIndex += call.index * arrayElements(types, type, 1);
      isElement = types.tuple(type, "elements").length === 1;
    } else if (element?.tag === "DICompositeType" && typeTag(types, element) === "DW_TAG_array_type") {
      firstIndex += call.index * arrayElements(types, element, 0);
      isElement = false;
    } else {
      if (element?.tag === "DICompositeType") firstIndex += call.index;
      isElement = true;
    }
    if (!isElement) continue;
    if (element?.tag !== "DICompositeType") return undefined;
    const tag = typeTag(types, element);
    if (tag !== "DW_TAG_structure_type" && tag !== "DW_TAG_union_type") return undefined;
    const size = typeBytes(types, element);
    return { type: element, typeName: types.text(element, "name"), consumed: at + 1, firstIndex, size };
  }
  return undefined;
}

/** The key of `__builtin_preserve_type_info`. @throws FieldInfoError */
export function typeInfoKey(types: DebugNodes, call: AccessCall): AccessKey {
  const type = namedType(types, call);
  let immediate = 1;
  if (call.index === CoreRelocationKind.TypeSize) immediate = typeBytes(types, stripQualifiers(types, type));
  return { name: `llvm.${types.text(type, "name")}:${call.index}:${immediate}$0`, type };
}

/**
 * The key of `__builtin_preserve_enum_value`; `described` is the string the intrinsic points to, "NAME:value".
 * @throws FieldInfoError
 */
export function enumValueKey(
  types: DebugNodes,
  call: AccessCall,
  described: Constant | undefined,
): AccessKey {
  const type = namedType(types, call);
  const composite = stripQualifiers(types, type);
  if (described?.kind !== "bytes" || composite === undefined) {
    throw new FieldInfoError("enumerator that is not known at compile time");
  }
  const text = new TextDecoder().decode(described.bytes).replace(/\0.*$/s, "");
  const separator = text.indexOf(":");
  const name = text.slice(0, separator);
  const enumerators = types.nodes(composite, "elements");
  const index = Math.max(
    0,
    enumerators.findIndex((each) => types.text(each, "name") === name),
  );
  const value = call.index === CoreRelocationKind.EnumValue ? text.slice(separator + 1) : "1";
  return { name: `llvm.${types.text(type, "name")}:${call.index}:${value}$${index}`, type };
}

function namedType(types: DebugNodes, call: AccessCall): DebugNode {
  const type = stripQualifiers(types, call.type, { keepTypedef: true });
  if (type === undefined || types.text(type, "name") === "") {
    throw new FieldInfoError("CO-RE information about a type without a name");
  }
  return type;
}
