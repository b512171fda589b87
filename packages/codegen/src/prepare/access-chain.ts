/**
 * Calls of the CO-RE intrinsics in one function, and how they hang together: `&p->a.b[3]` is a chain of three.
 * Facts: llvm/lib/Target/BPF/BPFAbstractMemberAccess.cpp.
 */
import type { DebugNode, DebugNodes, Type, Value } from "../ir/index.ts";
import { memberAt, stripQualifiers, typeTag } from "./debug-types.ts";

/** What an intrinsic asks for. */
export type AccessKind = "array" | "union" | "struct" | "field-info" | "type-info" | "enum-value" | "type-id";

/** An argument of a call. */
export interface CoreOperand {
  /** As the text writes it, without type and attributes. */
  readonly text: string;
  readonly value: Value;
  /** The `elementtype` attribute. */
  readonly elementType: Type | undefined;
}

/** One call of a CO-RE intrinsic. */
export interface AccessCall {
  readonly kind: AccessKind;
  readonly operands: readonly CoreOperand[];
  /** Metadata id of the DILocation. */
  readonly debugLocation: number | undefined;
  /** Line number in the text, counted from 0. */
  readonly line: number;
  /** Name of the result, with quotes where the text has them. */
  readonly name: string;
  /** DI type in `!llvm.preserve.access.index`; absent for field information. */
  readonly type: DebugNode | undefined;
  /** Index of the member, union member or element; the relocation kind asked for; the flag of a type id. */
  readonly index: number;
  /** Alignment in bytes of the IR type that is indexed. */
  readonly recordAlign: number;
  /** The pointer that is indexed, as the text writes it. */
  readonly base: string;
  /** The call this one continues. */
  parent: AccessCall | undefined;
  /** True where something other than a continuing call uses the result: the chain ends here. */
  isEnd: boolean;
}

/** True where `child` goes on from what `parent` reached; otherwise C cast the pointer and a new chain starts. */
export function continues(types: DebugNodes, parent: AccessCall, child: AccessCall): boolean {
  if (parent.kind === "field-info" || parent.kind === "type-info" || parent.kind === "enum-value")
    return false;
  if (child.kind === "field-info") return true;
  const from = stripQualifiers(types, parent.type);
  const to = stripQualifiers(types, child.type);
  if (from === undefined || to === undefined || to.tag !== "DICompositeType") return false;
  if (from.tag === "DIDerivedType") {
    if (typeTag(types, from) !== "DW_TAG_pointer_type") return false;
    return stripQualifiers(types, types.reference(from, "baseType")) === to;
  }
  if (from.tag !== "DICompositeType") return false;
  if (typeTag(types, from) !== "DW_TAG_array_type") {
    return stripQualifiers(types, memberAt(types, from, parent.index)) === to;
  }
  const element = types.reference(from, "baseType");
  if (typeTag(types, to) === "DW_TAG_array_type") return element === types.reference(to, "baseType");
  return stripQualifiers(types, element) === to;
}

/** The calls from the head of the chain to `last`. */
export function chainTo(last: AccessCall): AccessCall[] {
  const chain: AccessCall[] = [];
  for (let call: AccessCall | undefined = last; call !== undefined; call = call.parent) chain.push(call);
  return chain.reverse();
}

/** The number an argument is; -1 where it is no constant. */
export function constantOperand(operand: CoreOperand | undefined): number {
  return operand?.value.kind === "int" ? Number(operand.value.value) : -1;
}
