/** Everything clang needs around a program: the user's headers, bpfkit's, and the kernel's types. */
import type { Diagnostic } from "@bpfkit/base/diagnostics";
import type { KernelProfile } from "@bpfkit/base/kernel";
import {
  type BpfCpu,
  type ClangRequest,
  incompleteTypes,
  kernelHeader,
  type OptimisationLevel,
} from "@bpfkit/clang";
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
  /** Default 2. */
  readonly optLevel?: OptimisationLevel;
  /** `NAME` or `NAME=VALUE`. */
  readonly defines: readonly string[];
  /** The user's header folders; they come before bpfkit's headers. */
  readonly includeDirs: readonly string[];
  /** The user's headers by path. */
  readonly headers?: ReadonlyMap<string, string>;
  /** Paths of headers among them that are included before the text (`-include`). */
  readonly preIncludes?: readonly string[];
  /** Told of each stage as it begins. */
  readonly progress?: (stage: string) => void;
}

const machineMacro = "__TARGET_ARCH_";
const vmlinux = `${includeRoot}/vmlinux.h`;

/** A program with its surroundings, ready to be parsed or compiled. */
export class TranslationUnit {
  readonly source: SourceText;
  readonly profile: KernelProfile;
  readonly options: CompileOptions;
  readonly preparation: Preparation;
  readonly #files: Map<string, string>;
  /** Types that no identifier of the text names, but that clang asked for. */
  readonly #furtherTypes = new Set<string>();
  #codeHeader: string | undefined;

  constructor(source: SourceText, profile: KernelProfile, options: CompileOptions) {
    this.source = source;
    this.profile = profile;
    this.options = options;
    const userHeaders = [...(options.headers?.values() ?? [])];
    this.preparation = prepareForAst(source.text, profile, { userHeaders, defines: options.defines });
    this.#files = new Map(options.headers ?? []);
    for (const [path, text] of this.preparation.headers) this.#files.set(`${includeRoot}/${path}`, text);
  }

  /** What clang is asked to parse for the rewriter. The lean header lacks members that the text does not name. */
  astRequest(form: "lean" | "full"): ClangRequest {
    const header = form === "lean" ? this.#kernelHeader(true) : this.prepareCodeHeader();
    const { astPreIncludes, astKernelHeader } = this.preparation;
    return this.#request(this.source.text, astPreIncludes, astKernelHeader(header));
  }

  /** What clang is asked to compile: the rewritten text, and the user's headers that were rewritten with it. */
  codeRequest(rewritten: string, headers: ReadonlyMap<string, string> = new Map()): ClangRequest {
    return this.#request(rewritten, this.preparation.codePreIncludes, this.prepareCodeHeader(), headers);
  }

  /** Makes the vmlinux.h that is compiled with; the next requests use it. */
  prepareCodeHeader(): string {
    this.#codeHeader ??= this.#kernelHeader(false);
    return this.#codeHeader;
  }

  /** Takes the types into vmlinux.h that clang found incomplete. False where there are no new ones. */
  needTypes(diagnostics: readonly Diagnostic[]): boolean {
    const before = this.#furtherTypes.size;
    for (const name of incompleteTypes(diagnostics)) this.#furtherTypes.add(name);
    if (this.#furtherTypes.size === before) return false;
    this.#codeHeader = undefined;
    return true;
  }

  /** The text of a header, the user's or bpfkit's, by the path that debug information has. */
  headerText(path: string): string | undefined {
    return this.#files.get(path);
  }

  /** True for a struct or union of the kernel's. */
  hasKernelType(name: string): boolean {
    const btf = profileBtf(this.profile);
    return btf.findAll(name).some((id) => ["struct", "union"].includes(btf.kindOf(id)));
  }

  #kernelHeader(lean: boolean): string {
    const texts = [...this.preparation.kernelSources, [...this.#furtherTypes].join(" ")];
    return kernelHeader(profileBtf(this.profile), texts, {
      lean,
      relocatable: this.preparation.relocatableTypes,
    });
  }

  /** The machine is the profile's, unless the user names one. */
  #ownDefines(): readonly string[] {
    const isNamed = this.options.defines.some((define) => define.startsWith(machineMacro));
    return this.preparation.defines.filter((define) => !isNamed || !define.startsWith(machineMacro));
  }

  #request(
    text: string,
    preIncludes: readonly string[],
    kernelHeader: string,
    headers: ReadonlyMap<string, string> = new Map(),
  ): ClangRequest {
    const { cpu, defines, includeDirs, optLevel = 2 } = this.options;
    return {
      mainFile: this.source.file,
      files: new Map([...this.#files, [vmlinux, kernelHeader], ...headers, [this.source.file, text]]),
      includeDirs: [...includeDirs, includeRoot],
      preIncludes: [
        ...preIncludes.map((path) => `${includeRoot}/${path}`),
        ...(this.options.preIncludes ?? []),
      ],
      defines: [...this.#ownDefines(), ...defines],
      cpu,
      optLevel,
    };
  }
}
