/** Standard output of tools: lines that come together are written together, and a slow reader is waited for. */
import type { Writable } from "node:stream";

/** Lines are written no later than when there are so many characters. */
const mostGathered = 1 << 16;
/** setTimeout takes 31 bits. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Writes lines. Those of one turn of the event loop, such as the events of one poll, become one write: a write for each
 * would cost more than everything else that is done for an event.
 */
export class LineOutput {
  readonly #stream: Writable;
  #gathered = "";
  #isScheduled = false;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** Adds a line; the newline is added. */
  write(line: string): void {
    this.#gathered += `${line}\n`;
    if (this.#gathered.length >= mostGathered) this.flush();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      // Behind what runs now, before anything else can happen: before timers, signals and reading.
      queueMicrotask(() => {
        this.#isScheduled = false;
        this.flush();
      });
    }
  }

  /** Writes what is gathered. To be called before something else is written beside it. */
  flush(): void {
    if (this.#gathered === "") return;
    const text = this.#gathered;
    this.#gathered = "";
    this.#stream.write(text);
  }

  /**
   * Undefined where the reader keeps up. Else a promise for the moment when it has read what was written, `timeoutMs` have
   * passed or `signal` aborts: writing on would fill the memory.
   */
  caughtUp(timeoutMs: number, signal?: AbortSignal): Promise<void> | undefined {
    this.flush();
    const stream = this.#stream;
    // What a file or terminal took at once is not waiting to be read, though "drain" is still to come.
    if (!stream.writableNeedDrain || stream.writableLength === 0 || signal?.aborted === true)
      return undefined;
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        stream.off("drain", finish).off("close", finish);
        signal?.removeEventListener("abort", finish);
        resolve();
      };
      const timer = timeoutMs <= longestTimerMs ? setTimeout(finish, timeoutMs) : undefined;
      stream.once("drain", finish).once("close", finish);
      signal?.addEventListener("abort", finish);
    });
  }
}
