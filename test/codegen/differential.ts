/** Builds files of random programs with native clang and with bpfkit, runs all builds, and compares what they left behind. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import type { Clang } from "@bpfkit/clang";
import { createNodeClang } from "@bpfkit/clang/node";
import { generate, lowerCoreAccess } from "@bpfkit/codegen";
import { type ProgramOptions, randomProgram } from "./random-program.ts";
import { type ProgramOutcome, runEachProgram, runPrograms } from "./random-run.ts";

/** Levels of the instruction set. */
export const levels = ["v1", "v2", "v3", "v4"] as const;
type Level = (typeof levels)[number];

/** How far the optimiser goes, as clang's option says it. */
const optimisations = [
  { option: "-O1", level: 1 },
  { option: "-O2", level: 2 },
  { option: "-Os", level: "s" },
] as const;

/** One file of programs: everything about it follows from the seed. */
export interface Batch {
  readonly seed: number;
  readonly text: string;
  readonly optimisation: (typeof optimisations)[number];
  /** Levels that have all the programs use. */
  readonly levels: readonly Level[];
  /** Whether bpfkit builds it from C, too, and not only from native clang's IR. */
  readonly fromC: boolean;
}

/** The file of a seed. One in four has 32-bit atomics, another signed division, which old levels lack. */
export function batchOf(seed: number, programs: number): Batch {
  const kind = seed % 4;
  const options: ProgramOptions = { seed, programs, atomics: kind >= 2, signedDivision: kind === 3 };
  return {
    seed,
    text: randomProgram(options),
    optimisation: optimisations[Math.floor(seed / 4) % optimisations.length]!,
    levels: kind === 3 ? ["v4"] : kind === 2 ? ["v3", "v4"] : levels,
    fromC: seed % 5 === 0,
  };
}

/** A difference, with what finds it again. */
export interface Difference {
  readonly seed: number;
  readonly program: string;
  /** The two builds and where they ran. */
  readonly between: string;
  /** The first line that differs in each. */
  readonly message: string;
}

/** What was compared of a batch. */
export interface BatchOutcome {
  readonly seed: number;
  /** 0 where native clang refuses one (see {@link Differential.compare}), or its functions' stacks are too big for the VM. */
  readonly programs: number;
  /** Runs of a program in a build and an engine. */
  readonly comparisons: number;
  /** Programs that the real kernel ran in both builds, and those it refused in native clang's. */
  readonly inKernel: number;
  readonly refusedByKernel: number;
  readonly differences: readonly Difference[];
}

/** Where programs run. */
export interface Engines {
  /** A fresh simulated kernel for each object. */
  readonly simulated: (engine: "interpreter" | "jit") => Kernel;
  /** This machine's kernel; absent where it is not asked. */
  readonly real?: Kernel;
}

/** An object and how it was built. */
interface Build {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Compares batches, one after the other. */
export class Differential {
  readonly #clang: string;
  readonly #engines: Engines;
  readonly #own: Clang = createNodeClang({ timeoutMs: 300_000 });
  readonly #folder = mkdtempSync(join(tmpdir(), "bpfkit-differential-"));

  constructor(clang: string, engines: Engines) {
    this.#clang = clang;
    this.#engines = engines;
  }

