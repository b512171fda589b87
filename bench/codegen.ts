/** How fast the code generator is: megabytes of realistic IR in a second, and how its time grows with a function's size. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { irStages } from "../test/support/ir-stages.ts";
import { largeFunctions } from "../test/support/large-functions.ts";
import { programs } from "./programs.ts";

/** What `npm run build` made, as users run it: sources run with names that the loader keeps, which costs a fifth. */
const built = resolve(import.meta.dirname, "../packages/codegen/dist/index.js");
const { generate } = (await import(built)) as typeof import("@bpfkit/codegen");

const testdata = resolve(import.meta.dirname, "../packages/loader/src/testdata");

/** Milliseconds of processor time, garbage collection included: other work on the machine does not count. */
function milliseconds(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/**
 * Megabytes of IR text in a second of processor time, garbage collection included, once the engine has compiled the hot code.
 * @param say told a name and a number
 */
export async function benchThroughput(say: (what: string, value: number) => void): Promise<void> {
  const libbpf = ["collection", "externs", "co-re"].map((name) => `${testdata}/${name}.bpf.c`);
  const header = readFileSync(`${testdata}/bpf.h`, "utf8");
  const sources = [
    ...programs().map(([file, text]) => ({ file, text })),
    ...libbpf.map((file) => ({ file, text: readFileSync(file, "utf8").replace('#include "bpf.h"', header) })),
  ];
  const texts = (await irStages(sources)).map(({ optimised }) => optimised);
  const all = (): void => {
    for (const text of texts) generate(text, { cpu: "v3", mainFile: "bench.c" });
  };
  const bytes = texts.reduce((sum, text) => sum + text.length, 0);
  say("IR to object, first time (MB/s)", bytes / 1000 / milliseconds(all));
  for (let warming = 0; warming < 4000; ) warming += milliseconds(all);
  let spent = 0;
  let rounds = 0;
  for (; spent < 3000; rounds++) spent += milliseconds(all);
  say("IR to object, warm (MB/s)", (bytes * rounds) / 1000 / spent);
}

/** Times for functions of growing size; the last number is the time of the largest over that of the one half as large. */
export function benchGrowth(say: (what: string, ...values: readonly number[]) => void): void {
  for (const { what, sizes, make } of largeFunctions) {
    const times = sizes.map((size) => {
      const text = make(size);
      return Math.min(
        ...[1, 2].map(() => milliseconds(() => generate(text, { cpu: "v3", mainFile: "large.c" }))),
      );
    });
    const largest = times.at(-1) ?? Number.NaN;
    say(`${sizes.at(-1)} ${what} (ms, growth)`, largest, largest / (times.at(-2) ?? Number.NaN));
  }
}
