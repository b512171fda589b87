/** Clang on Node: from the disk, in a worker, within limits. */
import type { Clang } from "../clang.ts";
import { clangOn } from "../clang.ts";
import { programVersion } from "../in-thread.ts";
import { loadProgramModule, programPackageVersion } from "./program-module.ts";
import { WorkerRunner } from "./worker-runner.ts";

export { forgetProgramModules } from "./program-module.ts";

/** Limits of each run. */
export interface NodeClangOptions {
  /** Default 60 seconds. */
  readonly timeoutMs?: number;
  /** Most memory that clang may take; default 1 GiB. A BPF program takes less than 100 MiB. */
  readonly memoryLimitBytes?: number;
  /** Stack of the worker in MiB, which bounds how deep a program may nest; default 64. */
  readonly stackSizeMb?: number;
}

/**
 * Starts a compiler. The program is read and made ready in the background, beginning now; further compilers in the same
 * process share it.
 */
export function createNodeClang(options: NodeClangOptions = {}): Clang {
  const module = loadProgramModule(options.memoryLimitBytes ?? 1 << 30);
  const runner = new WorkerRunner(module, {
    timeoutMs: options.timeoutMs ?? 60_000,
    stackSizeMb: options.stackSizeMb ?? 64,
  });
  return clangOn(runner, programVersion(programPackageVersion()));
}
