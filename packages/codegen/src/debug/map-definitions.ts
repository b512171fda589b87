/**
 * Variables in `.maps`: loaders read key and value types from BTF, so what a map definition points to is visited
 * before anything can leave it out as a forward declaration. Facts: llvm/lib/Target/BPF/BTFDebug.cpp.
 */
import type { DebugNode } from "../ir/index.ts";
import type { TypeVisitor } from "./types.ts";

const wrappers = new Set([
  "DW_TAG_typedef",
  "DW_TAG_const_type",
  "DW_TAG_volatile_type",
  "DW_TAG_restrict_type",
]);

/** Visits the type of a map variable; returns its number. */
export function visitMapDefinition(visitor: TypeVisitor, type: DebugNode | undefined): number {
  const { nodes, drafts } = visitor;
  if (type === undefined || drafts.has(type)) return drafts.idOf(type);
  let struct: DebugNode | undefined = type;
  for (let steps = 0; steps < 1000 && struct?.tag === "DIDerivedType"; steps++) {
    if (!wrappers.has(nodes.keyword(struct, "tag"))) break;
    struct = nodes.reference(struct, "baseType");
  }
  if (struct?.tag !== "DICompositeType") return 0;
  if (nodes.keyword(struct, "tag") !== "DW_TAG_structure_type") return 0;
  if (nodes.hasFlag(struct, "flags", "DIFlagFwdDecl")) return 0;
  for (const member of nodes.nodes(struct, "elements")) visitor.visit(nodes.reference(member, "baseType"));
  return visitor.visit(type);
}
