/**
 * `npm run corpus:bcc -- FOLDER`: builds every program of a BCC source tree: its tools with their variants, its
 * examples, and the programs in its tests. With `--load`, asks this machine's kernel to load the objects. Exit code 1 where
 * something fails that test/corpus/bcc-tree-expected.json does not expect, or the other way round.
 *
 * Options: `--load` (root only; nothing is attached), `--only PATTERN` (a regular expression for names, which are paths in
 * the tree's parts), `--bless` (writes the list anew).
 */
import { existsSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
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
} from "../test/corpus/expectations.ts";
import { type CorpusProgram, treeCorpus } from "../test/corpus/extraction.ts";
import { refusalOf } from "../test/corpus/host-load.ts";
import { canLoadBpf, findTool } from "../test/support/native-tools.ts";

const list = "bcc-tree-expected";

const { values: options, positionals } = parseArgs({
  options: {
    load: { type: "boolean", default: false },
    bless: { type: "boolean", default: false },
    only: { type: "string", default: "" },
  },
  allowPositionals: true,
});

/** What went wrong with one program; undefined where nothing did. */
async function check(
  program: CorpusProgram,
  builder: Builder,
  bpftool: string | undefined,
): Promise<Failure | undefined> {
  const { name, text, defines } = program;
  try {
    const { object } = await builder.compile({ file: `${name.replace(/^.*\//, "")}.c`, text }, defines);
    const refusal = bpftool === undefined ? undefined : refusalOf(bpftool, object);
    return refusal === undefined
      ? undefined
      : { program: name, stage: "load", message: refusal, release: release() };
  } catch (error) {
    if (!(error instanceof BpfkitError)) throw error;
    const range = error.diagnostics.find((diagnostic) => diagnostic.severity === "error")?.range;
    const line = range === undefined ? "" : ` (line ${range.line})`;
    return {
      program: name,
      stage: "build",
      message: `${error.code}: ${error.message.split("\n")[0]}${line}`,
    };
  }
}

async function main(): Promise<number> {
  const [tree] = positionals;
  if (tree === undefined || !existsSync(join(tree, "tests/python"))) {
    console.error("give the folder of a BCC source tree (https://github.com/iovisor/bcc)");
    return 2;
  }
  const bpftool = options.load && canLoadBpf() ? findTool("bpftool") : undefined;
  if (options.load && bpftool === undefined)
    console.error("SKIPPED: loading needs root, bpftool and a kernel that takes BPF programs");
  const only = new RegExp(options.only);
  const programs = treeCorpus(tree, (line) => console.error(line)).filter(({ name }) => only.test(name));
  const builder = new Builder({ cache: false });
  const expected = expectedFailures(list);
  const failures: Failure[] = [];
  let unexpected = 0;
  for (const program of programs) {
    const failure = await check(program, builder, bpftool);
    if (failure === undefined) continue;
    failures.push(failure);
    const known = expectationOf(failure, expected);
    if (known === undefined) unexpected += 1;
    const word = known === undefined ? "FAILED" : "expected";
    const reason = known === undefined ? "" : ` [${known.reason}]`;
    console.log(`${program.name.padEnd(60)} ${word} ${failure.stage}: ${failure.message}${reason}`);
  }
  await builder.close();
  const ran = (row: ExpectedFailure): boolean =>
    row.stage === "build" || (bpftool !== undefined && isAbout(row, release()));
  if (options.bless) bless(failures, ran, list);
  const failed = new Set(failures.map(({ program, stage }) => `${stage} ${program}`));
  const stale = expected
    .filter(({ stage }) => stage === "build" && options.only === "")
    .flatMap(({ programs: names }) => names.filter((name) => !failed.has(`build ${name}`)));
  for (const name of stale) console.log(`${name.padEnd(60)} builds now`);
  const built = programs.length - failures.filter(({ stage }) => stage === "build").length;
  const loaded = bpftool === undefined ? "" : `, ${programs.length - failures.length} loaded`;
  console.log(`${built}/${programs.length} built${loaded}; ${unexpected} unexpected`);
  return options.bless || (unexpected === 0 && stale.length === 0) ? 0 : 1;
}

process.exitCode = await main();
