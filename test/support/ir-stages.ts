/** The IR of a program at the stages between clang's runs. */
import { createNodeClang } from "@bpfkit/clang/node";
import { lowerCoreAccess } from "@bpfkit/codegen";
import { rewriteSource, type SourceText } from "bpfkit";
import { loadBundledProfile } from "bpfkit/node";

/** LLVM IR as text. */
export interface IrStages {
  readonly name: string;
  /** As clang makes it, CO-RE accesses being intrinsics. */
  readonly raw: string;
  /** What the code generator gets. */
  readonly optimised: string;
}

/** Compiles programs for `v3` at -O2, BCC-style or not. @throws BpfkitError for bad C */
export async function irStages(sources: readonly SourceText[]): Promise<IrStages[]> {
  const clang = createNodeClang({ timeoutMs: 300_000 });
  const profile = loadBundledProfile();
  const options = { cpu: "v3", defines: [], includeDirs: [] } as const;
  try {
    const all: IrStages[] = [];
    for (const source of sources) {
      const { unit, rewritten, headers } = await rewriteSource(source, profile, clang, options);
      const { ir: raw } = await clang.compileToIr(unit.codeRequest(rewritten, headers));
      const { ir: optimised } = await clang.optimiseIr(lowerCoreAccess(raw), { cpu: "v3", optLevel: 2 });
      all.push({ name: source.file, raw, optimised });
    }
    return all;
  } finally {
    await clang.close();
  }
}
