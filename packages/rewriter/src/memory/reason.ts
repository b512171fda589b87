/** Says why an expression is a read of kernel or user memory, for `--explain`. */
import type { ExtentFinder } from "../ast/extent.ts";
import { type AstNode, childOf, withoutCasts } from "../ast/node.ts";
import { calleeOf } from "../maps/calls.ts";
import type { PointerAnalysis } from "./pointer-analysis.ts";

/** What reasons are made from. */
export interface ReasonContext {
  readonly analysis: PointerAnalysis;
  readonly extents: ExtentFinder;
  readonly texts: ReadonlyMap<string, string>;
}

/** `p is an argument of the program f: it points into kernel memory`. */
export function reasonOf(loaded: AstNode, kind: "kernel" | "user", context: ReasonContext): string {
  const end = `points into ${kind} memory`;
  const root = rootOf(loaded);
  const name = root.referencedDecl?.name;
  if (name === undefined) {
    const callee = calleeOf(root);
    return callee === undefined ? `it ${end}` : `what ${callee} returns ${end}`;
  }
  const { analysis } = context;
  for (const object of analysis.contentOf(analysis.locationOf(root), root)) {
    if (object.startsWith("map:"))
      return `${name} points to a value of the map ${object.slice("map:".length)}: pointers in it ${end.replace("points", "point")}`;
  }
  const cause = analysis.causeOf(root);
  if (cause === undefined) return `${name} ${end}`;
  if (cause.kind === "parameter") return `${name} is an argument of the program ${cause.program}: it ${end}`;
  const source = context.extents.find(cause.node);
  const text = context.texts.get(source?.file ?? "");
  if (source === undefined || text === undefined) return `${name} ${end}`;
  const line = text.slice(0, source.start).split("\n").length;
  const written = text.slice(source.start, source.end).replace(/\s+/g, " ");
  return `${name} is set from ${written} in line ${line}: it ${end}`;
}

/** The variable or call that an expression's pointers start from. */
function rootOf(node: AstNode): AstNode {
  let current = withoutCasts(node);
  for (;;) {
    if (current.kind === "CallExpr" || current.kind === "DeclRefExpr") return current;
    const child = childOf(current, 0);
    if (child === undefined) return current;
    current = withoutCasts(child);
  }
}
