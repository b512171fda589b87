/** Parses what stands before and between the types of functions, globals and calls. */
import type { Linkage, Visibility } from "./function.ts";
import { Token } from "./lexer.ts";
import type { ParserState } from "./parser-state.ts";

const linkages = new Set([
  "private",
  "internal",
  "weak",
  "weak_odr",
  "linkonce",
  "linkonce_odr",
  "extern_weak",
  "common",
  "appending",
  "available_externally",
  "external",
]);
const visibilities = new Set(["default", "hidden", "protected"]);
const plainPrefixes = new Set(["dso_local", "dso_preemptable", "dllimport", "dllexport"]);

/** What stands before the type of a function or global. */
export interface SymbolPrefix {
  linkage: Linkage;
  /** True where the text names the linkage, `external` included. */
  explicitLinkage: boolean;
  visibility: Visibility;
}

/** Parses linkage, preemption, visibility and DLL storage class, all optional. */
export function parseSymbolPrefix(state: ParserState): SymbolPrefix {
  const lexer = state.lexer;
  const prefix: SymbolPrefix = { linkage: "external", explicitLinkage: false, visibility: "default" };
  while (lexer.kind === Token.Word) {
    if (linkages.has(lexer.value)) {
      prefix.linkage = lexer.value as Linkage;
      prefix.explicitLinkage = true;
    } else if (visibilities.has(lexer.value)) prefix.visibility = lexer.value as Visibility;
    else if (!plainPrefixes.has(lexer.value)) break;
    lexer.next();
  }
  return prefix;
}

/** Parses a calling convention if one is there. */
export function parseCallingConvention(state: ParserState): string {
  const lexer = state.lexer;
  if (lexer.kind !== Token.Word) return "ccc";
  const word = lexer.value;
  if (word === "cc") {
    lexer.next();
    return `cc ${lexer.takeNumber()}`;
  }
  if (!/^[a-z_0-9]+cc$|^x86_.*call.*$|^(swiftself|cfguard_check)cc$/.test(word)) return "ccc";
  lexer.next();
  return word;
}

/** Skips `( ... )` with anything balanced inside. */
export function skipParentheses(state: ParserState): void {
  const lexer = state.lexer;
  lexer.expect("(");
  let depth = 1;
  while (depth > 0) {
    if (lexer.kind === Token.End) throw lexer.error("expected ')'");
    if (lexer.is("(")) depth++;
    if (lexer.is(")")) depth--;
    lexer.next();
  }
}
