/** Builds one program of the kernel's source with native clang and with bpfkit, and says how the objects differ. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Clang } from "@bpfkit/clang";
import { createNodeClang } from "@bpfkit/clang/node";
import { generate, lowerCoreAccess } from "@bpfkit/codegen";
import { collectUserHeaders } from "bpfkit/node";
import { listDifference, objectFacts, typeDifference } from "./compare.ts";
import type { Failure } from "./expectations.ts";
import { judgePair, type ProgramPair } from "./kernel/judge-pair.ts";
import { KernelOracle } from "./kernel/oracle.ts";
import { btfDump, loadRefusal, NativeBuilds, objectBytes, targetDefines } from "./native.ts";
import type { Selftests } from "./selftests.ts";

/** The most that a program of bpfkit's may be larger than clang's. */
export const largestRatio = 1.25;

/** What happened to one selftest. */
export interface Outcome {
  readonly name: string;
  /** Clang's error where clang itself refuses: then nothing was compared. */
  readonly nativeError?: string;
  readonly failures: readonly Failure[];
  readonly built: boolean;
  /** Executable instructions of both builds; absent where one has none. */
  readonly instructions?: { readonly ours: number; readonly native: number };
  /** Distinct CO-RE relocations of clang's object. */
  readonly coreRelocations: number;
  /** The programs that the kernel takes from clang; absent where it was not asked. */
  readonly programs?: readonly ProgramPair[];
  /** Results, packets, contexts and map elements of test runs that were compared. */
  readonly traces?: number;
  /** Milliseconds for bpfkit's build, and for its last stage alone, the code generator. */
  readonly milliseconds: { readonly build: number; readonly generate: number };
}

/** The tools that objects are compared with. */
export interface Oracles {
  readonly clang: string;
  readonly bpftool: string;
  /** Whether the kernel is asked to load. */
  readonly load: boolean;
}

interface OwnBuild {
  readonly bytes: Uint8Array;
  readonly generateMilliseconds: number;
}

/** Measures selftests, one after the other; several can work side by side. */
export class Lane {
  readonly #tests: Selftests;
  readonly #oracles: Oracles;
  readonly #native: NativeBuilds;
  readonly #clang: Clang = createNodeClang({ timeoutMs: 300_000 });
  readonly #kernel = new KernelOracle();
  readonly #folder = mkdtempSync(join(tmpdir(), "bpfkit-corpus-"));

  constructor(tests: Selftests, oracles: Oracles) {
    this.#tests = tests;
    this.#oracles = oracles;
    this.#native = new NativeBuilds(oracles.clang, tests);
  }