  async close(): Promise<void> {
    await this.#own.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /**
   * @param kernel whether the real kernel runs this batch, too
   * @throws Error where native clang cannot build the text, but for a stack that is too big and for 128-bit products (the
   * optimiser makes some of shifts and subtractions): the generator is wrong
   */
  async compare(batch: Batch, kernel: boolean): Promise<BatchOutcome> {
    const { seed } = batch;
    const differences: Difference[] = [];
    const file = join(this.#folder, `${seed}.c`);
    writeFileSync(file, batch.text);
    let builds: readonly Build[];
    try {
      builds = await this.#builds(batch, file, differences);
    } catch (error) {
      if (!(error instanceof Error) || !/BPF stack limit|'__multi3'/.test(error.message)) throw error;
      return { seed, programs: 0, comparisons: 0, inKernel: 0, refusedByKernel: 0, differences };
    }
    const [native] = builds;
    if (native === undefined) throw new Error("no native build");
    let expected: ReadonlyMap<string, ProgramOutcome>;
    try {
      expected = runPrograms(this.#engines.simulated("interpreter"), native.bytes, seed);
    } catch (error) {
      if (!(error instanceof BpfkitError) || !/combined stack size/.test(error.message)) throw error;
      return { seed, programs: 0, comparisons: 0, inKernel: 0, refusedByKernel: 0, differences };
    }
    let comparisons = 0;
    for (const { name, bytes } of builds) {
      for (const engine of ["interpreter", "jit"] as const) {
        if (name === native.name && engine === "interpreter") continue;
        const between = `${native.name} and ${name} in the VM (${engine})`;
        try {
          const actual = runPrograms(this.#engines.simulated(engine), bytes, seed);
          comparisons += this.#differ(seed, expected, actual, between, differences);
        } catch (error) {
          if (!(error instanceof BpfkitError)) throw error;
          differences.push({ seed, program: "all", between, message: error.message });
        }
      }
    }
    let inKernel = 0;
    let refusedByKernel = 0;
    if (kernel && this.#engines.real !== undefined) {
      const own = builds.filter(({ name }) => name !== native.name);
      const chosen = own[seed % own.length];
      const real = runEachProgram(this.#engines.real, native.bytes, seed);
      refusedByKernel = [...real.values()].filter((one) => "refusal" in one).length;
      if (chosen !== undefined) {
        const ours = runEachProgram(this.#engines.real, chosen.bytes, seed);
        for (const [program, outcome] of real) if ("refusal" in outcome) ours.delete(program);
        // What the kernel refuses in bpfkit's build only is no wrong result: the corpora measure that.
        for (const [program, outcome] of ours) if ("refusal" in outcome) ours.delete(program);
        inKernel = this.#differ(
          seed,
          expected,
          ours,
          `${native.name} in the VM and ${chosen.name} in this kernel`,
          differences,
        );
      }
    }
    rmSync(file, { force: true });
    const { size: programs } = expected;
    return { seed, programs, comparisons, inKernel, refusedByKernel, differences };
  }

  /** Native clang's object first; then bpfkit's from native clang's IR and from its own, at each level. */
  async #builds(batch: Batch, file: string, differences: Difference[]): Promise<Build[]> {
    const { optimisation, text, seed } = batch;
    const highest = batch.levels[batch.levels.length - 1]!;
    const nativeLevel = batch.levels[seed % batch.levels.length]!;
    const options = ["-target", "bpf", optimisation.option, "-g", "-Wno-everything"];
    const object = join(this.#folder, `${seed}.o`);
    await this.#run([...options, `-mcpu=${nativeLevel}`, "-c", file, "-o", object]);
    const builds: Build[] = [
      { name: `clang ${optimisation.option} ${nativeLevel}`, bytes: new Uint8Array(readFileSync(object)) },
    ];
    rmSync(object);
    const nativeIr = join(this.#folder, `${seed}.ll`);
    // Native clang makes vectors, which its back end takes apart again; bpfkit's own road makes none.
    const scalar = ["-fno-vectorize", "-fno-slp-vectorize"];
    await this.#run([...options, ...scalar, `-mcpu=${highest}`, "-S", "-emit-llvm", file, "-o", nativeIr]);
    const sources = [{ name: "from clang's IR", ir: readFileSync(nativeIr, "utf8"), levels: batch.levels }];
    // The whole road from C takes longest, so that not every file takes it, and those that do at one level.
    if (batch.fromC)
      sources.push({
        name: "from C",
        ir: await this.#ownIr(file, text, highest, optimisation),
        levels: [nativeLevel],
      });
    rmSync(nativeIr);
    for (const source of sources) {
      for (const cpu of source.levels) {
        const name = `bpfkit ${source.name} ${optimisation.option} ${cpu}`;
        try {
          builds.push({ name, bytes: generate(source.ir, { cpu, mainFile: file }).bytes });
        } catch (error) {
          if (!(error instanceof BpfkitError)) throw error;
          const range = error.diagnostics[0]?.range;
          const message = `${error.code}: ${error.message} (line ${range?.line ?? "?"})`;
          differences.push({ seed, program: "all", between: `clang and ${name}`, message });
        }
      }
    }
    return builds;
  }

  async #ownIr(
    mainFile: string,
    text: string,
    cpu: Level,
    { level: optLevel }: Batch["optimisation"],
  ): Promise<string> {
    const options = { cpu, optLevel };
    const files = new Map([[mainFile, text]]);
    const request = { mainFile, files, includeDirs: [], preIncludes: [], defines: [], ...options };
    const { ir: raw } = await this.#own.compileToIr(request);
    return (await this.#own.optimiseIr(lowerCoreAccess(raw), options)).ir;
  }

  /** Adds what differs; returns how many programs were compared. */
  #differ(
    seed: number,
    expected: ReadonlyMap<string, ProgramOutcome>,
    actual: ReadonlyMap<string, ProgramOutcome>,
    between: string,
    differences: Difference[],
  ): number {
    for (const [program, outcome] of actual) {
      const message = firstDifference(expected.get(program), outcome);
      if (message !== undefined) differences.push({ seed, program, between, message });
    }
    return actual.size;
  }

  #run(args: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      execFile(this.#clang, args, { maxBuffer: 64 << 20 }, (error, _, errors) => {
        if (error === null) resolve();
        else
          reject(new Error(`clang refuses a random program: ${errors.split("\n").slice(0, 3).join("\n")}`));
      });
    });
  }
}

/** Variables that only one of the two has were optimised away in the other. */
function firstDifference(left: ProgramOutcome | undefined, right: ProgramOutcome): string | undefined {
  if (left === undefined) return "there is no such program in the other build";
  if ("refusal" in left || "refusal" in right)
    return "refusal" in right ? right.refusal : "refused in the other";
  const expected = linesByName(left.text);
  for (const [name, values] of linesByName(right.text)) {
    const wanted = expected.get(name);
    for (const [index, value] of values.entries()) {
      const other = wanted?.[index];
      if (other !== undefined && other !== value)
        return `${name} is ${other} and ${value} after run ${index}`;
    }
  }
  return undefined;
}

/** Values by what they belong to, in order of the runs. */
function linesByName(text: string): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [, name = "", value = ""] = /^(returns|.*? =) (.*)$/.exec(line) ?? [];
    const list = names.get(name);
    if (list === undefined) names.set(name, [value]);
    else list.push(value);
  }
  return names;
}
