/**
 * `npm run corpus:codegen`: builds the kernel's BPF selftests and samples (Debian's linux-source-6.1) with native
 * clang-19 and with bpfkit, and compares: does it build, does this machine's kernel load it where it loads clang's, instruction counts, CO-RE
 * relocations, `bpftool btf dump` up to numbering and order, how many instructions the verifier processes, and what
 * BPF_PROG_TEST_RUN gives. Exit code 1 on a difference that test/corpus/codegen-expected.json does not expect, and on an
 * expected one that is gone (of what the kernel says it is only told).
 *
 * Options: `--no-load`, `--all` (a row for programs that are equal, and for those that clang refuses), `--only PATTERN` (a
 * regular expression for names), `--btf host` (types of the running kernel instead of the bundled profile's), `--bless`.
 */
import { release } from "node:os";
import { parseArgs } from "node:util";
import { BtfTable } from "@bpfkit/elf/btf";
import { loadBundledProfile, loadProfileFromBtf } from "bpfkit/node";
import {
  bless,
  type Check,
  type Expectations,
  expectationOf,
  expectations,
} from "../test/corpus/codegen/expectations.ts";
import { canAskKernel } from "../test/corpus/codegen/kernel/oracle.ts";
import {
  meanRatio,
  meanVerifiedRatio,
  measureAll,
  type Oracles,
  type Outcome,
} from "../test/corpus/codegen/measure.ts";
import { fetchSelftests, type Selftests, whyNoSelftests } from "../test/corpus/codegen/selftests.ts";
import { requireTool } from "../test/support/native-tools.ts";

