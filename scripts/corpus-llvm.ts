/**
 * `npm run corpus:llvm`: compiles LLVM's own tests of its BPF back end (Debian's source package of LLVM 19) with llc-19
 * and with bpfkit's code generator, as their RUN lines say and at all levels of -mcpu, and compares what matters of the
 * objects: sections, symbols, relocations, BTF, functions and CO-RE records of .BTF.ext, and the instructions that only
 * some constructs have (atomics, sign extensions, swaps, long jumps, calls). Tests with CO-RE intrinsics run a second time
 * with the accesses lowered by bpfkit instead of LLVM. Exit code 1 on a difference that test/corpus/llvm-expected.json does
 * not expect, and on an expected one that is gone. Option: `--only PATTERN` (a regular expression for names).
 */
import { parseArgs } from "node:util";
import { expectationOf, expectations, staleRows } from "../test/corpus/llvm/expectations.ts";
import { type Difference, measureAll, type Oracles, type Outcome } from "../test/corpus/llvm/measure.ts";
import { fetchTests, type LlvmTests, whyNoTests } from "../test/corpus/llvm/tests.ts";
import { requireTool } from "../test/support/native-tools.ts";

const { values: options } = parseArgs({ options: { only: { type: "string", default: "" } } });

function oracles(): Oracles | undefined {
  const [llc, opt, bpftool] = ["llc-19", "opt-19", "bpftool"].map(requireTool);
  return llc === undefined || opt === undefined || bpftool === undefined ? undefined : { llc, opt, bpftool };
}

/** Prints differences, those that are the same at several levels as one line; returns how many nobody expects. */
function report(differences: readonly Difference[]): number {
  const rows = expectations();
  const lines = new Map<string, string[]>();
  let unexpected = 0;
  for (const difference of differences) {
    const known = expectationOf(difference, rows);
    if (known === undefined) unexpected += 1;
    const word = known === undefined ? "FAILED" : "expected";
    const text = `${word} ${difference.check}: ${difference.message.slice(0, 300)}`;
    const levels = lines.get(text);
    if (levels === undefined) lines.set(text, [difference.where]);
    else levels.push(difference.where);
  }
  for (const [text, levels] of lines)
    console.log(`${differences[0]?.name} [${[...new Set(levels)].join(", ")}] ${text}`);
  return unexpected;
}

function skip(reason: string): number {
  console.error(`SKIPPED: ${reason}`);
  return process.env["CI"] === undefined ? 0 : 1;
}

function sum(outcomes: readonly Outcome[], of: (outcome: Outcome) => number): number {
  return outcomes.reduce((total, outcome) => total + of(outcome), 0);
}

async function main(): Promise<number> {
  const tools = oracles();
  if (tools === undefined) return process.env["CI"] === undefined ? 0 : 1;
  const missing = whyNoTests();
  if (missing !== undefined) return skip(missing);
  let tests: LlvmTests;
  try {
    tests = fetchTests((line) => console.error(line));
  } catch (error) {
    return skip(error instanceof Error ? error.message : String(error));
  }
  const only = new RegExp(options.only);
  const names = tests.names.filter((name) => only.test(name));
  let unexpected = 0;
  const outcomes = await measureAll(tests, tools, names, (outcome) => {
    unexpected += report(outcome.differences);
  });
  const ran = new Set(outcomes.map(({ name }) => name));
  const all = outcomes.flatMap(({ differences }) => differences);
  for (const line of staleRows(all, ran, expectations())) {
    console.log(line);
    unexpected += 1;
  }
  console.log(
    `${outcomes.length} of ${names.length} tests compile for little-endian BPF: ${sum(outcomes, (one) => one.compared)} objects compared ` +
      `(${sum(outcomes, (one) => one.ours)} instructions, llc's ${sum(outcomes, (one) => one.native)}), ` +
      `${sum(outcomes, (one) => one.refused)} inputs refused by both; ${unexpected} unexpected`,
  );
  return unexpected === 0 ? 0 : 1;
}

process.exitCode = await main();
