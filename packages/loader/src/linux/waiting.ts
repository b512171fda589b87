/** Waiting for rings and the trace pipe without holding up the event loop. */
import { Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, WaitResult } from "@bpfkit/base/kernel";
import { type ReadableWatch, rawSyscall, syscall, watchReadable } from "./ffi.ts";

/** uapi linux/eventpoll.h. */
const cloexec = 0o2000000;
const addDescriptor = 1;
const removeDescriptor = 2;
const edgeTriggered = 0x8000_0001;
/** struct epoll_event: packed on x86-64, padded elsewhere. */
const eventSize = 16;
const mostEvents = 64;

/** How often sources that cannot announce themselves are looked at, ms. */
const lookEveryMs = 20;
/** setTimeout takes 31 bits. */
const longestTimerMs = 2 ** 31 - 1;

/** Something to wait for. */
export interface WaitSource {
  /** True where there is something to read. */
  ready(): boolean;
  /** True where the kernel does not wake us up for it. */
  readonly silent: boolean;
}

/**
 * Knows what can be waited for. What is ready is always read from the source itself: epoll only says that it is time to
 * look. (A perf event's readiness is gone after one poll, so descriptors stay registered from before they are enabled.)
 */
export class Waiting {
  readonly #sources = new Map<Fd, WaitSource>();
  readonly #wakeUps = new Set<() => void>();
  #epoll: number | undefined;
  #watch: ReadableWatch | undefined;
  #holders = 0;

  /** Makes a descriptor known. */
  add(fd: Fd, source: WaitSource): void {
    this.#sources.set(fd, source);
    if (source.silent) return;
    if (this.#epoll === undefined) {
      this.#epoll = syscall("epoll_create1", "epollCreate", cloexec);
      this.#watch = watchReadable(this.#epoll, () => this.#wake());
    }
    const event = new Uint8Array(eventSize);
    new DataView(event.buffer).setUint32(0, edgeTriggered, true);
    syscall("epoll_ctl", "epollControl", this.#epoll, addDescriptor, fd, event);
  }

  /** Forgets a descriptor that is about to be closed. */
  remove(fd: Fd): void {
    const source = this.#sources.get(fd);
    this.#sources.delete(fd);
    if (source === undefined || source.silent || this.#epoll === undefined) return;
    rawSyscall("epollControl", this.#epoll, removeDescriptor, fd, new Uint8Array(eventSize));
  }

  /** As `KernelClock.wait`. */
  wait(fds: readonly Fd[], timeoutMs: number, signal: AbortSignal | undefined): Promise<WaitResult> {
    const sources = fds.map((fd) => [fd, this.#source(fd)] as const);
    const isSilent = sources.some(([, source]) => source.silent);
    const deadline = performance.now() + (Number.isNaN(timeoutMs) ? 0 : timeoutMs);
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const finish = (ready: readonly Fd[]): void => {
        clearTimeout(timer);
        this.#wakeUps.delete(look);
        this.#release();
        signal?.removeEventListener("abort", look);
        // Others get their turn even where events never stop.
        setImmediate(() => resolve({ ready, ended: false }));
      };
      const look = (): void => {
        try {
          const ready = sources.filter(([, source]) => source.ready()).map(([fd]) => fd);
          const left = deadline - performance.now();
          if (ready.length > 0 || left <= 0 || signal?.aborted === true) {
            finish(ready);
            return;
          }
          clearTimeout(timer);
          timer = setTimeout(look, Math.min(left, isSilent ? lookEveryMs : longestTimerMs));
        } catch (error) {
          finish([]);
          reject(error);
        }
      };
      this.#hold();
      this.#wakeUps.add(look);
      signal?.addEventListener("abort", look);
      look();
    });
  }

  /** Ends everything; waits that are under way find nothing more. */
  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
    if (this.#epoll !== undefined) rawSyscall("close", this.#epoll);
    this.#epoll = undefined;
    this.#sources.clear();
  }

  #source(fd: Fd): WaitSource {
    const source = this.#sources.get(fd);
    if (source === undefined) {
      throw new SyscallError("epoll_ctl", Errno.EBADF, { detail: `descriptor ${fd} is no ring or pipe` });
    }
    return source;
  }

  /** Takes what epoll has, so that it does not call again for the same, then lets every wait look. */
  #wake(): void {
    if (this.#epoll === undefined) return;
    const events = new Uint8Array(eventSize * mostEvents);
    rawSyscall("epollWait", this.#epoll, events, mostEvents, 0, 0, 0);
    for (const look of [...this.#wakeUps]) look();
  }

  #hold(): void {
    this.#holders += 1;
    this.#watch?.hold();
  }

  #release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#watch?.release();
  }
}
