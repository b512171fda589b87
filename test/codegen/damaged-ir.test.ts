/** Damaged IR gives a diagnostic or a sound object, whatever is damaged: a sample of what `npm run fuzz:ir` does for longer. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tools } from "@bpfkit/tools";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { irStages } from "../support/ir-stages.ts";
import { type IrSource, runDamaged } from "./damaged-ir/run.ts";

const packages = join(import.meta.dirname, "../../packages");

async function sources(): Promise<IrSource[]> {
  const texts = tools.map(({ name }) => join(packages, "tools/src", name, `${name}.bpf.c`));
  texts.push(join(packages, "bpfkit/src/testdata/tables.bpf.c"));
  const stages = await irStages(texts.map((file) => ({ file, text: readFileSync(file, "utf8") })));
  return stages.flatMap(({ name, raw, optimised }) => [
    { name, text: optimised, stage: "generate" as const },
    { name, text: optimised, stage: "generate" as const },
    { name, text: raw, stage: "lower" as const },
  ]);
}

test("damaged IR never breaks the code generator", async () => {
  const { cases, refused, built, faults } = await runDamaged(await sources(), {
    firstSeed: 1,
    seconds: Number(process.env["BPFKIT_FUZZ_SECONDS"] ?? 25),
  });
  assert.equal(faults, []);
  assert.ok(refused > 0 && built > 0 && cases > 50, `${cases} cases, ${refused} refused, ${built} built`);
});

test.run();
