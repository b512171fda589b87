/**
 * `npm run differential:codegen`: builds random C programs with native clang-19 and with bpfkit at all levels that have what
 * they use, at -O1, -O2 and -Os, runs all builds in both engines of the VM, and a part of them in this machine's kernel by
 * BPF_PROG_TEST_RUN (nothing is attached), and compares return values, variables and maps. Exit code 1 on a difference.
 *
 * Options: `--programs N` (10000), `--seed N` (the first seed, 1), `--batch N` (programs in a file, 50), `--kernel-share N` (one
 * file in N goes to the kernel, too; 0 for none, 10 by default), `--workers N` (2), `--print` (the text of the first file).
 */
import { fork } from "node:child_process";
import { parseArgs } from "node:util";
import { LinuxKernel } from "@bpfkit/loader/linux";
import { type BatchOutcome, batchOf, Differential } from "../test/codegen/differential.ts";
import { canLoadBpf, requireTool } from "../test/support/native-tools.ts";
import { boot } from "../test/vm/boot.ts";

const { values } = parseArgs({
  options: {
    programs: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    batch: { type: "string", default: "50" },
    "kernel-share": { type: "string", default: "10" },
    workers: { type: "string", default: "2" },
    print: { type: "boolean", default: false },
  },
});
const size = Number(values.batch);
const first = Number(values.seed);
const share = Number(values["kernel-share"]);

/** A worker process: compares the batches whose seeds it is sent. */
async function work(clang: string): Promise<void> {
  const real = share > 0 && canLoadBpf() ? new LinuxKernel() : undefined;
  const engines = { simulated: (engine: "interpreter" | "jit") => boot("exec", engine) };
  const differential = new Differential(clang, real === undefined ? engines : { ...engines, real });
  process.on("message", async (seed: number) => {
    if (seed < 0) {
      await differential.close();
      real?.shutdown();
      process.disconnect();
      return;
    }
    try {
      process.send?.(await differential.compare(batchOf(seed, size), share > 0 && seed % share === 0));
    } catch (error) {
      process.send?.({
        seed,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
  });
}

type Answer = BatchOutcome | { readonly seed: number; readonly error: string };

/** Hands out seeds to workers until all batches are compared. */
function compareAll(seeds: readonly number[], done: (answer: Answer) => void): Promise<void> {
  const waiting = [...seeds];
  const workers = Array.from({ length: Math.min(Number(values.workers), seeds.length) }, () => {
    const child = fork(new URL(import.meta.url), process.argv.slice(2), {
      execArgv: process.execArgv,
      env: { ...process.env, BPFKIT_DIFFERENTIAL_WORKER: "1" },
    });
    const next = (): void => {
      child.send(waiting.shift() ?? -1);
    };
    child.on("message", (answer: Answer) => {
      done(answer);
      next();
    });
    next();
    return new Promise<void>((resolve, reject) => {
      child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))));
    });
  });
  return Promise.all(workers).then(() => undefined);
}

async function main(): Promise<number> {
  if (values.print) {
    console.log(batchOf(first, size).text);
    return 0;
  }
  const batches = Math.ceil(Number(values.programs) / size);
  const seeds = Array.from({ length: batches }, (_, index) => first + index);
  const total = { programs: 0, comparisons: 0, inKernel: 0, refused: 0, differences: 0 };
  await compareAll(seeds, (answer) => {
    if ("error" in answer) {
      total.differences += 1;
      console.log(`seed ${answer.seed}: FAILED ${answer.error}`);
      return;
    }
    total.programs += answer.programs;
    total.comparisons += answer.comparisons;
    total.inKernel += answer.inKernel;
    total.refused += answer.refusedByKernel;
    total.differences += answer.differences.length;
    if (answer.differences.length === 0)
      console.log(`seed ${answer.seed}: ${answer.programs} programs equal`);
    for (const { seed, program, between, message } of answer.differences)
      console.log(`seed ${seed}: DIFFERENT ${program} between ${between}: ${message}`);
  });
  const last = seeds[seeds.length - 1];
  console.log(
    `seeds ${first} to ${last}, ${size} programs each: ${total.programs} programs, ${total.comparisons} runs compared in the VM, ` +
      `${total.inKernel} in this kernel (which refuses ${total.refused} of clang's); ${total.differences} differences`,
  );
  return total.differences === 0 && total.programs > 0 ? 0 : 1;
}

const clang = requireTool("clang-19");
if (clang === undefined) process.exitCode = process.env["CI"] === undefined ? 0 : 1;
else if (process.env["BPFKIT_DIFFERENTIAL_WORKER"] !== undefined) await work(clang);
else process.exitCode = await main();
