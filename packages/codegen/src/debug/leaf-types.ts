/** The BTF kinds that are read straight off one DI node: integers, floats, enums, members of structs. */
import type { BtfMember, BtfType } from "@bpfkit/elf/btf";
import type { DebugNode, DebugNodes } from "../ir/index.ts";
import type { TypeDrafts } from "./type-drafts.ts";

const integerEncodings = new Set([
  "DW_ATE_boolean",
  "DW_ATE_signed",
  "DW_ATE_signed_char",
  "DW_ATE_unsigned",
  "DW_ATE_unsigned_char",
  "DW_ATE_UTF",
]);

function isSigned(encoding: string): boolean {
  return encoding === "DW_ATE_signed" || encoding === "DW_ATE_signed_char";
}

/** An integer or a float; undefined for encodings BTF does not know (complex, decimal). */
export function basicType(nodes: DebugNodes, type: DebugNode): (() => BtfType) | undefined {
  const encoding = nodes.keyword(type, "encoding");
  const name = nodes.text(type, "name");
  const bits = nodes.number(type, "size");
  const size = Math.ceil(bits / 8);
  if (encoding === "DW_ATE_float") return () => ({ kind: "float", name, size });
  if (!integerEncodings.has(encoding)) return undefined;
  const signed = isSigned(encoding);
  const bool = encoding === "DW_ATE_boolean";
  return () => ({ kind: "int", name, size, bits, bitOffset: 0, signed, char: false, bool });
}

/** The type LLVM invents for array indices. */
export function arrayIndexType(): BtfType {
  const name = "__ARRAY_SIZE_TYPE__";
  return { kind: "int", name, size: 4, bits: 32, bitOffset: 0, signed: false, char: false, bool: false };
}

/** An enum, with 64-bit values where its base type has 64 bits; without values it is a declaration. */
export function enumType(nodes: DebugNodes, type: DebugNode): () => BtfType {
  const base = nodes.reference(type, "baseType");
  const signed = base !== undefined && isSigned(nodes.keyword(base, "encoding"));
  const bits = base === undefined ? 32 : nodes.number(base, "size");
  const name = nodes.text(type, "name");
  const size = Math.ceil(nodes.number(type, "size") / 8);
  const values = nodes
    .nodes(type, "elements")
    .map((each) => ({ name: nodes.text(each, "name"), value: nodes.bigint(each, "value") ?? 0n }));
  if (bits > 32) {
    const wide = values.map((each) => ({
      name: each.name,
      value: signed ? BigInt.asIntN(64, each.value) : BigInt.asUintN(64, each.value),
    }));
    return () => ({ kind: "enum64", name, size, signed, values: wide });
  }
  const narrow = values.map((each) => ({
    name: each.name,
    value: Number(signed ? BigInt.asIntN(32, each.value) : BigInt.asUintN(32, each.value)),
  }));
  return () => ({ kind: "enum", name, size, signed, values: narrow });
}

/** A struct or union; member types are looked up when it is completed. */
export function structType(
  drafts: TypeDrafts,
  type: DebugNode,
  members: readonly DebugNode[],
): () => BtfType {
  const { nodes } = drafts;
  const isUnion = nodes.keyword(type, "tag") === "DW_TAG_union_type";
  const name = nodes.text(type, "name");
  const size = Math.ceil(nodes.number(type, "size") / 8);
  const member = (node: DebugNode): BtfMember => ({
    name: nodes.text(node, "name"),
    type: drafts.idOf(nodes.reference(node, "baseType")),
    bitOffset: nodes.number(node, "offset"),
    bitSize: nodes.hasFlag(node, "flags", "DIFlagBitField") ? nodes.number(node, "size") : 0,
  });
  return () => ({ kind: isUnion ? "union" : "struct", name, size, members: members.map(member) });
}
