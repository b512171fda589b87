/** Builds C on Node: profile, user headers, compiler and cache put together. Nothing heavy is loaded before it is needed. */
import { normalize } from "node:path";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { KernelProfile } from "@bpfkit/base/kernel";
import type { Clang } from "@bpfkit/clang";
import type { CompileOptions, CompileResult, RewrittenSource, SourceText } from "../compile.ts";
import { implementationId } from "./implementation.ts";
import { BundledProfileName, loadBundledProfile, loadProfileFromBtf } from "./profile.ts";
import { type CacheKey, defaultCacheFolder, ResultCache } from "./result-cache.ts";
import { collectUserHeaders } from "./user-headers.ts";

/** How a builder builds. */
export interface BuilderOptions {
  /** `host`, or a file of BTF; the bundled profile where absent. */
  readonly btf?: string;
  /** Default `v3`. */
  readonly cpu?: CompileOptions["cpu"];
  /** Default 2. */
  readonly optLevel?: CompileOptions["optLevel"];
  /** `NAME` or `NAME=VALUE`, for every program built. */
  readonly defines?: readonly string[];
  /** Folders of the user's headers. */
  readonly includeDirs?: readonly string[];
  /** Headers to include before every program (`-include`). */
  readonly preIncludes?: readonly string[];
  /** Whether results are taken from and put into the cache; default true. */
  readonly cache?: boolean;
  /** Default: `$XDG_CACHE_HOME/bpfkit`. */
  readonly cacheFolder?: string;
  /** Told what is being done. */
  readonly progress?: (stage: string) => void;
  /** Told of trouble that does not stop a build. */
  readonly warn?: (message: string) => void;
}

/** A finished build. The stages' texts are empty where the result came from the cache. */
export interface BuiltProgram extends CompileResult {
  readonly cached: boolean;
}

/** Builds programs, one after the other, with one compiler. */
export class Builder {
  readonly #options: BuilderOptions;
  readonly #cache: ResultCache | undefined;
  #profile: KernelProfile | undefined;
  #clang: Clang | undefined;
  #implementation: string | undefined;

  constructor(options: BuilderOptions = {}) {
    this.#options = options;
    // A bad file is said at once; the bundled one is not even opened for a build that is in the cache.
    if (options.btf !== undefined) this.#profile = loadProfileFromBtf(options.btf);
    const warn = options.warn ?? (() => {});
    if (options.cache !== false)
      this.#cache = new ResultCache(options.cacheFolder ?? defaultCacheFolder(), warn);
  }

  /** The kernel whose types are built against. */
  get profile(): KernelProfile {
    this.#profile ??= loadBundledProfile();
    return this.#profile;
  }

  /**
   * Builds a program, or takes it from the cache.
   * @param defines further macros for this program
   * @throws BpfkitError with diagnostics that name the user's file and line
   */
  async build(source: SourceText, defines: readonly string[] = []): Promise<BuiltProgram> {
    const options = this.#compileOptions(source, defines);
    const key = this.#cache === undefined ? undefined : await this.#key(source, options);
    const hit = key === undefined ? undefined : this.#cache?.get(key);
    if (hit !== undefined) return { ...hit, rewritten: "", ir: "", timings: {}, cached: true };
    const result = await this.compile(source, defines);
    if (key !== undefined) this.#cache?.put(key, result);
    return { ...result, cached: false };
  }

  /** Builds a program with all its stages, never from the cache. */
  async compile(source: SourceText, defines: readonly string[] = []): Promise<CompileResult> {
    const { compile } = await import("../compile.ts");
    return await compile(source, this.profile, await this.#compiler(), this.#compileOptions(source, defines));
  }

  /** Only turns BCC-style C into plain C. */
  async rewrite(source: SourceText, defines: readonly string[] = []): Promise<RewrittenSource> {
    const { rewriteSource } = await import("../compile.ts");
    return await rewriteSource(
      source,
      this.profile,
      await this.#compiler(),
      this.#compileOptions(source, defines),
    );
  }

  /**
   * Ends the compiler, if it was started, and gives its memory back at once, some 200 MiB: for processes that go on for long.
   * Another build starts it anew.
   */
  async releaseMemory(): Promise<void> {
    if (this.#clang === undefined) return;
    await this.close();
    const { forgetProgramModules } = await import("@bpfkit/clang/node");
    forgetProgramModules();
    const { collectGarbage } = await import("./garbage.ts");
    collectGarbage();
  }

  /** Ends the compiler, if it was started. */
  async close(): Promise<void> {
    await this.#clang?.close();
    this.#clang = undefined;
  }

  #compileOptions(source: SourceText, defines: readonly string[]): CompileOptions {
    const { cpu = "v3", optLevel = 2, progress } = this.#options;
    // As the headers' paths, which have no `..` inside: the compiler sees only the folders of files it was given.
    const includeDirs = (this.#options.includeDirs ?? []).map((folder) => normalize(folder));
    const preIncludes = (this.#options.preIncludes ?? []).map((path) => normalize(path));
    return {
      cpu,
      optLevel,
      defines: [...(this.#options.defines ?? []), ...defines],
      includeDirs,
      headers: collectUserHeaders(source.file, source.text, includeDirs, preIncludes),
      preIncludes,
      ...(progress === undefined ? {} : { progress }),
    };
  }

  async #compiler(): Promise<Clang> {
    if (this.#clang === undefined) {
      this.#options.progress?.("starting the compiler");
      const { createNodeClang } = await import("@bpfkit/clang/node");
      this.#clang = createNodeClang();
    }
    return this.#clang;
  }

  async #key(source: SourceText, options: CompileOptions): Promise<CacheKey> {
    this.#implementation ??= implementationId();
    return {
      ...source,
      headers: options.headers ?? new Map(),
      options: [
        `cpu=${options.cpu}`,
        `O=${options.optLevel}`,
        ...options.defines.map((define) => `D=${define}`),
        ...options.includeDirs,
        ...(options.preIncludes ?? []).map((path) => `include=${path}`),
      ],
      profile: await this.#profileId(),
      implementation: this.#implementation,
    };
  }

  /** The bundled profile is part of the implementation; other types are identified by their bytes. */
  async #profileId(): Promise<string> {
    if (this.#options.btf === undefined) return BundledProfileName;
    const { createHash } = await import("node:crypto");
    return createHash("sha256").update(this.profile.btf).digest("hex");
  }
}

/** The optimisation level behind `-O`. @throws BpfkitError for one that clang does not have */
export function checkedLevel(name: string): NonNullable<CompileOptions["optLevel"]> {
  if (name === "s" || name === "z") return name;
  const level = Number(name);
  if (level === 0 || level === 1 || level === 2 || level === 3) return level;
  throw new BpfkitError("US001", `there is no optimisation level '${name}'`, {
    hint: "Known: 0, 1, 2, 3, s, z",
  });
}

/** Refuses an instruction set that the code generator does not have. @throws BpfkitError */
export function checkedCpu(name: string): CompileOptions["cpu"] {
  if (name === "v1" || name === "v2" || name === "v3" || name === "v4") return name;
  throw new BpfkitError("US001", `there is no BPF instruction set '${name}'`, {
    hint: "Known: v1, v2, v3, v4",
  });
}
