/** Finds clang's WebAssembly in the package @yowasp/clang and compiles it, once for the process. */
import { close, fstat, open, read, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { setFlagsFromString } from "node:v8";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { limitMemory } from "../memory-limit.ts";

const modules = new Map<number, Promise<WebAssembly.Module>>();

/**
 * The compiled program with its memory maximum lowered to `memoryLimitBytes`. It can be posted to workers, which then share
 * the compiled code.
 * @throws BpfkitError CC016 where the package's file cannot be read
 */
export function loadProgramModule(memoryLimitBytes: number): Promise<WebAssembly.Module> {
  let module = modules.get(memoryLimitBytes);
  if (module === undefined) {
    module = compile(memoryLimitBytes);
    modules.set(memoryLimitBytes, module);
    module.catch(() => modules.delete(memoryLimitBytes));
  }
  return module;
}

/** Lets the compiled programs go: those that run keep theirs, and a later compiler makes its own anew. */
export function forgetProgramModules(): void {
  modules.clear();
}

/** Version of the package @yowasp/clang. */
export function programPackageVersion(): string {
  const text = readFileSync(join(packageFolder(), "package.json"), "utf8");
  return String((JSON.parse(text) as { version?: unknown }).version);
}

function packageFolder(): string {
  // The package exports only its bundle, gen/bundle.js; the program lies beside it.
  return dirname(dirname(createRequire(import.meta.url).resolve("@yowasp/clang")));
}

async function compile(memoryLimitBytes: number): Promise<WebAssembly.Module> {
  const bytes = await readProgram();
  limitMemory(bytes, memoryLimitBytes);
  const restore = setCompilerFlags();
  try {
    return await WebAssembly.compile(bytes);
  } finally {
    restore();
  }
}

/** The file in one read: 75 MB in the small pieces of readFile take twice as long. */
async function readProgram(): Promise<Uint8Array<ArrayBuffer>> {
  const path = join(packageFolder(), "gen", "llvm.core.wasm");
  try {
    const file = await promisify(open)(path, "r");
    try {
      const { size } = await promisify(fstat)(file);
      const bytes = new Uint8Array(size);
      const { bytesRead } = await promisify(read)(file, bytes, 0, size, 0);
      if (bytesRead !== size) throw new Error(`read ${bytesRead} of ${size} bytes`);
      return bytes;
    } finally {
      close(file);
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BpfkitError("CC016", `cannot read the compiler: ${why}`, {
      cause: error,
      hint: "Install the package @yowasp/clang again: npm ci",
    });
  }
}

/** The default of --wasm-tiering-budget by V8 version, to be restored. */
const tieringBudgets: Readonly<Record<string, number>> = { "11.3": 1_800_000 };

/**
 * Sets V8 up for a program of which a run uses a tenth, once. Both flags are the process's, and matter only while the module
 * is made, so they are put back right after:
 * - lazy validation: a function is checked when it is first called (270 ms for all of them become 60);
 * - a tiering budget a hundred times the usual: the optimising compiler otherwise competes for the processor with the very run
 *   that it is meant to speed up. Only what is hot over several runs is worth its time.
 */
function setCompilerFlags(): () => void {
  const budget = tieringBudgets[process.versions.v8.split(".").slice(0, 2).join(".")];
  setFlagsFromString("--wasm-lazy-validation");
  if (budget !== undefined) setFlagsFromString("--wasm-tiering-budget=200000000");
  return () => {
    setFlagsFromString("--no-wasm-lazy-validation");
    if (budget !== undefined) setFlagsFromString(`--wasm-tiering-budget=${budget}`);
  };
}
