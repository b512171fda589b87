/** Questions about DI types that CO-RE lowering asks: what lies under typedefs, how many elements, which member. */
import type { DebugNode, DebugNodes } from "../ir/index.ts";

const qualifiers = new Set([
  "DW_TAG_const_type",
  "DW_TAG_volatile_type",
  "DW_TAG_restrict_type",
  "DW_TAG_member",
]);
/** Typedef and qualifier chains longer than this are taken for cycles. */
const maxChain = 1000;

/** The DWARF tag of a type node; basic types have theirs implied. */
export function typeTag(types: DebugNodes, type: DebugNode): string {
  if (type.tag === "DIBasicType") return "DW_TAG_base_type";
  if (type.tag === "DISubroutineType") return "DW_TAG_subroutine_type";
  return types.keyword(type, "tag");
}

/** Removes const, volatile, restrict and member wrappers, and typedefs unless they are to be kept. */
export function stripQualifiers(
  types: DebugNodes,
  type: DebugNode | undefined,
  options: { keepTypedef: boolean } = { keepTypedef: false },
): DebugNode | undefined {
  let current = type;
  for (let steps = 0; current !== undefined && steps < maxChain; steps++) {
    if (current.tag !== "DIDerivedType") return current;
    const tag = types.keyword(current, "tag");
    const strip = qualifiers.has(tag) || (tag === "DW_TAG_typedef" && !options.keepTypedef);
    if (!strip) return current;
    current = types.reference(current, "baseType");
  }
  return undefined;
}

/** Elements of an array type, from dimension `first` on: the product of its subrange counts. */
export function arrayElements(types: DebugNodes, array: DebugNode, first: number): number {
  let product = 1;
  const dimensions = types.nodes(array, "elements");
  for (let index = first; index < dimensions.length; index++) {
    const dimension = dimensions[index] as DebugNode;
    if (dimension.tag === "DISubrange") product *= types.number(dimension, "count");
  }
  return product;
}

/** Whole bytes of a type. */
export function typeBytes(types: DebugNodes, type: DebugNode | undefined): number {
  return type === undefined ? 0 : Math.floor(types.number(type, "size") / 8);
}

/** The member (or enumerator) of a composite type at an index, as its element list counts. */
export function memberAt(types: DebugNodes, composite: DebugNode, index: number): DebugNode | undefined {
  return types.resolve(types.tuple(composite, "elements")[index]);
}

/** True for bit-field members. */
export function isBitField(types: DebugNodes, member: DebugNode): boolean {
  return types.hasFlag(member, "flags", "DIFlagBitField");
}
