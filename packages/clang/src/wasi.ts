/** Runs a WASI program on in-memory files: @wasmer/wasi behind a port of one function. */
import { init, MemFS, WASI } from "@wasmer/wasi";
import type { ClangCommand, ClangCommandResult, ClangExit, TrapKind } from "./command.ts";
import { FileIdentity } from "./file-identity.ts";
import { type FdWrite, OutputLimit, StandardOutput } from "./standard-output.ts";

/** A program and the file system that its runs share. */
export interface WasiProgram {
  /** Runs the program in a fresh instance. Synchronous: it blocks its thread for as long as the program runs. */
  run(command: ClangCommand): ClangCommandResult;
}

/** Loads @wasmer/wasi's own WebAssembly. It happens anyway with the first program; calling it early saves that time. */
export function prepareWasi(): Promise<void> {
  return load(false);
}

/**
 * Makes the WASI side ready; `module` has to be a WASI preview1 command that exports its memory.
 * @param fresh drops the state of earlier programs: needed after a run that ended in a trap, because the trap may have gone
 *   through @wasmer/wasi's own code
 */
export async function createWasiProgram(
  programName: string,
  module: WebAssembly.Module | Promise<WebAssembly.Module>,
  fresh = false,
): Promise<WasiProgram> {
  const [ready] = await Promise.all([module, load(fresh)]);
  return { run: (command) => runOnce(programName, ready, command) };
}

/** `init` decodes its own WebAssembly with Node's Buffer; browsers have none, so they get as much of it as that needs. */
async function load(fresh: boolean): Promise<void> {
  const scope = globalThis as { Buffer?: unknown };
  if (scope.Buffer !== undefined) return init(undefined, fresh);
  scope.Buffer = {
    from: (base64: string) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)),
  };
  try {
    await init(undefined, fresh);
  } finally {
    delete scope.Buffer;
  }
}

/** Thrown through the program by proc_exit. */
class ProgramExit extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`exit ${status}`);
    this.status = status;
  }
}

function runOnce(programName: string, module: WebAssembly.Module, command: ClangCommand): ClangCommandResult {
  const wasi = new WASI({
    args: [programName, ...command.args],
    env: {},
    preopens: { "/": "/" },
    // From here on it belongs to `wasi`, and is freed with it.
    fs: fileSystem(command.files),
  });
  const imports = wasi.getImports(module) as Record<string, WebAssembly.ModuleImports>;
  const system = { ...imports["wasi_snapshot_preview1"] };
  const output = new StandardOutput(system["fd_write"] as FdWrite);
  system["fd_write"] = output.fdWrite;
  const identity = new FileIdentity();
  identity.install(system);
  system["proc_exit"] = (status: number) => {
    throw new ProgramExit(status);
  };
  const instance = new WebAssembly.Instance(module, { ...imports, wasi_snapshot_preview1: system });
  const memory = instance.exports["memory"] as WebAssembly.Memory;
  output.connect(memory);
  identity.memory = memory;
  wasi.instantiate(instance, {});
  let exit: ClangExit = { kind: "exit", status: 0 };
  try {
    (instance.exports["_start"] as () => void)();
  } catch (error) {
    exit = exitOf(error, output.stderr.text());
  }
  if (exit.kind === "exit") wasi.free();
  return {
    exit,
    stdout: output.stdout(),
    stderr: output.stderr.text(),
    memoryBytes: memory.buffer.byteLength,
  };
}

function exitOf(error: unknown, stderr: string): ClangExit {
  if (error instanceof ProgramExit) return { kind: "exit", status: error.status };
  const message = error instanceof Error ? error.message : String(error);
  let trap: TrapKind = "crash";
  if (error instanceof OutputLimit || /out of memory|bad alloc/i.test(stderr)) trap = "memory";
  // V8's own limit, or (the program's stack lies lowest in its memory) an address below zero.
  else if (error instanceof RangeError || /out of bounds/.test(message)) trap = "stack";
  return { kind: "trap", trap, message };
}

/** Writes a run's files. @wasmer/wasi's file system does not stand being handed from one run to the next: each has its own. */
function fileSystem(files: ReadonlyMap<string, string>): MemFS {
  const system = new MemFS();
  const folders = new Set<string>();
  for (const [path, text] of files) {
    for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1)) {
      const folder = path.slice(0, at);
      if (folders.has(folder)) continue;
      system.createDir(folder);
      folders.add(folder);
    }
    const file = system.open(path, { read: true, write: true, create: true });
    try {
      file.writeString(text);
      file.flush();
    } finally {
      // An open handle would keep the program from reading the file.
      file.free();
    }
  }
  return system;
}
