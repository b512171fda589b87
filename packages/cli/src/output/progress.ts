/** Says on stderr what is being done, once it has taken over half a second. */

const quietMs = 500;
/** Where lines cannot be overwritten (a file, a log), one in this time is enough. */
const lineMs = 3000;

/** Progress of one command: silent while it is quick. */
export class Progress {
  readonly #started = performance.now();
  #stage = "";
  #shown = "";
  #shownAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** Names the stage that begins now. */
  stage(name: string): void {
    this.#stage = name;
    if (performance.now() - this.#started >= quietMs) this.#show();
    else if (this.#timer === undefined) {
      this.#timer = setTimeout(() => this.#show(), quietMs);
      this.#timer.unref();
    }
  }

  /** Ends it; on a terminal the line is wiped. */
  done(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    if (this.#shown !== "" && process.stderr.isTTY) process.stderr.write("\r\u001b[K");
    this.#stage = "";
  }

  #show(): void {
    if (this.#stage === "" || this.#stage === this.#shown) return;
    const now = performance.now();
    if (!process.stderr.isTTY && now - this.#shownAt < lineMs) return;
    this.#shown = this.#stage;
    this.#shownAt = now;
    const text = `bpfkit: ${this.#stage} ...`;
    process.stderr.write(process.stderr.isTTY ? `\r\u001b[K${text}` : `${text}\n`);
  }
}