const { values: options } = parseArgs({
  options: {
    "no-load": { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    bless: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    btf: { type: "string" },
  },
});

function oracles(): Oracles | undefined {
  const clang = requireTool("clang-19");
  const bpftool = requireTool("bpftool");
  if (clang === undefined || bpftool === undefined) return undefined;
  const load = !options["no-load"] && canAskKernel();
  if (!load && !options["no-load"])
    console.error("SKIPPED: loading needs root, bpftool, libbpf and a kernel that takes BPF programs");
  return { clang, bpftool, load };
}

/** Prints what is to be said of a program; returns how many differences nobody expects. */
function report({ name, nativeError, failures, milliseconds }: Outcome, expected: Expectations): number {
  const start = `${name.padEnd(40)}${milliseconds.build.toFixed(0).padStart(7)} ms  `;
  if (options.all && nativeError !== undefined) console.log(`${start}clang refuses: ${nativeError}`);
  else if (options.all && failures.length === 0) console.log(`${start}equal`);
  let unexpected = 0;
  for (const failure of failures) {
    const known = expectationOf(failure, release(), expected.failures);
    if (known === undefined) unexpected += 1;
    const word = known === undefined ? "FAILED" : "expected";
    const reason = known === undefined ? "" : ` [${known.reason}]`;
    console.log(`${start}${word} ${failure.check}: ${failure.message}${reason}`);
  }
  return unexpected;
}

/** Checks that depend on the running kernel. */
function asksKernel(check: Check): boolean {
  return check === "load" || check === "results";
}

/** Differences that are expected and gone. */
function stale(outcomes: readonly Outcome[], expected: Expectations, loads: boolean): number {
  let count = 0;
  for (const { check, kernel, programs, reason } of expected.failures) {
    if ((asksKernel(check) && !loads) || (kernel !== undefined && !release().startsWith(kernel))) continue;
    for (const { name, failures, built } of outcomes) {
      if (!programs.includes(name) || failures.some((failure) => failure.check === check)) continue;
      if (!built && check !== "build") continue;
      console.log(`${name.padEnd(40)}passes ${check} now; codegen-expected.json says: ${reason}`);
      if (!asksKernel(check)) count += 1;
    }
  }
  return count;
}

/** Totals; the last line has every count. */
function summarise(outcomes: readonly Outcome[], unexpected: number): void {
  const native = outcomes.filter(({ nativeError }) => nativeError === undefined);
  const built = native.filter(({ built }) => built);
  const fails = (check: Check): number =>
    built.filter(({ failures }) => failures.some((failure) => failure.check === check)).length;
  const sizes = built
    .flatMap(({ name, instructions: size }) =>
      size === undefined ? [] : [{ name, ...size, ratio: size.ours / size.native }],
    )
    .sort((a, b) => b.ratio - a.ratio);
  console.log("\nlargest against clang's:");
  for (const { name, ours, native: other, ratio } of sizes.slice(0, 10))
    console.log(`  ${name.padEnd(38)}${String(ours).padStart(7)} / ${other} = ${ratio.toFixed(3)}`);
  const total = (of: (size: { ours: number; native: number }) => number): number =>
    sizes.reduce((sum, size) => sum + of(size), 0);
  const tuples = built.reduce((sum, { coreRelocations }) => sum + coreRelocations, 0);
  const time = (of: (outcome: Outcome) => number): string =>
    (built.reduce((sum, outcome) => sum + of(outcome), 0) / 1000).toFixed(1);
  console.log(
    `${outcomes.length} files, ${native.length} of them build with clang; ${total(({ ours }) => ours)} instructions, ` +
      `clang's ${total(({ native: other }) => other)}; ${tuples} CO-RE relocations; ` +
      `${time(({ milliseconds }) => milliseconds.build)} s building, of that ${time(({ milliseconds }) => milliseconds.generate)} s in the code generator`,
  );
  const loads = built.some(({ programs }) => programs !== undefined) ? `, ${verifierSummary(built)}` : "";
  console.log(
    `${built.length}/${native.length} built${loads}, ${meanRatio(built).toFixed(4)}x size (worst ${(sizes[0]?.ratio ?? Number.NaN).toFixed(3)}x), ` +
      `${built.length - fails("core")} equal CO-RE, ${built.length - fails("btf")} equal BTF; ${unexpected} unexpected`,
  );
}

/** Prints the programs that cost the verifier most against clang's; returns the counts in words. */
function verifierSummary(built: readonly Outcome[]): string {
  const programs = built.flatMap(({ name: file, programs = [] }) =>
    programs.map((program) => ({ ...program, file })),
  );
  const costs = programs
    .flatMap(({ file, name, verified }) =>
      verified === undefined
        ? []
        : [{ name: `${file} ${name}`, ...verified, ratio: verified.ours / verified.native }],
    )
    .sort((a, b) => b.ratio - a.ratio);
  console.log("\nmost instructions that the verifier processed, against clang's:");
  for (const { name, ours, native, ratio } of costs.slice(0, 15))
    console.log(`  ${name.padEnd(58)}${String(ours).padStart(7)} / ${native} = ${ratio.toFixed(3)}`);
  const ran = built.filter(({ traces = 0 }) => traces > 0);
  const same = ran.filter(({ failures }) => !failures.some(({ check }) => check === "results"));
  return (
    `${programs.filter(({ loads }) => loads).length}/${programs.length} programs loaded, ` +
    `${meanVerifiedRatio(built).toFixed(4)}x processed by the verifier (worst ${(costs[0]?.ratio ?? Number.NaN).toFixed(3)}x), ` +
    `${same.length}/${ran.length} files with equal test runs (${ran.reduce((sum, { traces = 0 }) => sum + traces, 0)} traces)`
  );
}

/** What a full run must reach as a whole. */
function wholeFails(outcomes: readonly Outcome[], expected: Expectations, loads: boolean): number {
  const native = outcomes.filter(({ nativeError }) => nativeError === undefined).length;
  const mean = meanRatio(outcomes);
  let count = 0;
  if (native < expected.nativeBuilds) {
    console.log(`FAILED: clang builds ${native} files; ${expected.nativeBuilds} are expected`);
    count += 1;
  }
  if (!(mean <= expected.meanRatio)) {
    console.log(
      `FAILED: the geometric mean of sizes is ${mean.toFixed(4)}; at most ${expected.meanRatio} is expected`,
    );
    count += 1;
  }
  const verified = meanVerifiedRatio(outcomes);
  if (loads && !(verified <= expected.meanVerifiedRatio)) {
    console.log(
      `FAILED: the verifier processes ${verified.toFixed(4)} times as many instructions in the geometric mean; at most ${expected.meanVerifiedRatio} is expected`,
    );
    count += 1;
  }
  return count;
}

async function main(): Promise<number> {
  const skip = (reason: string): number => {
    console.error(`SKIPPED: ${reason}`);
    return process.env["CI"] === undefined ? 0 : 1;
  };
  const tools = oracles();
  if (tools === undefined) return process.env["CI"] === undefined ? 0 : 1;
  const missing = whyNoSelftests();
  if (missing !== undefined) return skip(missing);
  const profile = options.btf === undefined ? loadBundledProfile() : loadProfileFromBtf(options.btf);
  let tests: Selftests;
  try {
    tests = fetchSelftests(BtfTable.decode(profile.btf), (line) => console.error(line));
  } catch (error) {
    return skip(error instanceof Error ? error.message : String(error));
  }
  const only = new RegExp(options.only);
  const names = tests.names.filter((name) => only.test(name));
  const isFull = names.length === tests.names.length;
  if (options.bless && !isFull) throw new Error("--bless wants a full run");
  const expected = expectations();
  let unexpected = 0;
  const outcomes = await measureAll(tests, tools, names, (outcome) => {
    unexpected += report(outcome, expected);
  });
  if (options.bless) {
    const failures = outcomes.flatMap((outcome) => outcome.failures);
    bless(failures, release(), (check) => !asksKernel(check) || tools.load);
    unexpected = 0;
  } else {
    unexpected += stale(outcomes, expected, tools.load);
  }
  if (isFull && options.btf === undefined) unexpected += wholeFails(outcomes, expected, tools.load);
  summarise(outcomes, unexpected);
  return unexpected === 0 ? 0 : 1;
}

process.exitCode = await main();
