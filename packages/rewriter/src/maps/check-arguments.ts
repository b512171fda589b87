/** Calls of map methods that compile and cannot do what was meant: numbers in place of addresses, increments without effect. */
import { type AstNode, childrenOf, typeOf, withoutImplicit } from "../ast/node.ts";
import type { Finding } from "../report.ts";

/** Methods that take addresses of keys and values only. */
const takeAddresses = new Set([
  "lookup",
  "lookup_or_try_init",
  "lookup_or_init",
  "update",
  "insert",
  "delete",
]);

/** What is wrong with a call, and with which part of it. */
export interface CallFault {
  readonly finding: Finding;
  readonly node: AstNode;
}

/**
 * Looks at one call. A number that is as wide as a pointer may be an address, and so is a warning only.
 * @param type The map's type, as BCC names it
 */
export function callFault(method: string, map: string, type: string, call: AstNode): CallFault | undefined {
  if (/^(?:atomic_)?increment$/.test(method) && /^(?:lru_|percpu_|lru_percpu_)hash$/.test(type)) {
    const message = `${method} of a ${type} map adds to keys that it has, and makes none`;
    const hint = "As in BCC. Put the key in first: lookup_or_try_init(&key, &zero).";
    return { finding: { code: "RW046", message, severity: "warning", hint }, node: call };
  }
  if (!takeAddresses.has(method)) return undefined;
  for (const argument of childrenOf(call).slice(1)) {
    const number = numberOf(argument);
    if (number === undefined) continue;
    const message = `${method} of '${map}' takes addresses, not numbers`;
    const hint = `Pass the address of a variable: ${map}.${method}(&key${method === "update" || method === "insert" ? ", &value" : ""}).`;
    const isWide = /\blong\b/.test(typeOf(number));
    return {
      finding: { code: "RW048", message, hint, ...(isWide ? { severity: "warning" } : {}) },
      node: argument,
    };
  }
  return undefined;
}

/** The number that an argument is, where clang makes a pointer of it; 0 is NULL. */
function numberOf(argument: AstNode): AstNode | undefined {
  for (
    let node: AstNode | undefined = argument;
    node?.kind === "ImplicitCastExpr";
    node = childrenOf(node)[0]
  ) {
    if (node.castKind === "IntegralToPointer") return withoutImplicit(node);
  }
  return undefined;
}
