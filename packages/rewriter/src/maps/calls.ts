/** Recognises `map.method(...)` and calls by name in the AST. */
import { type AstNode, childOf, withoutImplicit } from "../ast/node.ts";

/** A call of a map's method. */
export interface MapCall {
  readonly map: string;
  readonly method: string;
  /** The member expression `map.method`. */
  readonly callee: AstNode;
}

/** The method call that a CallExpr is, if it is one. */
export function mapCallOf(node: AstNode, maps: ReadonlySet<string>): MapCall | undefined {
  const first = childOf(node, 0);
  if (first === undefined) return undefined;
  const callee = withoutImplicit(first);
  if (callee.kind !== "MemberExpr" || callee.name === undefined) return undefined;
  const base = childOf(callee, 0);
  const map = base === undefined ? undefined : withoutImplicit(base).referencedDecl?.name;
  if (map === undefined || !maps.has(map)) return undefined;
  return { map, method: callee.name, callee };
}

/** Name of the function that a CallExpr calls, also through a helper's function pointer. */
export function calleeOf(node: AstNode): string | undefined {
  const first = childOf(node, 0);
  return first === undefined ? undefined : withoutImplicit(first).referencedDecl?.name;
}
