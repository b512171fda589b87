/** Runs clang in the thread that calls: for a browser's own worker, and inside our worker on Node. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Clang } from "./clang.ts";
import { clangOn } from "./clang.ts";
import type { ClangCommand, ClangCommandResult, ClangRunner } from "./command.ts";
import { createWasiProgram, type WasiProgram } from "./wasi.ts";

/** Where {@link createClang} gets the program. */
export interface ClangOptions {
  /** The compiled `llvm.core.wasm` of the package `@yowasp/clang`. Called once. */
  loadModule(): Promise<WebAssembly.Module>;
  /** Version of that package. */
  readonly version: string;
}

/**
 * A compiler in this thread: each run blocks it, there is no time limit, and how deep a program may nest depends on the thread's
 * stack. Give it a worker of its own.
 */
export function createClang(options: ClangOptions): Clang {
  return clangOn(new InThreadRunner(() => options.loadModule()), programVersion(options.version));
}

/** The name of the program in {@link Clang.version}. */
export function programVersion(packageVersion: string): string {
  return `@yowasp/clang ${packageVersion}`;
}

/** A runner in this thread. */
export class InThreadRunner implements ClangRunner {
  readonly #loadModule: () => Promise<WebAssembly.Module>;
  #module: Promise<WebAssembly.Module> | undefined;
  #program: Promise<WasiProgram> | undefined;
  #closed = false;

  constructor(loadModule: () => Promise<WebAssembly.Module>) {
    this.#loadModule = loadModule;
  }

  async run(command: ClangCommand): Promise<ClangCommandResult> {
    if (this.#closed) throw new BpfkitError("CC015", "the compiler has been closed");
    this.#module ??= this.#loadModule();
    this.#program ??= createWasiProgram("clang", this.#module);
    const program = await this.#program;
    const result = program.run(command);
    if (result.exit.kind === "trap") this.#program = createWasiProgram("clang", this.#module, true);
    return result;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#program = undefined;
    this.#module = undefined;
  }
}
