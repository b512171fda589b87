/** One worker thread from its start to its end, which may come at any time and is then the answer to the run at hand. */
import { Worker } from "node:worker_threads";
import { type ClangCommand, type ClangCommandResult, type TrapKind, trapResult } from "../command.ts";
import type { WorkerAnswer, WorkerOrder } from "./worker-protocol.ts";

/** A worker that has been started. */
export interface ClangWorker {
  /** One run at a time. A worker that ends or has ended gives the result of a trap. Rejects only where the module did. */
  run(command: ClangCommand): Promise<ClangCommandResult>;
  end(): Promise<void>;
}

/** Starts a worker; it gets the module as soon as there is one. An idle worker does not keep the process alive. */
export function startWorker(module: Promise<WebAssembly.Module>, stackSizeMb: number): ClangWorker {
  return new RunningWorker(module, stackSizeMb);
}

class RunningWorker implements ClangWorker {
  readonly #worker: Worker;
  readonly #ready: Promise<void>;
  #ended: ClangCommandResult | undefined;
  #answer: ((result: ClangCommandResult) => void) | undefined;

  constructor(module: Promise<WebAssembly.Module>, stackSizeMb: number) {
    this.#worker = newThread(stackSizeMb);
    this.#worker.on("message", ({ result }: WorkerAnswer) => this.#give(result));
    this.#worker.on("error", (error: Error & { readonly code?: string }) => {
      this.#end(error.code === "ERR_WORKER_OUT_OF_MEMORY" ? "memory" : "crash", error.message);
    });
    this.#worker.on("exit", (code) => this.#end("crash", `the worker ended with ${code}`));
    this.#worker.unref();
    this.#ready = module.then((made) => this.#send({ kind: "module", module: made }));
    // The run that waits for it tells it.
    this.#ready.catch(() => {});
  }

  async run(command: ClangCommand): Promise<ClangCommandResult> {
    await this.#ready;
    if (this.#ended !== undefined) return this.#ended;
    return new Promise((resolve) => {
      this.#answer = resolve;
      this.#worker.ref();
      this.#send({ kind: "run", command });
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #send(order: WorkerOrder): void {
    this.#worker.postMessage(order);
  }

  #give(result: ClangCommandResult): void {
    const answer = this.#answer;
    this.#answer = undefined;
    this.#worker.unref();
    answer?.(result);
  }

  #end(trap: TrapKind, message: string): void {
    this.#ended ??= trapResult(trap, message);
    this.#give(this.#ended);
  }
}

function newThread(stackSizeMb: number): Worker {
  const resourceLimits = { stackSizeMb };
  if (!import.meta.url.endsWith(".ts")) {
    // The built worker needs none of the flags that this process was started with.
    return new Worker(new URL("./worker.js", import.meta.url), { resourceLimits, execArgv: [] });
  }
  // From source, as in tests: workers do not inherit the loader of TypeScript.
  const loader = JSON.stringify(import.meta.resolve("tsx/esm/api"));
  const worker = JSON.stringify(new URL("./worker.ts", import.meta.url).href);
  const script = `import(${loader}).then(({ register }) => { register(); return import(${worker}); });`;
  return new Worker(script, { resourceLimits, eval: true });
}