  /** Builds both and compares. Errors of bpfkit that are no diagnostics are failures too. */
  async measure(name: string): Promise<Outcome> {
    const native = await this.#native.build(name);
    const start = performance.now();
    const none = { name, failures: [], built: false, coreRelocations: 0 };
    if ("error" in native)
      return { ...none, nativeError: native.error, milliseconds: { build: 0, generate: 0 } };
    let own: OwnBuild;
    try {
      own = await this.#build(name);
    } catch (error) {
      const milliseconds = { build: performance.now() - start, generate: 0 };
      return { ...none, failures: [{ name, check: "build", message: explain(error) }], milliseconds };
    }
    const milliseconds = { build: performance.now() - start, generate: own.generateMilliseconds };
    return { ...(await this.#compare(name, own.bytes, native.file)), milliseconds };
  }

  async close(): Promise<void> {
    await this.#clang.close();
    this.#kernel.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** bpfkit's road from C to an object. It gets the files and folders that native clang gets, and no native tool. */
  async #build(name: string): Promise<OwnBuild> {
    const { includeDirs } = this.#tests;
    const mainFile = this.#tests.files.get(name) ?? name;
    const preIncludes = this.#tests.preIncludes(name);
    const files = new Map<string, string>();
    for (const path of [...preIncludes, mainFile]) {
      const text = readFileSync(path, "utf8");
      for (const header of collectUserHeaders(path, text, includeDirs)) files.set(...header);
      files.set(path, text);
    }
    const options = { cpu: "v3", optLevel: 2 } as const;
    const request = { mainFile, files, includeDirs, preIncludes, defines: targetDefines, ...options };
    const { ir: raw } = await this.#clang.compileToIr(request);
    const { ir } = await this.#clang.optimiseIr(lowerCoreAccess(raw), options);
    const start = performance.now();
    const { bytes } = generate(ir, { cpu: "v3", mainFile, sourceText: (file) => files.get(file) });
    return { bytes, generateMilliseconds: performance.now() - start };
  }

  async #compare(
    name: string,
    bytes: Uint8Array,
    nativeFile: string,
  ): Promise<Omit<Outcome, "milliseconds">> {
    const failures: Failure[] = [];
    const fail = (check: Failure["check"], message: string | undefined): void => {
      if (message !== undefined) failures.push({ name, check, message });
    };
    const file = join(this.#folder, `${name}.o`);
    writeFileSync(file, bytes);
    const ours = objectFacts(bytes, name);
    const native = objectFacts(objectBytes(nativeFile), name);
    const hasCode = ours.instructions > 0 && native.instructions > 0;
    const ratio = ours.instructions / native.instructions;
    if (hasCode ? ratio > largestRatio : ours.instructions !== native.instructions)
      fail("size", `${ours.instructions} instructions, clang's has ${native.instructions}`);
    fail("core", listDifference(ours.coreRelocations, native.coreRelocations));
    if (ours.hasBtf !== native.hasBtf) fail("btf", ours.hasBtf ? "only bpfkit's has BTF" : "no BTF");
    else if (ours.hasBtf) fail("btf", await this.#btfDifference(file, nativeFile));
    const kernel = this.#oracles.load ? await this.#askKernel(file, nativeFile, fail) : {};
    rmSync(file);
    return {
      name,
      failures,
      built: true,
      coreRelocations: native.coreRelocations.length,
      ...(hasCode ? { instructions: { ours: ours.instructions, native: native.instructions } } : {}),
      ...kernel,
    };
  }

  async #btfDifference(file: string, nativeFile: string): Promise<string | undefined> {
    const { bpftool } = this.#oracles;
    const native = await btfDump(bpftool, nativeFile);
    try {
      return typeDifference(await btfDump(bpftool, file), native);
    } catch (error) {
      return explain(error);
    }
  }

  /** Asks for the programs of bpfkit's object that the kernel takes from clang, and compares what they do. */
  async #askKernel(
    file: string,
    nativeFile: string,
    fail: (check: Failure["check"], message: string | undefined) => void,
  ): Promise<Pick<Outcome, "programs" | "traces">> {
    const { programs, traces, difference } = await judgePair(this.#kernel, file, nativeFile);
    const refused = programs.filter(({ loads }) => !loads);
    if (refused.length > 0) {
      const names = refused.map(({ name, error }) => `${name} (${error})`).join(", ");
      const reason = (await loadRefusal(this.#oracles.bpftool, file)) ?? "not in the object";
      fail("load", `${names}: ${reason}`);
    }
    fail("results", difference);
    return { programs, traces };
  }
}

/**
 * Measures many selftests, two at a time.
 * @returns outcomes in the order of the names
 */
export async function measureAll(
  tests: Selftests,
  oracles: Oracles,
  names: readonly string[],
  done: (outcome: Outcome) => void = () => {},
): Promise<Outcome[]> {
  const outcomes = new Map<string, Outcome>();
  const waiting = [...names];
  const work = async (lane: Lane): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const outcome = await lane.measure(name);
      outcomes.set(name, outcome);
      done(outcome);
    }
  };
  const lanes = [new Lane(tests, oracles), new Lane(tests, oracles)];
  try {
    await Promise.all(lanes.map(work));
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()));
  }
  return names.flatMap((name) => outcomes.get(name) ?? []);
}

/** The geometric mean of bpfkit's size over clang's; NaN where nothing was compared. */
export function meanRatio(outcomes: readonly Outcome[]): number {
  return geometricMean(outcomes.flatMap(({ instructions: size }) => size ?? []));
}

/** The geometric mean, over programs, of the instructions that the verifier looked at over those it looked at for clang's. */
export function meanVerifiedRatio(outcomes: readonly Outcome[]): number {
  return geometricMean(
    outcomes.flatMap(({ programs = [] }) => programs.flatMap(({ verified }) => verified ?? [])),
  );
}

function geometricMean(pairs: readonly { readonly ours: number; readonly native: number }[]): number {
  return Math.exp(pairs.reduce((sum, { ours, native }) => sum + Math.log(ours / native), 0) / pairs.length);
}

function explain(error: unknown): string {
  if (error instanceof BpfkitError) {
    const range = error.diagnostics.find(({ severity }) => severity === "error")?.range;
    const place = range === undefined ? "" : ` (${range.file.replace(/^.*\//, "")}:${range.line})`;
    return `${error.code}: ${error.message.split("\n")[0]}${place}`;
  }
  return error instanceof Error ? `${error.name}: ${error.message.split("\n")[0]}` : String(error);
}
