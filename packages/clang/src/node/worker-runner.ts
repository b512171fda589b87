/** Runs clang in a worker thread with bounded stack, memory and time; whatever happens there, this process goes on. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { type ClangCommand, type ClangCommandResult, type ClangRunner, trapResult } from "../command.ts";
import { type ClangWorker, startWorker } from "./clang-worker.ts";

/** Bounds of a run. */
export interface WorkerLimits {
  readonly timeoutMs: number;
  readonly stackSizeMb: number;
}

/** A runner with one worker, which is replaced after every run that did not end by itself. */
export class WorkerRunner implements ClangRunner {
  readonly #module: Promise<WebAssembly.Module>;
  readonly #limits: WorkerLimits;
  #worker: ClangWorker | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(module: Promise<WebAssembly.Module>, limits: WorkerLimits) {
    this.#module = module;
    // Awaited, and its failure told, by the first run.
    module.catch(() => {});
    this.#limits = limits;
    // Start now: the caller has other work to do before its first run.
    this.#worker = startWorker(module, limits.stackSizeMb);
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
    await worker?.end();
  }

  async #runNow(command: ClangCommand): Promise<ClangCommandResult> {
    if (this.#closed) throw closedError();
    await this.#module;
    this.#worker ??= startWorker(this.#module, this.#limits.stackSizeMb);
    const worker = this.#worker;
    const result = await this.#withTimeLimit(worker.run(command));
    if (this.#closed) throw closedError();
    if (result.exit.kind === "trap") {
      this.#worker = undefined;
      await worker.end();
    }
    return result;
  }

  async #withTimeLimit(result: Promise<ClangCommandResult>): Promise<ClangCommandResult> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const { timeoutMs } = this.#limits;
    const limit = new Promise<ClangCommandResult>((resolve) => {
      timer = setTimeout(() => resolve(trapResult("timeout", `stopped after ${timeoutMs} ms`)), timeoutMs);
    });
    try {
      return await Promise.race([result, limit]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function closedError(): BpfkitError {
  return new BpfkitError("CC015", "the compiler has been closed");
}
