/**
 * `npm run fuzz:ir`: damages LLVM IR and hands it to the code generator, which must answer with a diagnostic or a sound object.
 *
 * Options: `--seconds N` (60), `--seed N` (the first; 1), `--cases N`, and names of .ll files to damage; without any, the
 * bundled tools' IR is. A fault is printed with its seed: the same files and `--seed N --cases 1` show it again. Exit code 1
 * where there is one.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { tools } from "@bpfkit/tools";
import { type IrSource, runDamaged } from "../test/codegen/damaged-ir/run.ts";
import { irStages } from "../test/support/ir-stages.ts";

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    cases: { type: "string" },
  },
  allowPositionals: true,
});

async function bundled(): Promise<IrSource[]> {
  const folder = resolve(import.meta.dirname, "../packages/tools/src");
  const files = tools.map(({ name }) => `${folder}/${name}/${name}.bpf.c`);
  const stages = await irStages(files.map((file) => ({ file, text: readFileSync(file, "utf8") })));
  return stages.flatMap(({ name, raw, optimised }) => [
    { name, text: optimised, stage: "generate" as const },
    { name, text: raw, stage: "lower" as const },
  ]);
}

/** Unoptimised IR still has the intrinsics that lowering takes out. */
function fromFile(name: string): IrSource {
  const text = readFileSync(name, "utf8");
  return { name, text, stage: text.includes("@llvm.preserve.") ? "lower" : "generate" };
}

const sources = positionals.length === 0 ? await bundled() : positionals.map(fromFile);
const { cases, refused, built, faults, slowest } = await runDamaged(sources, {
  firstSeed: Number(values.seed),
  seconds: Number(values.seconds),
  ...(values.cases === undefined ? {} : { mostCases: Number(values.cases) }),
});
for (const { name, stage, seed, message } of faults)
  console.log(`FAULT ${name} (${stage}), seed ${seed}: ${message}`);
console.log(
  `${cases} cases from seed ${values.seed}: ${refused} refused, ${built} built, ${faults.length} faults; ` +
    `slowest ${slowest.milliseconds.toFixed(0)} ms (${slowest.name}, seed ${slowest.seed})`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
