/**
 * Gives files and folders inode numbers. @wasmer/wasi says 0 for every path, and clang takes paths with one inode for one
 * folder: of several include folders it would search only the last.
 */

/** Offset of `ino` in `filestat` of WASI preview 1. */
const InodeOffset = 8;

type SystemCall = (...args: (number | bigint)[]) => number;

/** Inode numbers by path, for one run. */
export class FileIdentity {
  memory: WebAssembly.Memory | undefined;
  readonly #inodes = new Map<string, bigint>();
  /** Open file -> path. */
  readonly #open = new Map<number, string>();

  /** Replaces the calls that tell inodes in a set of imports. All open folders are taken for the root. */
  install(system: WebAssembly.ModuleImports): void {
    const pathStat = system["path_filestat_get"] as SystemCall;
    system["path_filestat_get"] = (
      folder: number,
      flags: number,
      path: number,
      size: number,
      stat: number,
    ) => {
      const errno = pathStat(folder, flags, path, size, stat);
      if (errno === 0) this.#setInode(stat, this.#path(path, size));
      return errno;
    };
    const pathOpen = system["path_open"] as SystemCall;
    system["path_open"] = (...args: (number | bigint)[]) => {
      const errno = pathOpen(...args);
      const [, , path, size] = args;
      // (folder, flags, path, its size, open flags, two sets of rights, file flags, address for the file)
      if (errno === 0)
        this.#open.set(this.#view().getUint32(Number(args[8]), true), this.#path(Number(path), Number(size)));
      return errno;
    };
    const fileStat = system["fd_filestat_get"] as SystemCall;
    system["fd_filestat_get"] = (file: number, stat: number) => {
      const errno = fileStat(file, stat);
      const path = this.#open.get(file);
      if (errno === 0 && path !== undefined) this.#setInode(stat, path);
      return errno;
    };
  }

  #setInode(stat: number, path: string): void {
    let inode = this.#inodes.get(path);
    if (inode === undefined) {
      inode = BigInt(this.#inodes.size + 1);
      this.#inodes.set(path, inode);
    }
    this.#view().setBigUint64(stat + InodeOffset, inode, true);
  }

  /** A path of the program's as one that is equal for equal files: without `.`, `..` and empty steps. */
  #path(start: number, size: number): string {
    const bytes = new Uint8Array(this.#view().buffer, start, size);
    const steps: string[] = [];
    for (const step of new TextDecoder().decode(bytes).split("/")) {
      if (step === "..") steps.pop();
      else if (step !== "" && step !== ".") steps.push(step);
    }
    return steps.join("/");
  }

  #view(): DataView<ArrayBuffer> {
    return new DataView(this.memory?.buffer ?? new ArrayBuffer(0));
  }
}
