/** The reading end of trace_pipe. */
import { closeSync, constants, openSync, readSync } from "node:fs";
import type { Fd, TracePipe } from "@bpfkit/base/kernel";
import { failure, tracefsRoot } from "./kernel-files.ts";

const chunkSize = 1 << 16;

/** A program may print faster than lines can be read: then the rest waits, so that the event loop gets its turn. */
const mostReads = 64;

/**
 * Lines printed by bpf_trace_printk. poll(2) on trace_pipe waits until the buffer is half full on many kernels (commit
 * 42fb0a1e84ff), so whether there are lines is found out by reading.
 */
export class LinuxTracePipe implements TracePipe {
  readonly fd: Fd;
  readonly #closed: (fd: Fd) => void;
  readonly #chunk = new Uint8Array(chunkSize);
  readonly #decoder = new TextDecoder();
  #text = "";
  #open = true;

  /** @throws BpfkitError LK007 where tracefs is not mounted, LK003 where this user may not read it */
  constructor(closed: (fd: Fd) => void) {
    const path = `${tracefsRoot()}/trace_pipe`;
    try {
      this.fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK) as Fd;
    } catch (error) {
      throw failure(path, error);
    }
    this.#closed = closed;
  }

  /** Takes what is there; true if there is something to {@link read}. */
  fill(): boolean {
    for (let reads = 0; this.#open && reads < mostReads; reads++) {
      let size: number;
      try {
        size = readSync(this.fd, this.#chunk);
      } catch (error) {
        if (error instanceof Error && "code" in error && (error.code === "EAGAIN" || error.code === "EINTR"))
          break;
        throw error;
      }
      if (size === 0) break;
      this.#text += this.#decoder.decode(this.#chunk.subarray(0, size), { stream: true });
    }
    return this.#text !== "";
  }

  read(): string {
    this.fill();
    const text = this.#text;
    this.#text = "";
    return text;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.fd);
    this.#closed(this.fd);
  }
}
