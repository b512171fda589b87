/** The road from C to an object: rewriter, clang, CO-RE lowering, optimiser, code generator. */
import { BpfkitError, type Diagnostic } from "@bpfkit/base/diagnostics";
import type { KernelProfile } from "@bpfkit/base/kernel";
import type { Clang } from "@bpfkit/clang";
import { generate, lowerCoreAccess } from "@bpfkit/codegen";
import { explainError, type PlacedExplanation, rewrite } from "@bpfkit/rewriter";
import { explainTypes } from "./explain-types.ts";
import { checkLicense } from "./license-check.ts";
import { type CompileOptions, type SourceText, TranslationUnit } from "./translation-unit.ts";

export type { CompileOptions, SourceText } from "./translation-unit.ts";

/** BCC-style C turned into plain C; libbpf-style C as it was. */
export interface RewrittenSource {
  readonly rewritten: string;
  /** The user's headers that changed, by path. */
  readonly headers: ReadonlyMap<string, string>;
  /** Warnings. */
  readonly diagnostics: readonly Diagnostic[];
  /** What was rewritten and why; empty for libbpf-style C. */
  readonly explanations: readonly PlacedExplanation[];
  /** What the rewritten text is compiled with. */
  readonly unit: TranslationUnit;
}

/** A finished build with what each stage gave. */
export interface CompileResult {
  /** The ELF object. */
  readonly object: Uint8Array;
  readonly rewritten: string;
  /** Optimised LLVM IR. */
  readonly ir: string;
  /** Warnings. */
  readonly diagnostics: readonly Diagnostic[];
  /** Milliseconds by stage. */
  readonly timings: Readonly<Record<string, number>>;
}

/** Measures stages one after the other. */
class Stages {
  readonly timings: Record<string, number> = {};
  readonly #progress: ((stage: string) => void) | undefined;
  #name: string | undefined;
  #since = 0;

  constructor(progress: ((stage: string) => void) | undefined) {
    this.#progress = progress;
  }

  begin(name: string, text: string): void {
    this.end();
    this.#name = name;
    this.#since = performance.now();
    this.#progress?.(text);
  }

  end(): void {
    if (this.#name !== undefined) this.timings[this.#name] = performance.now() - this.#since;
    this.#name = undefined;
  }
}

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
  return await rewriteUnit(
    new TranslationUnit(source, profile, options),
    clang,
    new Stages(options.progress),
  );
}

async function rewriteUnit(unit: TranslationUnit, clang: Clang, stages: Stages): Promise<RewrittenSource> {
  const { source, options, profile, preparation } = unit;
  if (preparation.dialect === "libbpf") {
    return { rewritten: source.text, headers: new Map(), diagnostics: [], explanations: [], unit };
  }
  stages.begin("parse", "parsing");
  const { ast } = await explained(unit, parseUnit(unit, clang));
  stages.begin("rewrite", "rewriting");
  const { text, headers, diagnostics, explanations } = rewrite({
    ...source,
    ast,
    profile,
    preparation,
    defines: options.defines,
    ...(options.headers === undefined ? {} : { userHeaders: options.headers }),
  });
  stages.end();
  return { rewritten: text, headers, diagnostics, explanations, unit };
}

/**
 * Parses with the smallest kernel header first: it has the members that the text names and no more. What that one may
 * lack, the header that is compiled with has.
 */
async function parseUnit(unit: TranslationUnit, clang: Clang): ReturnType<Clang["parseAst"]> {
  try {
    const parsed = clang.parseAst(unit.astRequest("lean"));
    // The compiler works in a thread of its own: this one makes the header that is needed next meanwhile.
    unit.prepareCodeHeader();
    return await parsed;
  } catch (error) {
    if (!(error instanceof BpfkitError) || error.code !== "CC001") throw error;
  }
  return await withMissingTypes(unit, () => clang.parseAst(unit.astRequest("full")));
}

/** Tries again with the types that clang found to be declared only, as long as there are new ones. */
async function withMissingTypes<Result>(
  unit: TranslationUnit,
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const isMissing =
        error instanceof BpfkitError && error.code === "CC001" && unit.needTypes(error.diagnostics);
      if (!isMissing) throw error;
    }
  }
}

/** Turns clang's words about names that bpfkit injected into words about what the user wrote. */
async function explained<Result>(unit: TranslationUnit, run: Promise<Result>): Promise<Result> {
  try {
    return await run;
  } catch (error) {
    const { source, preparation, profile } = unit;
    const explained = explainError(error, source.text, preparation, source.file);
    throw explainTypes(explained, profile.release, (name) => unit.hasKernelType(name));
  }
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
  const { cpu, optLevel = 2 } = options;
  const stages = new Stages(options.progress);
  stages.begin("headers", "preparing the kernel's types");
  const unit = new TranslationUnit(source, profile, options);
  const { rewritten, headers, diagnostics } = await rewriteUnit(unit, clang, stages);
  stages.begin("compile", "compiling");
  const run = () => clang.compileToIr(unit.codeRequest(rewritten, headers));
  const compiled = await explained(unit, withMissingTypes(unit, run));
  stages.begin("core", "lowering CO-RE accesses");
  const lowered = lowerCoreAccess(compiled.ir);
  stages.begin("optimise", "optimising");
  const { ir } = await clang.optimiseIr(lowered, { cpu, optLevel });
  stages.begin("generate", "generating code");
  const sourceText = (file: string) => (file === source.file ? source.text : unit.headerText(file));
  const generated = generate(ir, { cpu: options.cpu, mainFile: source.file, sourceText });
  checkLicense(generated.bytes, source.file);
  stages.end();
  return {
    object: generated.bytes,
    rewritten,
    ir,
    diagnostics: [...diagnostics, ...compiled.diagnostics, ...generated.diagnostics],
    timings: stages.timings,
  };
}
