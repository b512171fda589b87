/** The compiler's entry points without its weight: rewriter, clang's driver and code generator are imported on first use. */
import type { KernelProfile } from "@bpfkit/base/kernel";
import type { Clang } from "@bpfkit/clang";
import type { CompileOptions, CompileResult, RewrittenSource, SourceText } from "./compile.ts";

/**
 * Rewrites a program's BCC-style C.
 * @throws BpfkitError with diagnostics on the user's lines
 */
export async function rewriteSource(
  source: SourceText,
  profile: KernelProfile,
  clang: Clang,
  options: CompileOptions,
): Promise<RewrittenSource> {
  const compiler = await import("./compile.ts");
  return await compiler.rewriteSource(source, profile, clang, options);
}

/**
 * Builds a program.
 * @throws BpfkitError with diagnostics on the user's lines: RW0xx rewriter, CC0xx clang, CG0xx code generator
 */
export async function compile(
  source: SourceText,
  profile: KernelProfile,
  clang: Clang,
  options: CompileOptions,
): Promise<CompileResult> {
  const compiler = await import("./compile.ts");
  return await compiler.compile(source, profile, clang, options);
}
