/**
 * `npm run corpus:reads`: rewrites the C of every tool in Debian's bpfcc-tools, and of its variants, with bpfkit and with BCC's
 * own front end, and compares which kernel memory each text then reads: expression, type and size. Exit code 1 where bpfkit
 * reads less, or something else that test/corpus/reads/expected.json does not explain.
 *
 * Options: `--no-variants`, `--only PATTERN` (a regular expression for names), `--all` (a row for equal programs, too).
 * Needs root: BCC creates maps while it compiles.
 */
import { parseArgs } from "node:util";
import { Builder } from "bpfkit/node";
import { corpus, whyNoCorpus } from "../test/corpus/extraction.ts";
import { compareReads } from "../test/corpus/reads/compare.ts";
import { explanationOf, readExplanations } from "../test/corpus/reads/explanations.ts";
import { rewrittenTextOf } from "../test/corpus/reads/read-set.ts";
import { guestKernel } from "../test/kernel/guest/kernel-package.ts";
import { peers } from "../test/kernel/guest/peers/packages.ts";
import { recordingFile, recordings, whyNoRecording } from "../test/kernel/guest/peers/record.ts";
import { requireTool } from "../test/support/native-tools.ts";

const { values: options } = parseArgs({
  options: {
    "no-variants": { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    only: { type: "string", default: "" },
  },
});

async function main(): Promise<number> {
  const missing = whyNoCorpus() ?? whyNoRecording();
  if (missing !== undefined) {
    console.error(`SKIPPED: ${missing}`);
    return process.env["CI"] === undefined ? 0 : 1;
  }
  const only = new RegExp(options.only);
  const programs = corpus({ variants: !options["no-variants"] }).filter(({ name }) => only.test(name));
  const sources = programs.map(({ name, text, defines }) => ({
    name,
    text,
    cflags: defines.map((define) => `-D${define}`),
  }));
  const file = recordingFile(peers(guestKernel().release), sources);
  const outputs = recordings(file);
  const clang = requireTool("clang-19");
  const builder = new Builder({ cache: false });
  const rows = readExplanations();
  const total = { compared: 0, equal: 0, bcc: 0, bpfkit: 0, unexplained: 0 };
  for (const program of programs) {
    const text = rewrittenTextOf(outputs.get(program.name)?.output ?? "");
    if (text === undefined || outputs.get(program.name)?.module === null) {
      console.log(`${program.name.padEnd(44)} BCC itself fails`);
      continue;
    }
    const { bcc, bpfkit, differences } = await compareReads(program, text, builder, clang);
    total.compared += 1;
    total.bcc += bcc;
    total.bpfkit += bpfkit;
    if (differences.length === 0) total.equal += 1;
    if (options.all || differences.length > 0)
      console.log(`${program.name.padEnd(44)} BCC ${bcc}, bpfkit ${bpfkit}`);
    for (const difference of differences) {
      const reason = explanationOf(difference, rows);
      if (reason === undefined) total.unexplained += 1;
      const { kind, expression, detail } = difference;
      console.log(`    ${kind} ${expression} ${detail} [${reason ?? "NOT EXPLAINED"}]`);
    }
  }
  await builder.close();
  console.log(
    `${total.compared} programs: ${total.equal} read the same, ${total.bcc} reads by BCC, ${total.bpfkit} by bpfkit; ` +
      `${total.unexplained} differences not explained`,
  );
  return total.unexplained === 0 ? 0 : 1;
}

process.exitCode = await main();
