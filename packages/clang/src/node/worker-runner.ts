/** Runs clang in a worker thread with bounded stack, memory and time; whatever happens there, this process goes on. */
import { Worker } from "node:worker_threads";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { ClangCommand, ClangCommandResult, ClangRunner, TrapKind } from "../command.ts";
import type { WorkerAnswer, WorkerOrder } from "./worker-protocol.ts";

/** Bounds of a run. */
export interface WorkerLimits {
  readonly timeoutMs: number;
  readonly stackSizeMb: number;
}

/** A runner with one worker, which is replaced after every run that did not end by itself. */
export class WorkerRunner implements ClangRunner {
  readonly #module: Promise<WebAssembly.Module>;
  readonly #limits: WorkerLimits;
  #worker: Promise<Worker> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(module: Promise<WebAssembly.Module>, limits: WorkerLimits) {
    this.#module = module;
    this.#limits = limits;
    // Start now: the caller has other work to do before its first run. A failure shows in that run.
    this.#worker = this.#start();
    this.#worker.catch(() => {});
  }

  run(command: ClangCommand): Promise<ClangCommandResult> {
    const result = this.#last.then(() => this.#runNow(command));
    this.#last = result.catch(() => {});
    return result;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    this.#worker = undefined;
    await (await worker?.catch(() => undefined))?.terminate();
  }

  async #runNow(command: ClangCommand): Promise<ClangCommandResult> {
    if (this.#closed) throw closedError();
    this.#worker ??= this.#start();
    let worker: Worker;
    try {
      worker = await this.#worker;
    } catch (error) {
      this.#worker = undefined;
      throw error;
    }
    const result = await this.#ask(worker, command);
    if (this.#closed) throw closedError();
    if (result.exit.kind === "trap") {
      this.#worker = undefined;
      // Being terminated may make it fail once more; that is of no interest.
      worker.on("error", () => {});
      await worker.terminate();
    }
    return result;
  }

  async #start(): Promise<Worker> {
    const isSource = import.meta.url.endsWith(".ts");
    const worker = new Worker(new URL(isSource ? "./worker.ts" : "./worker.js", import.meta.url), {
      resourceLimits: { stackSizeMb: this.#limits.stackSizeMb },
      // The built worker needs none of the flags this process was started with; the source needs its loader.
      ...(isSource ? {} : { execArgv: [] }),
    });
    // An idle compiler shall not keep the process alive.
    worker.unref();
    // The module is still being made while the worker starts.
    const order: WorkerOrder = { kind: "module", module: await this.#module };
    worker.postMessage(order);
    return worker;
  }

  /** Sends a command and waits for its answer, the time limit, or the worker's end. Never rejects. */
  #ask(worker: Worker, command: ClangCommand): Promise<ClangCommandResult> {
    return new Promise((resolve) => {
      const finish = (result: ClangCommandResult) => {
        clearTimeout(timer);
        worker.off("message", onAnswer).off("error", onError).off("exit", onExit);
        worker.unref();
        resolve(result);
      };
      const onAnswer = ({ result }: WorkerAnswer) => finish(result);
      const onError = (error: Error & { readonly code?: string }) =>
        finish(trapResult(error.code === "ERR_WORKER_OUT_OF_MEMORY" ? "memory" : "crash", error.message));
      const onExit = (code: number) => finish(trapResult("crash", `the worker ended with ${code}`));
      const timer = setTimeout(
        () => finish(trapResult("timeout", `stopped after ${this.#limits.timeoutMs} ms`)),
        this.#limits.timeoutMs,
      );
      worker.on("message", onAnswer).on("error", onError).on("exit", onExit);
      worker.ref();
      const order: WorkerOrder = { kind: "run", command };
      worker.postMessage(order);
    });
  }
}

function trapResult(trap: TrapKind, message: string): ClangCommandResult {
  return { exit: { kind: "trap", trap, message }, stdout: new Uint8Array(), stderr: "", memoryBytes: 0 };
}

function closedError(): BpfkitError {
  return new BpfkitError("CC015", "the compiler has been closed");
}
