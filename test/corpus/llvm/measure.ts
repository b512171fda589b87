/** Compiles LLVM's tests with `llc` and with bpfkit's code generator, and says how the objects differ. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { generate, lowerCoreAccess } from "@bpfkit/codegen";
import { typeDifference } from "../codegen/compare.ts";
import { btfDump, objectBytes } from "../codegen/native.ts";
import { differences, factsOf } from "./compare.ts";
import { type Job, jobsOf } from "./runs.ts";
import type { LlvmTests } from "./tests.ts";

/** One difference of a test. */
export interface Difference {
  readonly name: string;
  /** `build`, `refuse`, `sections`, `symbols`, `relocations`, `ext`, `special`, `btf`. */
  readonly check: string;
  /** The level, and where bpfkit lowered the CO-RE accesses itself: `v3 own`. */
  readonly where: string;
  readonly message: string;
}

/** What was measured. */
export interface Outcome {
  readonly name: string;
  /** Objects compared. */
  readonly compared: number;
  /** Inputs that both refuse. */
  readonly refused: number;
  readonly differences: readonly Difference[];
  /** Instructions in both, over all comparisons. */
  readonly ours: number;
  readonly native: number;
}

/** The native programs. */
export interface Oracles {
  readonly llc: string;
  readonly opt: string;
  readonly bpftool: string;
}

const levels = ["v1", "v2", "v3", "v4"] as const;
type Level = (typeof levels)[number];

/** One input on its way through both. */
interface Input {
  readonly text: string;
  readonly job: Job;
  readonly where: string;
  /** Why there is none. */
  readonly error?: string;
}

/** Measures one test: each of its jobs at its own level, the first at all levels. */
export class Bench {
  readonly #tests: LlvmTests;
  readonly #oracles: Oracles;
  readonly #folder = mkdtempSync(join(tmpdir(), "bpfkit-llvm-"));
  #files = 0;

