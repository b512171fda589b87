/** What main thread and worker say to each other. An order is answered before the next one is sent. */
import type { ClangCommand, ClangCommandResult } from "../command.ts";

/** Given to the worker at its start. */
export interface WorkerData {
  readonly module: WebAssembly.Module;
}

/** Main thread to worker. */
export type WorkerOrder = ClangCommand;

/** Worker to main thread. */
export interface WorkerAnswer {
  readonly result: ClangCommandResult;
}
