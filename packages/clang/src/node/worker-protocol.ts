/** What main thread and worker say to each other. A run is answered before the next one is ordered. */
import type { ClangCommand, ClangCommandResult } from "../command.ts";

/** Main thread to worker. The module comes first, once. */
export type WorkerOrder =
  | { readonly kind: "module"; readonly module: WebAssembly.Module }
  | { readonly kind: "run"; readonly command: ClangCommand };

/** Worker to main thread: the result of a run. */
export interface WorkerAnswer {
  readonly result: ClangCommandResult;
}