  constructor(tests: LlvmTests, oracles: Oracles) {
    this.#tests = tests;
    this.#oracles = oracles;
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** undefined where no RUN line compiles for little-endian BPF. */
  async measure(name: string): Promise<Outcome | undefined> {
    const text = readFileSync(join(this.#tests.folder, name), "utf8");
    const jobs = jobsOf(text);
    if (jobs.length === 0) return undefined;
    const seen = new Set<string>();
    const outcome = { name, compared: 0, refused: 0, ours: 0, native: 0, differences: [] as Difference[] };
    for (const [index, job] of jobs.entries()) {
      for (const cpu of index === 0 ? levels : [job.cpu]) {
        for (const input of await this.#inputs(text, { ...job, cpu })) {
          const level = ownLevel(input.job);
          const key = `${level}\n${input.job.cpu}\n${input.job.llc.join(" ")}\n${input.text}`;
          if (seen.has(key)) continue;
          seen.add(key);
          await this.#compare(name, input, level, outcome);
        }
      }
    }
    return outcome;
  }

  /** The IR that `llc` gets; with CO-RE accesses, a second time as bpfkit lowers them. */
  async #inputs(text: string, job: Job): Promise<Input[]> {
    if (job.opt === undefined) return [{ text, job, where: job.cpu }];
    const triple = /^target triple/m.test(text) || job.opt.some((word) => /triple/.test(word));
    const options = ["-S", ...job.opt, ...(triple ? [] : ["-mtriple=bpfel"])];
    const lowered = await this.#run(this.#oracles.opt, options, text);
    if (lowered.status !== 0) return [];
    const inputs: Input[] = [{ text: lowered.output, job, where: job.cpu }];
    if (!/@llvm\.(?:preserve\.(?:struct|union|array)|bpf\.(?:preserve|btf))/.test(text)) return inputs;
    let prepared: string;
    try {
      prepared = lowerCoreAccess(withTriple(text));
    } catch (error) {
      inputs.push({ text: "", job, where: `${job.cpu} own`, error: explain(error) });
      return inputs;
    }
    const own = await this.#run(this.#oracles.opt, options, prepared);
    const problem = own.status === 0 ? {} : { error: `opt: ${own.errors.split("\n")[0]}` };
    inputs.push({ text: own.output, job, where: `${job.cpu} own`, ...problem });
    return inputs;
  }

  async #compare(
    name: string,
    { text, job, where, error }: Input,
    level: Level,
    outcome: { compared: number; refused: number; ours: number; native: number; differences: Difference[] },
  ): Promise<void> {
    const fail = (check: string, message: string): void => {
      outcome.differences.push({ name, check, where, message });
    };
    if (error !== undefined) {
      fail("build", error);
      return;
    }
    const file = join(this.#folder, `${this.#files++}`);
    const options = [
      `-mtriple=bpfel`,
      `-mcpu=${job.cpu}`,
      ...job.llc,
      "-filetype=obj",
      "-o",
      `${file}.native`,
    ];
    const native = await this.#run(this.#oracles.llc, options, text);
    let bytes: Uint8Array | undefined;
    let refusal = "";
    try {
      bytes = generate(text, { cpu: level, mainFile: name }).bytes;
    } catch (thrown) {
      refusal = explain(thrown);
    }
    if (refusal.startsWith("CRASH")) fail("build", refusal);
    else if (native.status !== 0) {
      if (bytes === undefined) outcome.refused += 1;
      else fail("refuse", `llc says ${native.errors.split("\n")[0]}`);
    } else if (bytes === undefined) fail("build", refusal.split("\n")[0] as string);
    else {
      outcome.compared += 1;
      writeFileSync(file, bytes);
      const ours = factsOf(bytes, name);
      const theirs = factsOf(objectBytes(`${file}.native`), name);
      outcome.ours += ours.instructions;
      outcome.native += theirs.instructions;
      for (const { check, message } of differences(ours, theirs)) fail(check, message);
      const types = await this.#btf(file);
      if (types !== undefined) fail("btf", types);
    }
    rmSync(file, { force: true });
    rmSync(`${file}.native`, { force: true });
  }

  async #btf(file: string): Promise<string | undefined> {
    const { bpftool } = this.#oracles;
    const dumps = await Promise.all(
      [file, `${file}.native`].map((each) => btfDump(bpftool, each).catch((error: unknown) => String(error))),
    );
    const [ours, native] = dumps as [string, string];
    if (!ours.startsWith("{") || !native.startsWith("{"))
      return ours.startsWith("{") === native.startsWith("{")
        ? undefined
        : `${ours.slice(0, 80)} / ${native.slice(0, 80)}`;
    return typeDifference(ours, native);
  }

  #run(
    program: string,
    args: readonly string[],
    input: string,
  ): Promise<{ status: number; output: string; errors: string }> {
    return new Promise((resolve) => {
      const options = { maxBuffer: 64 << 20, encoding: "utf8" } as const;
      const child = execFile(program, args, options, (error, output, errors) => {
        resolve({ status: error === null ? 0 : 1, output, errors });
      });
      child.stdin?.on("error", () => {});
      child.stdin?.end(input);
    });
  }
}

/** The level of bpfkit's that has what the job's options ask for: w registers come with v3 only. */
function ownLevel({ cpu, llc }: Job): Level {
  const wantsNarrow = llc.some((word) => /mattr=.*\+alu32/.test(word));
  return wantsNarrow && (cpu === "v1" || cpu === "v2") ? "v3" : cpu;
}

function explain(error: unknown): string {
  return error instanceof BpfkitError ? `${error.code}: ${error.message}` : `CRASH ${String(error)}`;
}

function withTriple(text: string): string {
  return text.replace(/^target triple = "bpf"$/m, 'target triple = "bpfel"');
}

/**
 * Measures many tests, two at a time.
 * @returns outcomes of the tests that compile for little-endian BPF, in the order of the names
 */
export async function measureAll(
  tests: LlvmTests,
  oracles: Oracles,
  names: readonly string[],
  done: (outcome: Outcome) => void = () => {},
): Promise<Outcome[]> {
  const outcomes = new Map<string, Outcome>();
  const waiting = [...names];
  const work = async (bench: Bench): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const outcome = await bench.measure(name);
      if (outcome === undefined) continue;
      outcomes.set(name, outcome);
      done(outcome);
    }
  };
  const benches = [new Bench(tests, oracles), new Bench(tests, oracles)];
  try {
    await Promise.all(benches.map(work));
  } finally {
    for (const bench of benches) bench.close();
  }
  return names.flatMap((name) => outcomes.get(name) ?? []);
}
