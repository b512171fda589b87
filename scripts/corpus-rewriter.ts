/**
 * `npm run corpus:rewriter`: builds the C of every tool in Debian's bpfcc-tools, and of its variants, with bpfkit; compares
 * maps, programs and license with what BCC itself makes of the text; with `--load`, asks this machine's kernel to load the
 * objects; with `--guest`, loads the same objects with bpfkit's own loader into Debian's 6.1 in QEMU, or with
 * `--guest-kernel backports` into 6.12. Exit code 1 where something fails that test/corpus/expected.json does not expect, or the other way round.
 *
 * Options: `--load` (root only; nothing is attached), `--guest`, `--guest-kernel`, `--no-variants`, `--all` (a row for programs that pass too),
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
  isAbout,
  type Stage,
} from "../test/corpus/expectations.ts";
import { type CorpusProgram, corpus, whyNoCorpus } from "../test/corpus/extraction.ts";
import { differences, type GoldenProgram, goldenPrograms } from "../test/corpus/golden.ts";
import { loadInGuest } from "../test/corpus/guest-load.ts";
import { refusalOf } from "../test/corpus/host-load.ts";
import type { KernelChoice } from "../test/kernel/guest/kernel-package.ts";
import { type GuestTools, guestTools } from "../test/kernel/guest/machine.ts";
import { canLoadBpf, findTool } from "../test/support/native-tools.ts";

const { values: options } = parseArgs({
  options: {
    load: { type: "boolean", default: false },
    guest: { type: "boolean", default: false },
    "guest-kernel": { type: "string", default: "stable" },
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
  /** Undefined where it was not built. */
  readonly object?: Uint8Array;
  /** One for each kernel that refuses it, or the stage before that it fails. */
  readonly failures: Failure[];
}

async function check(
  program: CorpusProgram,
  builder: Builder,
  golden: GoldenProgram | undefined,
  bpftool: string | undefined,
): Promise<Outcome> {
  const start = performance.now();
  const { name } = program;
  let object: Uint8Array;
  try {
    object = (await builder.compile({ file: `${name}.c`, text: program.text }, program.defines)).object;
  } catch (error) {
    if (!(error instanceof BpfkitError)) throw error;
    const range = error.diagnostics.find((diagnostic) => diagnostic.severity === "error")?.range;
    const line = range === undefined ? "" : ` (line ${range.line})`;
    const message = `${error.code}: ${error.message.split("\n")[0]}${line}`;
    const milliseconds = performance.now() - start;
    return { program, milliseconds, failures: [{ program: name, stage: "build", message }] };
  }
  const milliseconds = performance.now() - start;
  const failures: Failure[] = [];
  const different = golden === undefined ? ["no golden data"] : differences(object, name, golden);
  if (different.length > 0) failures.push({ program: name, stage: "golden", message: different.join("; ") });
  const refusal = bpftool === undefined ? undefined : refusalOf(bpftool, object);
  if (refusal !== undefined)
    failures.push({ program: name, stage: "load", message: refusal, release: release() });
  return { program, milliseconds, object, failures };
}

function guestKernelChoice(): KernelChoice {
  const choice = options["guest-kernel"];
  if (choice === "stable" || choice === "backports") return choice;
  throw new Error(`--guest-kernel is stable or backports, not ${choice}`);
}

/** Loads what was built in the guest and adds its refusals to the outcomes; gives the guest's release. */
async function checkInGuest(outcomes: readonly Outcome[], tools: GuestTools): Promise<string> {
  const objects = new Map(
    outcomes.flatMap(({ program, object }) =>
      object === undefined ? [] : [[program.name, object] as const],
    ),
  );
  const loading = await loadInGuest(tools, objects);
  const refusals = new Map(loading.verdicts.map(({ name, refusal }) => [name, refusal]));
  for (const { program, failures } of outcomes) {
    const message = refusals.get(program.name);
    if (message !== undefined)
      failures.push({ program: program.name, stage: "load", message, release: loading.release });
  }
  return loading.release;
}

