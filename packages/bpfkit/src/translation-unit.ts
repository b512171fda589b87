/** Everything clang needs around a program: the user's headers, bpfkit's, and the kernel's types. */
import type { KernelProfile } from "@bpfkit/base/kernel";
import { type BpfCpu, type ClangRequest, kernelHeader } from "@bpfkit/clang";
import { includeRoot, type Preparation, prepareForAst } from "@bpfkit/rewriter";
import { profileBtf } from "./profile-btf.ts";

/** A C text and the name that messages and debug information give it. */
export interface SourceText {
  readonly file: string;
  readonly text: string;
}

/** What decides the result of a build besides text and profile. */
export interface CompileOptions {
  readonly cpu: BpfCpu;
  /** `NAME` or `NAME=VALUE`. */
  readonly defines: readonly string[];
  /** The user's header folders; they come before bpfkit's headers. */
  readonly includeDirs: readonly string[];
  /** The user's headers by path. */
  readonly headers?: ReadonlyMap<string, string>;
  /** Told of each stage as it begins. */
  readonly progress?: (stage: string) => void;
  /** Print the kernel's whole vmlinux.h instead of what the text's identifiers reach. */
  readonly wholeKernelHeader?: boolean;
}

const vmlinux = `${includeRoot}/vmlinux.h`;

/** A program with its surroundings, ready to be parsed or compiled. */
export class TranslationUnit {
  readonly source: SourceText;
  readonly preparation: Preparation;
  readonly #options: CompileOptions;
  readonly #files: Map<string, string>;

  constructor(source: SourceText, profile: KernelProfile, options: CompileOptions) {
    this.source = source;
    this.#options = options;
    const userHeaders = [...(options.headers?.values() ?? [])];
    this.preparation = prepareForAst(source.text, profile, { userHeaders });
    this.#files = new Map(options.headers ?? []);
    for (const [path, text] of this.preparation.headers) this.#files.set(`${includeRoot}/${path}`, text);
    const { kernelSources } = this.preparation;
    const whole = options.wholeKernelHeader === true;
    this.#files.set(vmlinux, kernelHeader(profileBtf(profile), kernelSources, { whole }));
  }

  /** What clang is asked to parse for the rewriter. */
  get astRequest(): ClangRequest {
    return this.#request(this.source.text, this.preparation.astPreIncludes);
  }

  /** What clang is asked to compile: the rewritten text, and the user's headers that were rewritten with it. */
  codeRequest(rewritten: string, headers: ReadonlyMap<string, string> = new Map()): ClangRequest {
    return this.#request(rewritten, this.preparation.codePreIncludes, headers);
  }

  #request(
    text: string,
    preIncludes: readonly string[],
    headers: ReadonlyMap<string, string> = new Map(),
  ): ClangRequest {
    const { cpu, defines, includeDirs } = this.#options;
    return {
      mainFile: this.source.file,
      files: new Map([...this.#files, ...headers, [this.source.file, text]]),
      includeDirs: [...includeDirs, includeRoot],
      preIncludes: preIncludes.map((path) => `${includeRoot}/${path}`),
      defines: [...this.preparation.defines, ...defines],
      cpu,
      optLevel: 2,
    };
  }
}
