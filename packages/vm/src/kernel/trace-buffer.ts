/** The trace buffer behind trace_pipe: lines of bpf_trace_printk in the kernel's format. */

/** What a line says about where it was printed. */
export interface TraceContext {
  readonly comm: string;
  readonly pid: number;
  readonly cpu: number;
  /** CLOCK_MONOTONIC, ns. */
  readonly timeNs: number;
  /** Five letters: interrupts off, reschedule wanted, kind of interrupt, preemption depth, migration depth. */
  readonly flags: string;
}

/** Lines kept while nobody reads; the oldest go first, as in the kernel's ring. */
const LargestBacklog = 65_536;

/**
 * One line as trace_pipe gives it: `comm-pid [cpu] flags seconds.micros: bpf_trace_printk: message`
 * (kernel/trace/trace_output.c). The message's own newline is kept, so a message that ends with one is followed by an
 * empty line, as on Linux 5.9 and newer.
 */
export function traceLine(context: TraceContext, message: string): string {
  const { comm, pid, cpu, timeNs, flags } = context;
  const micros = Math.floor(timeNs / 1000);
  const seconds = Math.floor(micros / 1_000_000);
  const task = `${comm.padStart(16)}-${String(pid).padEnd(7)}`;
  const time = `${String(seconds).padStart(5)}.${String(micros % 1_000_000).padStart(6, "0")}`;
  return `${task} [${String(cpu).padStart(3, "0")}] ${flags} ${time}: bpf_trace_printk: ${message}\n`;
}

/** Holds printed lines until a reader takes them. All readers take from the same buffer. */
export class TraceBuffer {
  #lines: string[] = [];
  /** Lines lost: where the ring has come to, and so the place of its oldest line. */
  #lost = 0;

  get hasLines(): boolean {
    return this.#lines.length > 0;
  }

  add(line: string): void {
    if (this.#lines.length < LargestBacklog) this.#lines.push(line);
    else this.#lines[this.#lost++ % LargestBacklog] = line;
  }

  /** Everything printed since the last call. */
  take(): string {
    const lost = this.#lost > 0 ? `CPU:0 [LOST ${this.#lost} EVENTS]\n` : "";
    const oldest = this.#lost % LargestBacklog;
    const text = lost + this.#lines.slice(oldest).join("") + this.#lines.slice(0, oldest).join("");
    this.#lines = [];
    this.#lost = 0;
    return text;
  }
}
