/** The line of C behind a debug location. */
import type { SourceRange } from "@bpfkit/base/diagnostics";
import type { DebugNode, DebugNodes } from "./debug-nodes.ts";

/** A scope chain longer than this is taken for a cycle. */
const maxScopes = 10_000;

/** The path of a DIFile: the directory is put in front of relative names when asked for. */
export function fileName(nodes: DebugNodes, file: DebugNode | undefined): string {
  return file === undefined ? "" : nodes.text(file, "filename");
}

/** The file of the scope a location or a scope lies in: a block or function without a file asks its own scope. */
export function scopeFile(nodes: DebugNodes, scope: DebugNode | undefined): DebugNode | undefined {
  let current = scope;
  for (let steps = 0; current !== undefined && steps < maxScopes; steps++) {
    if (current.tag === "DIFile") return current;
    const file = nodes.reference(current, "file");
    if (file !== undefined) return file;
    current = nodes.reference(current, "scope");
  }
  return undefined;
}

/** The place in C of the DILocation with this metadata id; undefined where it names none. */
export function sourceRange(nodes: DebugNodes, location: number | undefined): SourceRange | undefined {
  const node = nodes.get(location);
  if (node?.tag !== "DILocation") return undefined;
  const file = fileName(nodes, scopeFile(nodes, nodes.reference(node, "scope")));
  const line = nodes.number(node, "line");
  if (file === "" || line === 0) return undefined;
  return { file, line, column: Math.max(1, nodes.number(node, "column")) };
}
