/** Says on stderr what is being done, once it has taken over half a second. */
import { mayOverwrite } from "./colour.ts";

const quietMs = 500;
/** Where lines cannot be overwritten (a file, a log, a dumb terminal), one in this time is enough. */
const lineMs = 3000;
/** To the start of the line, which is wiped (ECMA-48 EL). */
const wipe = "\r\u001b[K";

/** What progress is written to: stderr, but for tests. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  /** Width of the terminal in characters; undefined or 0 where it is not known. */
  readonly columns?: number;
  write(text: string): unknown;
}

/** Node loads a dozen modules for `performance`, which a start that says nothing can do without. */
const clockMs = (): number => process.uptime() * 1000;

/** Progress of one command: silent while it is quick. */
export class Progress {
  readonly #stream: ProgressStream;
  readonly #overwrites: boolean;
  readonly #started = clockMs();
  #stage = "";
  #shown = "";
  #shownAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** `environment` is asked for TERM. */
  constructor(stream: ProgressStream = process.stderr, environment = process.env) {
    this.#stream = stream;
    this.#overwrites = mayOverwrite(stream, environment);
  }

  /** Names the stage that begins now. */
  stage(name: string): void {
    this.#stage = name;
    if (clockMs() - this.#started >= quietMs) this.#show();
    else if (this.#timer === undefined) {
      this.#timer = setTimeout(() => this.#show(), quietMs);
      this.#timer.unref();
    }
  }

  /** Ends it; on a terminal the line is wiped, once: what is written after it may be in the same line. */
  done(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#shown !== "" && this.#overwrites) this.#stream.write(wipe);
    this.#stage = "";
    this.#shown = "";
  }

  #show(): void {
    if (this.#stage === "" || this.#stage === this.#shown) return;
    const now = clockMs();
    if (!this.#overwrites && now - this.#shownAt < lineMs) return;
    this.#shown = this.#stage;
    this.#shownAt = now;
    const text = `bpfkit: ${this.#stage} ...`;
    this.#stream.write(this.#overwrites ? `${wipe}${this.#fitted(text)}` : `${text}\n`);
  }

  /** A line that wraps cannot be wiped: what is too long for the terminal is cut, one short of its last column. */
  #fitted(text: string): string {
    const columns = this.#stream.columns ?? 0;
    return columns > 0 ? text.slice(0, columns - 1) : text;
  }
}