/** Rows of one table: name, time, result. */
function printRows(outcome: Outcome, rows: readonly ExpectedFailure[]): void {
  const { failures, program, milliseconds } = outcome;
  const start = `${program.name.padEnd(44)}${`${milliseconds.toFixed(0)} ms`.padStart(8)}`;
  if (failures.length === 0 && options.all) console.log(`${start}  ok`);
  for (const failure of failures) {
    const expected = expectationOf(failure, rows);
    const word = expected === undefined ? "FAILED" : "expected";
    const reason = expected === undefined ? "" : ` [${expected.reason}]`;
    const where = failure.release === undefined ? "" : ` on ${failure.release}`;
    console.log(`${start}  ${word} ${failure.stage}${where}: ${failure.message}${reason}`);
  }
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
  const guest = options.guest ? guestTools(guestKernelChoice()) : undefined;
  const builder = new Builder({ cache: false });
  const outcomes: Outcome[] = [];
  for (const program of programs) {
    outcomes.push(await check(program, builder, golden.get(program.name), bpftool));
    if (process.stderr.isTTY) process.stderr.write(`\r${outcomes.length}/${programs.length}`);
  }
  await builder.close();
  const releases = bpftool === undefined ? [] : [release()];
  if (guest !== undefined) releases.push(await checkInGuest(outcomes, guest));
  const expected = expectedFailures();
  for (const outcome of outcomes) printRows(outcome, expected);
  const failures = outcomes.flatMap((outcome) => outcome.failures);
  const unexpected = failures.filter((failure) => expectationOf(failure, expected) === undefined).length;
  /** Whether this run has asked about what a row is about. */
  const ran = (row: ExpectedFailure): boolean =>
    row.stage !== "load" || releases.some((one) => isAbout(row, one));
  if (options.bless) {
    if (!isFull) throw new Error("--bless wants a full run");
    bless(failures, ran);
    return 0;
  }
  const stale = staleExpectations(expected.filter(ran), failures, programs);
  for (const { line } of stale) console.log(line);
  console.log(summary(outcomes, releases));
  console.log(`${unexpected} unexpected`);
  return unexpected === 0 && !stale.some(({ stage }) => stage !== "load") ? 0 : 1;
}

/** Programs that are listed as failing and pass. Of loading this is no fault: kernels of one release differ. */
function staleExpectations(
  expected: readonly ExpectedFailure[],
  failures: readonly Failure[],
  programs: readonly CorpusProgram[],
): { readonly stage: Stage; readonly line: string }[] {
  const tried = new Set(programs.map(({ name }) => name));
  return expected.flatMap((row) => {
    const failing = new Set(
      failures.filter((failure) => expectationOf(failure, [row])).map(({ program }) => program),
    );
    const now = row.programs.filter((name) => tried.has(name) && !failing.has(name));
    const where = row.kernel === undefined ? "" : ` on ${row.kernel}`;
    return now.map((name) => ({
      stage: row.stage,
      line: `${name.padEnd(44)} passes now${where}; test/corpus/expected.json says: ${row.reason}`,
    }));
  });
}

/** Counts of programs and of variants, with one number for each kernel that was asked. */
function summary(outcomes: readonly Outcome[], releases: readonly string[]): string {
  const count = (isVariant: boolean): string => {
    const all = outcomes.filter(({ program }) => program.name.includes("--") === isVariant);
    const built = all.filter(({ object }) => object !== undefined);
    const same = built.filter(({ failures }) => !failures.some(({ stage }) => stage === "golden"));
    const loaded = releases.map((one) => {
      const taken = built.filter(({ failures }) => !failures.some((failure) => failure.release === one));
      return `, ${taken.length} loaded on ${one}`;
    });
    const what = isVariant ? "variants" : "programs";
    return `${built.length}/${all.length} ${what} built, ${same.length} as BCC's${loaded.join("")}`;
  };
  return `${count(false)}\n${count(true)}`;
}

process.exitCode = await main();
