/** The worker: runs one command after the other, each when it is told to. */
import { parentPort, workerData } from "node:worker_threads";
import { InThreadRunner } from "../in-thread.ts";
import type { WorkerAnswer, WorkerData, WorkerOrder } from "./worker-protocol.ts";

const { module } = workerData as WorkerData;
const runner = new InThreadRunner(() => Promise.resolve(module));

parentPort?.on("message", async (order: WorkerOrder) => {
  const result = await runner.run(order);
  const answer: WorkerAnswer = { result };
  parentPort?.postMessage(answer, [result.stdout.buffer as ArrayBuffer]);
});
