/**
 * BCC-style C in, plain libbpf-style C out, driven by clang's own AST.
 *
 * {@link prepareForAst} says what to put around a program, {@link rewrite} rewrites it, {@link explainError}
 * turns clang's words about injected names into ours. Nothing here runs clang.
 */
export { type Dialect, dialectOf } from "./dialect.ts";
export { explainDiagnostic, explainError } from "./explain.ts";
export { helperDeclarations, helperNames } from "./headers/helper-declarations.ts";
export {
  bccHeaders,
  includeRoot,
  type Preparation,
  type PreparationOptions,
  type PreparationProfile,
  preludeFor,
  prepareForAst,
} from "./prepare.ts";
export type { ProbeDeclaration } from "./probes/programs.ts";
export {
  type PlacedExplanation,
  type RewriteRequest,
  type RewriteResult,
  type RewrittenMap,
  rewrite,
} from "./rewrite.ts";
