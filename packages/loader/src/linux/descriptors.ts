/** The descriptors that this kernel port has open, so that none is left behind. */
import { Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd } from "@bpfkit/base/kernel";
import { rawSyscall, syscall } from "./ffi.ts";

/** Open descriptors. */
export class Descriptors {
  readonly #open = new Set<Fd>();

  /** Takes over the result of a call that opens. @throws SyscallError that names `command` for a negated errno */
  add(result: number, command: string): Fd {
    if (result < 0) throw new SyscallError(command, -result);
    const fd = result as Fd;
    this.#open.add(fd);
    return fd;
  }

  /** @throws SyscallError EBADF for a descriptor that is not open here */
  close(fd: Fd): void {
    if (!this.#open.delete(fd)) throw new SyscallError("close", Errno.EBADF);
    syscall("close", "close", fd);
  }

  /** Closes everything, newest first. */
  closeAll(): void {
    for (const fd of [...this.#open].reverse()) rawSyscall("close", fd);
    this.#open.clear();
  }
}
