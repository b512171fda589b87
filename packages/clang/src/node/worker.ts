/** The worker: runs one command after the other, each when it is told to. */
import { parentPort } from "node:worker_threads";
import { InThreadRunner } from "../in-thread.ts";
import { prepareWasi } from "../wasi.ts";
import type { WorkerAnswer, WorkerOrder } from "./worker-protocol.ts";

let runner: InThreadRunner | undefined;

parentPort?.on("message", async (order: WorkerOrder) => {
  if (order.kind === "module") {
    runner = new InThreadRunner(() => Promise.resolve(order.module));
    return;
  }
  if (runner === undefined) throw new Error("no module yet");
  const result = await runner.run(order.command);
  const answer: WorkerAnswer = { result };
  parentPort?.postMessage(answer, [result.stdout.buffer as ArrayBuffer]);
});

// @wasmer/wasi asks whether its module is a Response or a Request, and Node loads its whole HTTP client (15 ms) for an answer.
for (const name of ["Request", "Response"]) Object.defineProperty(globalThis, name, { value: undefined });
// While the main thread still makes the module.
await prepareWasi();
