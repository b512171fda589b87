/** The one place that leaves JavaScript: syscall(2) of the C library that Node runs on, through koffi. */
import { NotSupportedError, SyscallError } from "@bpfkit/base/diagnostics";
import koffi from "koffi";
import { type SyscallName, syscallNumbers } from "./syscall-numbers.ts";

/** Numbers, addresses, and bytes that the kernel reads or writes during the call. */
export type SyscallArgument = number | bigint | Uint8Array | undefined;

/** A call that failed gives the negated errno, as the kernel itself does; others never give less than 0. */
type RawSyscall = (name: SyscallName, ...words: readonly SyscallArgument[]) => number;

function numbersOfThisMachine(): Readonly<Record<SyscallName, number>> {
  const { arch, platform } = process;
  if (platform === "linux" && (arch === "x64" || arch === "arm64")) return syscallNumbers[arch];
  throw new NotSupportedError(`system calls on ${platform} ${arch}`);
}

function load(): RawSyscall {
  const numbers = numbersOfThisMachine();
  const words = Array.from({ length: 6 }, () => "int64");
  const call = koffi.load(null).func("syscall", "int64", ["int64", ...words]) as (
    ...all: unknown[]
  ) => unknown;
  return (name, ...given) => {
    const wordsOfCall = [0, 1, 2, 3, 4, 5].map((index) => word(given[index]));
    // One call at a time and nothing in between: errno is still that of this call.
    const result = Number(call(numbers[name], ...wordsOfCall));
    return result === -1 ? -koffi.errno() : result;
  };
}

function word(argument: SyscallArgument): number | bigint {
  if (argument === undefined) return 0;
  return argument instanceof Uint8Array ? addressOf(argument) : argument;
}

let loaded: RawSyscall | undefined;

/** Makes a call. A negative result is a negated errno. */
export function rawSyscall(name: SyscallName, ...words: readonly SyscallArgument[]): number {
  loaded ??= load();
  return loaded(name, ...words);
}

/** Makes a call. @throws SyscallError that names `command` */
export function syscall(command: string, name: SyscallName, ...words: readonly SyscallArgument[]): number {
  const result = rawSyscall(name, ...words);
  if (result < 0) throw new SyscallError(command, -result);
  return result;
}

/** Where bytes are in memory: valid while `bytes` is referenced. Taking `buffer` moves small arrays off the moving heap. */
export function addressOf(bytes: Uint8Array): bigint {
  if (bytes.length === 0 || bytes.buffer.byteLength === 0) return 0n;
  return koffi.address(bytes);
}

/** A view of memory at an address, without copying. It must not be used after the memory is unmapped. */
export function viewOf(address: number, sizeBytes: number): ArrayBuffer {
  return koffi.view(BigInt(address), sizeBytes);
}

/** Something of the event loop that calls back when a descriptor becomes readable. */
export interface ReadableWatch {
  /** While held, the process does not end by itself. */
  hold(): void;
  release(): void;
  close(): void;
}

/** Calls back whenever `fd` is readable, for as long as it is. */
export function watchReadable(fd: number, onReadable: () => void): ReadableWatch {
  const handle = koffi.node.poll(fd, { readable: true }, () => {
    onReadable();
  });
  handle.unref();
  return {
    hold: () => {
      handle.ref();
    },
    release: () => {
      handle.unref();
    },
    close: () => {
      handle.stop();
      handle.close();
    },
  };
}
