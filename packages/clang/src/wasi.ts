/** Runs a WASI program on in-memory files: @wasmer/wasi behind a port of one function. */
import { init, MemFS, WASI } from "@wasmer/wasi";
import {
  type ClangCommand,
  type ClangCommandResult,
  type ClangExit,
  LargestOutput,
  type TrapKind,
} from "./command.ts";

/** A program and the file system that its runs share. */
export interface WasiProgram {
  /** Runs the program in a fresh instance. Synchronous: it blocks its thread for as long as the program runs. */
  run(command: ClangCommand): ClangCommandResult;
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
  const [ready] = await Promise.all([module, init(undefined, fresh)]);
  const files = new FileSet();
  return { run: (command) => runOnce(programName, ready, files, command) };
}

/** Thrown through the program by proc_exit. */
class ProgramExit extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`exit ${status}`);
    this.status = status;
  }
}

/** Thrown through the program when it prints without end. */
class OutputLimit extends Error {}

function runOnce(
  programName: string,
  module: WebAssembly.Module,
  files: FileSet,
  command: ClangCommand,
): ClangCommandResult {
  files.replace(command.files);
  const wasi = new WASI({
    args: [programName, ...command.args],
    env: {},
    preopens: { "/": "/" },
    fs: files.memory,
  });
  // The constructor took the object over, and what is behind it; this is a second handle on the same files.
  files.memory = wasi.fs;
  const imports = wasi.getImports(module) as Record<string, WebAssembly.ModuleImports>;
  const output = new OutputStreams();
  const system = { ...imports["wasi_snapshot_preview1"] };
  const writeFile = system["fd_write"] as FdWrite;
  system["fd_write"] = output.fdWrite(writeFile);
  system["proc_exit"] = (status: number) => {
    throw new ProgramExit(status);
  };
  const instance = new WebAssembly.Instance(module, { ...imports, wasi_snapshot_preview1: system });
  output.memory = instance.exports["memory"] as WebAssembly.Memory;
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
    stdout: output.stdout.bytes(),
    stderr: output.stderr.text(),
    memoryBytes: output.memory.buffer.byteLength,
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

type FdWrite = (fd: number, vectors: number, count: number, written: number) => number;

/**
 * Takes standard output and error from the program without going through @wasmer/wasi. LLVM's streams are unbuffered
 * under WASI (fstat tells no block size there), so that one AST is half a million writes of a few bytes each.
 */
class OutputStreams {
  memory: WebAssembly.Memory | undefined;
  readonly stdout = new ByteSink();
  readonly stderr = new ByteSink();

  fdWrite(writeFile: FdWrite): FdWrite {
    let view = new DataView(new ArrayBuffer(0));
    let bytes = new Uint8Array(0);
    return (fd, vectors, count, written) => {
      const sink = fd === 1 ? this.stdout : fd === 2 ? this.stderr : undefined;
      if (sink === undefined) return writeFile(fd, vectors, count, written);
      if (bytes.length === 0) {
        // First use, or the memory grew and detached the old views.
        const buffer = this.memory?.buffer ?? new ArrayBuffer(0);
        view = new DataView(buffer);
        bytes = new Uint8Array(buffer);
      }
      let total = 0;
      for (let index = 0; index < count; index++) {
        const start = view.getUint32(vectors + 8 * index, true);
        const size = view.getUint32(vectors + 8 * index + 4, true);
        sink.append(bytes, start, size);
        total += size;
      }
      view.setUint32(written, total, true);
      return 0;
    };
  }
}

/** Grows by doubling. */
class ByteSink {
  #buffer = new Uint8Array(1 << 16);
  #length = 0;

  append(source: Uint8Array, start: number, size: number): void {
    const end = this.#length + size;
    if (end > this.#buffer.length) this.#grow(end);
    const buffer = this.#buffer;
    if (size < 64) {
      // A call of `set` costs more than copying a few bytes by hand.
      for (let index = 0; index < size; index++) buffer[this.#length + index] = source[start + index] ?? 0;
    } else {
      buffer.set(source.subarray(start, start + size), this.#length);
    }
    this.#length = end;
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  text(): string {
    return new TextDecoder().decode(this.bytes());
  }

  #grow(needed: number): void {
    if (needed > LargestOutput) throw new OutputLimit("too much output");
    const larger = new Uint8Array(Math.max(needed, 2 * this.#buffer.length));
    larger.set(this.bytes());
    this.#buffer = larger;
  }
}

/** The file system of a program's runs. Between runs only what changed is written. */
class FileSet {
  memory = new MemFS();
  readonly #files = new Map<string, string>();
  readonly #folders = new Set<string>(["", "/"]);

  replace(files: ReadonlyMap<string, string>): void {
    for (const path of [...this.#files.keys()]) {
      if (files.has(path)) continue;
      this.memory.removeFile(path);
      this.#files.delete(path);
    }
    for (const [path, text] of files) {
      if (this.#files.get(path) !== text) this.#write(path, text);
    }
  }

  #write(path: string, text: string): void {
    this.#makeFolders(path);
    const file = this.memory.open(path, { read: true, write: true, create: true, truncate: true });
    try {
      file.writeString(text);
      file.flush();
    } finally {
      // An open handle would keep the program from reading the file.
      file.free();
    }
    this.#files.set(path, text);
  }

  #makeFolders(path: string): void {
    for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1)) {
      const folder = path.slice(0, at);
      if (this.#folders.has(folder)) continue;
      this.memory.createDir(folder);
      this.#folders.add(folder);
    }
  }
}
