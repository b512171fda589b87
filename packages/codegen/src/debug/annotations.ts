/** `btf_decl_tag` and `btf_type_tag` attributes, which clang keeps in `annotations`. */
import type { DebugNode, DebugNodes } from "../ir/index.ts";
import type { TypeDrafts } from "./type-drafts.ts";

/** The texts of the annotations of one kind on a node, in order. */
export function annotationsOf(
  nodes: DebugNodes,
  node: DebugNode,
  kind: "btf_decl_tag" | "btf_type_tag",
): string[] {
  const texts: string[] = [];
  for (const element of nodes.tuple(node, "annotations")) {
    const [name, text] = nodes.elements(element);
    if (nodes.elementText(name) === kind) texts.push(nodes.elementText(text));
  }
  return texts;
}

/** Adds the decl tags of a node; `component` is the index of a member or parameter, -1 for the whole. */
export function addDeclTags(drafts: TypeDrafts, node: DebugNode, target: number, component: number): void {
  for (const name of annotationsOf(drafts.nodes, node, "btf_decl_tag")) {
    drafts.add(undefined, () => ({ kind: "decl_tag", name, type: target, componentIndex: component }));
  }
}

/** Adds the type tags of a pointer, innermost first; returns the outermost, or undefined where it has none. */
export function addTypeTags(
  drafts: TypeDrafts,
  pointer: DebugNode,
  pointee: () => number,
): number | undefined {
  let outer: number | undefined;
  for (const name of annotationsOf(drafts.nodes, pointer, "btf_type_tag")) {
    const inner = outer;
    outer = drafts.add(undefined, () => ({ kind: "type_tag", name, type: inner ?? pointee() }));
  }
  return outer;
}
