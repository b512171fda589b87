/**
 * `npm run corpus:rewriter`: builds the C of every tool in Debian's bpfcc-tools, and of its variants, with bpfkit; compares
 * maps, programs and license with what BCC itself makes of the text; with `--load`, asks this machine's kernel to load the
 * objects. Exit code 1 where something fails that test/corpus/expected.json does not expect, or the other way round.
 *
 * Options: `--load` (root only; nothing is attached), `--no-variants`, `--all` (a row for programs that pass too),
 * `--only PATTERN` (a regular expression for names), `--bless` (writes expected.json anew).
 */
import { release } from "node:os";
import { parseArgs } from "node:util";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { Builder } from "bpfkit/node";
import {
  bless,
  type ExpectedFailure,
  expectationOf,
  expectedFailures,
  type Failure,
  type Stage,
} from "../test/corpus/expectations.ts";
import { type CorpusProgram, corpus, whyNoCorpus } from "../test/corpus/extraction.ts";
import { differences, type GoldenProgram, goldenPrograms } from "../test/corpus/golden.ts";
import { refusalOf } from "../test/corpus/host-load.ts";
import { canLoadBpf, findTool } from "../test/support/native-tools.ts";

const { values: options } = parseArgs({
  options: {
    load: { type: "boolean", default: false },
    "no-variants": { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    bless: { type: "boolean", default: false },
    only: { type: "string", default: "" },
  },
});

/** What happened to one program. */
interface Outcome {
  readonly program: CorpusProgram;
  readonly milliseconds: number;
  readonly failure?: Failure;
  readonly isLoaded: boolean;
}

async function check(
  program: CorpusProgram,
  builder: Builder,
  golden: GoldenProgram | undefined,
  bpftool: string | undefined,
): Promise<Outcome> {
  const start = performance.now();
  const { name } = program;
  let milliseconds = 0;
  const failed = (stage: Stage, message: string): Outcome => ({
    program,
    milliseconds: milliseconds || performance.now() - start,
    failure: { program: name, stage, message },
    isLoaded: false,
  });
  let object: Uint8Array;
  try {
    object = (await builder.compile({ file: `${name}.c`, text: program.text }, program.defines)).object;
  } catch (error) {
    if (!(error instanceof BpfkitError)) throw error;
    const range = error.diagnostics.find((diagnostic) => diagnostic.severity === "error")?.range;
    const line = range === undefined ? "" : ` (line ${range.line})`;
    return failed("build", `${error.code}: ${error.message.split("\n")[0]}${line}`);
  }
  milliseconds = performance.now() - start;
  const different = golden === undefined ? ["no golden data"] : differences(object, name, golden);
  if (different.length > 0) return failed("golden", different.join("; "));
  const refusal = bpftool === undefined ? undefined : refusalOf(bpftool, object);
  if (refusal !== undefined) return failed("load", refusal);
  return { program, milliseconds, isLoaded: bpftool !== undefined };
}

/** Rows of one table: name, time, result. */
function row(outcome: Outcome, expected: ExpectedFailure | undefined): string {
  const { failure, program, milliseconds } = outcome;
  const time = `${milliseconds.toFixed(0)} ms`.padStart(8);
  const name = program.name.padEnd(44);
  if (failure === undefined) return `${name}${time}  ok`;
  const word = expected === undefined ? "FAILED" : "expected";
  const reason = expected === undefined ? "" : ` [${expected.reason}]`;
  return `${name}${time}  ${word} ${failure.stage}: ${failure.message}${reason}`;
}

function bpftoolForLoading(): string | undefined {
  if (!options.load) return undefined;
  if (canLoadBpf()) return findTool("bpftool");
  console.error("SKIPPED: loading needs root, bpftool and a kernel that takes BPF programs");
  return undefined;
}

async function main(): Promise<number> {
  const skip = (reason: string): number => {
    console.error(`SKIPPED: ${reason}`);
    return process.env["CI"] === undefined ? 0 : 1;
  };
  const missing = whyNoCorpus();
  if (missing !== undefined) return skip(missing);
  const isFull = options.only === "" && !options["no-variants"];
  const only = new RegExp(options.only);
  let all: readonly CorpusProgram[];
  try {
    all = corpus({ variants: !options["no-variants"] }, (line) => console.error(line));
  } catch (error) {
    return skip(error instanceof Error ? error.message : String(error));
  }
  const programs = all.filter(({ name }) => only.test(name));
  const golden = goldenPrograms();
  const bpftool = bpftoolForLoading();
  const builder = new Builder({ cache: false });
  const outcomes: Outcome[] = [];
  const expected = expectedFailures();
  let unexpected = 0;
  for (const program of programs) {
    const outcome = await check(program, builder, golden.get(program.name), bpftool);
    outcomes.push(outcome);
    const known = outcome.failure && expectationOf(outcome.failure, release(), expected);
    if (outcome.failure !== undefined && known === undefined) unexpected += 1;
    if (options.all || outcome.failure !== undefined) console.log(row(outcome, known));
  }
  await builder.close();
  const ran = (stage: Stage): boolean => stage !== "load" || bpftool !== undefined;
  const failures = outcomes.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  if (options.bless) {
    if (!isFull) throw new Error("--bless wants a full run");
    bless(failures, release(), ran);
    unexpected = 0;
  }
  const passing = new Set(
    outcomes.filter(({ failure }) => failure === undefined).map(({ program }) => program.name),
  );
  const stale = options.bless ? [] : staleExpectations(expected, passing, ran);
  for (const { line } of stale) console.log(line);
  console.log(summary(outcomes, unexpected, bpftool !== undefined));
  return unexpected === 0 && !stale.some(({ stage }) => stage !== "load") ? 0 : 1;
}

/** Programs that are listed as failing and pass. Of loading this is no fault: kernels of one release differ. */
function staleExpectations(
  expected: readonly ExpectedFailure[],
  passing: ReadonlySet<string>,
  ran: (stage: Stage) => boolean,
): { readonly stage: Stage; readonly line: string }[] {
  return expected.flatMap(({ stage, programs, kernel, reason }) => {
    if (!ran(stage) || (kernel !== undefined && !release().startsWith(kernel))) return [];
    const now = programs.filter((name) => passing.has(name));
    return now.map((name) => ({
      stage,
      line: `${name.padEnd(44)} passes now; test/corpus/expected.json says: ${reason}`,
    }));
  });
}

function summary(outcomes: readonly Outcome[], unexpected: number, loads: boolean): string {
  const count = (some: readonly Outcome[], isVariant: boolean): string => {
    const all = some.filter(({ program }) => program.name.includes("--") === isVariant);
    const built = all.filter(({ failure }) => failure?.stage !== "build").length;
    const same = all.filter(({ failure }) => failure === undefined || failure.stage === "load").length;
    const loaded = loads ? `, ${all.filter(({ isLoaded }) => isLoaded).length} loaded` : "";
    return `${built}/${all.length} ${isVariant ? "variants" : "programs"} built, ${same} as BCC's${loaded}`;
  };
  return `${count(outcomes, false)}; ${count(outcomes, true)}; ${unexpected} unexpected`;
}

process.exitCode = await main();
