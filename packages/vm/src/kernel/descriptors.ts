/** The simulated process's table of open files: lowest free number first, as POSIX wants. */
import { Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd } from "@bpfkit/base/kernel";

/** What a descriptor can stand for. `kind` tells them apart. */
export interface Openable {
  readonly kind: string;
  /** True while a read would not block; absent for descriptors that cannot be polled. */
  readable?(): boolean;
  /** The last descriptor for it is gone. */
  released(): void;
}

/** Standard input, output and error are taken by the process that uses the kernel. */
const FirstFd = 3;

/** RLIMIT_NOFILE of the simulated process. */
const LargestFd = 65_536;

/** Numbers to open files. One file can have several numbers; it is released with the last of them. */
export class DescriptorTable {
  readonly #files = new Map<number, Openable>();
  readonly #references = new Map<Openable, number>();
  #lowestFree = FirstFd;

  get size(): number {
    return this.#files.size;
  }

  /** @throws SyscallError EMFILE */
  open(file: Openable, command: string): Fd {
    const fd = this.#lowestFree;
    if (fd >= LargestFd) throw new SyscallError(command, Errno.EMFILE);
    this.#files.set(fd, file);
    this.retain(file);
    do this.#lowestFree++;
    while (this.#files.has(this.#lowestFree));
    return fd as Fd;
  }

  get(fd: number): Openable | undefined {
    return this.#files.get(fd);
  }

  /** The kernel itself holds the file too (an attached program, a map in a program). */
  retain(file: Openable): void {
    this.#references.set(file, (this.#references.get(file) ?? 0) + 1);
  }

  /** Undoes one {@link retain}; the last one releases the file. */
  drop(file: Openable): void {
    const left = (this.#references.get(file) ?? 0) - 1;
    if (left > 0) {
      this.#references.set(file, left);
    } else if (this.#references.delete(file)) {
      file.released();
    }
  }

  /** @throws SyscallError EBADF */
  close(fd: number): void {
    const file = this.#files.get(fd);
    if (file === undefined) throw new SyscallError("close", Errno.EBADF);
    this.#files.delete(fd);
    if (fd < this.#lowestFree) this.#lowestFree = fd;
    this.drop(file);
  }

  closeAll(): void {
    for (const fd of [...this.#files.keys()]) this.close(fd);
  }
}
