/** execsnoop: every execve(2) with its arguments. Options and output are those of BCC's tool. */
import type { Kernel, Tool, ToolHost } from "bpfkit/tracing";
import { containerMacros, containerOptions, requirePinnedMaps } from "../filters/containers.ts";
import { userId } from "../filters/users.ts";
import { type Options, parseOptions, type Usage, usageLines } from "../options/options.ts";
import { regularExpression } from "../options/regular-expression.ts";
import { source } from "./execsnoop.bpf.gen.ts";
import { type ExecRecord, headerLine, recordLine } from "./print.ts";

const usage: Usage = {
  name: "execsnoop",
  summary: "Prints every execve() with its arguments and result.",
  options: [
    { long: "time", short: "T", help: "put the time of day first" },
    { long: "timestamp", short: "t", help: "put seconds since the start first" },
    { long: "fails", short: "x", help: "failed calls too" },
    ...containerOptions,
    { long: "uid", short: "u", value: "USER", help: "only calls by this user: its number or name" },
    { long: "quote", short: "q", help: "quote the arguments" },
    { long: "name", short: "n", value: "REGEX", help: "only commands whose name matches" },
    { long: "line", short: "l", value: "REGEX", help: "only commands whose arguments match" },
    { long: "print-uid", short: "U", help: "print the user" },
    { long: "max-args", value: "N", help: "how many arguments are shown (default 20)" },
    { long: "ppid", short: "P", value: "PPID", help: "only calls by children of this process" },
  ],
  examples: [
    "execsnoop            # every exec that succeeds",
    "execsnoop -x         # failed ones too",
    "execsnoop -t -U      # with seconds since the start and the user",
    "execsnoop -n main    # only commands whose name matches main",
  ],
};

/** The C struct `event`, decoded. `type` 0 carries one argument, 1 the result of the call. */
interface ExecEvent {
  readonly pid: number;
  readonly ppid: number;
  readonly uid: number;
  readonly type: number;
  readonly retval: number;
  readonly comm: string;
  readonly argv: string;
}

const argumentEvent = 0;
const mostArguments = 64;

function definesFor(options: Options, kernel: Kernel): string[] {
  const limit = options.number("max-args", 1) ?? 20;
  const defines = [`MAX_ARGS=${Math.min(limit, mostArguments)}`, ...containerMacros(options)];
  const uid = userId(options, "uid", kernel);
  if (uid !== undefined) defines.push(`ONLY_UID=${uid}`);
  return defines;
}

/** Joins argument events by process until the call's result comes, and prints the calls that are wanted. */
class ExecPrinter {
  readonly #options: Options;
  readonly #host: ToolHost;
  readonly #arguments = new Map<number, string[]>();
  readonly #startNs: bigint;
  readonly #name: RegExp | undefined;
  readonly #line: RegExp | undefined;
  readonly #ppid: number | undefined;

  constructor(options: Options, host: ToolHost) {
    this.#options = options;
    this.#host = host;
    this.#startNs = host.kernel.monotonicNs();
    this.#name = regularExpression(options.text("name"), "--name");
    this.#line = regularExpression(options.text("line"), "--line");
    this.#ppid = options.number("ppid");
  }

  take(event: ExecEvent): void {
    const before = this.#arguments.get(event.pid) ?? [];
    if (event.type === argumentEvent) {
      before.push(event.argv);
      this.#arguments.set(event.pid, before);
      return;
    }
    this.#arguments.delete(event.pid);
    if (event.retval !== 0 && !this.#options.has("fails")) return;
    if (this.#ppid !== undefined && event.ppid !== this.#ppid) return;
    if (this.#name?.test(event.comm) === false) return;
    if (this.#line?.test(before.join(" ")) === false) return;
    const record: ExecRecord = {
      ...event,
      arguments: before,
      wallClockMs: this.#host.kernel.wallClockMs(),
      elapsedS: Number(this.#host.kernel.monotonicNs() - this.#startNs) / 1e9,
    };
    this.#host.write(recordLine(record, this.#options));
  }
}

/** The tool. */
export const execsnoop: Tool = {
  name: usage.name,
  summary: usage.summary,
  scenario: "exec",
  async run(argv, host) {
    const options = parseOptions(usage, argv);
    if (options.has("help")) {
      for (const line of usageLines(usage)) host.write(line);
      return 0;
    }
    const printer = new ExecPrinter(options, host);
    const defines = definesFor(options, host.kernel);
    requirePinnedMaps(options, host.kernel);
    const bpf = await host.open({ ...source, defines });
    try {
      const execve = bpf.syscallFunction("execve");
      bpf.attachKprobe({ event: execve, program: "syscall__execve" });
      bpf.attachKretprobe({ event: execve, program: "execve_return" });
      bpf.table("events").openEvents((event) => printer.take(event as unknown as ExecEvent));
      host.write(headerLine(options));
      while (!host.signal.aborted) {
        const { ended } = await bpf.perfBufferPoll(Number.POSITIVE_INFINITY, host.signal);
        if (ended) break;
      }
    } finally {
      bpf.close();
    }
    return 0;
  },
};
