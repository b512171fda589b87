/** syscount: counts system calls and their latency. Options and output are those of BCC's tool. */
import { type BPF, type BtfValue, type ToolHost, UsageError } from "bpfkit/tracing";
import { defineTool } from "../options/define-tool.ts";
import type { Options, Usage } from "../options/options.ts";
import { clockTime } from "../output/timestamp.ts";
import { errorNumbers } from "./error-numbers.gen.ts";
import { type CallCount, headerLine, largestRows, listLines, rowLine } from "./print.ts";
import { source } from "./syscount.bpf.gen.ts";
import { SystemCallNames } from "./system-call-names.ts";

const usage: Usage = {
  name: "syscount",
  summary: "Summarizes the counts and latencies of system calls.",
  options: [
    { long: "pid", short: "p", value: "PID", help: "only calls by this process" },
    { long: "tid", short: "t", value: "TID", help: "only calls by this thread" },
    { long: "ppid", short: "c", value: "PPID", help: "only calls by children of this process" },
    { long: "interval", short: "i", value: "SECONDS", help: "print a summary this often" },
    { long: "duration", short: "d", value: "SECONDS", help: "stop after this time" },
    { long: "top", short: "T", value: "N", help: "print only the N largest (default 10)" },
    { long: "failures", short: "x", help: "only calls that fail" },
    { long: "errno", short: "e", value: "ERROR", help: "only calls that fail with this (2 or ENOENT)" },
    { long: "latency", short: "L", help: "measure the time of calls too" },
    { long: "milliseconds", short: "m", help: "show milliseconds, not microseconds" },
    { long: "process", short: "P", help: "count by process, not by system call" },
    { long: "list", short: "l", help: "print the names of all system calls" },
    { long: "syscall", value: "NAME", help: "only this system call" },
  ],
  examples: [
    "syscount               # the ten most frequent system calls",
    "syscount -P            # the ten most active processes",
    "syscount -L            # by the time they take",
    "syscount -mL -i 1      # every second, in milliseconds",
    "syscount -x            # only calls that fail",
    "syscount -e ENOENT -P  # which processes look for missing files",
    "syscount -p 181        # only process 181",
    "syscount --syscall read -P   # who reads",
  ],
};

const defaultTop = 10;

/** The number of an error given by number or by name; undefined for none. */
function errorNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = /^-?\d+$/.test(text) ? Math.abs(Number(text)) : errorNumbers[text];
  if (number !== undefined && Number.isSafeInteger(number)) return number;
  throw new UsageError(`syscount: '${text}' is no error number`, {
    hint: "Errors are given as numbers or names: -e 2 or -e ENOENT.",
  });
}

function callNumber(name: string | undefined, names: SystemCallNames): number | undefined {
  if (name === undefined) return undefined;
  const number = names.numberOf(name);
  if (number !== undefined) return number;
  throw new UsageError(`syscount: there is no system call '${name}'`, {
    hint: "syscount -l lists their names.",
  });
}

function definesFor(options: Options, names: SystemCallNames): string[] {
  const defines: string[] = [];
  const [pid, tid, parent] = [options.number("pid"), options.number("tid"), options.number("ppid")];
  const error = errorNumber(options.text("errno"));
  const call = callNumber(options.text("syscall"), names);
  // As in BCC, the first of the three that is given counts.
  if (pid !== undefined) defines.push(`ONLY_PID=${pid}`);
  else if (tid !== undefined) defines.push(`ONLY_TID=${tid}`);
  else if (parent !== undefined) defines.push(`ONLY_PARENT=${parent}`);
  if (options.has("failures")) defines.push("ONLY_FAILED");
  if (error !== undefined && error !== 0) defines.push(`ONLY_ERROR=${error}`);
  if (options.has("latency")) defines.push("LATENCY");
  if (options.has("process")) defines.push("BY_PROCESS");
  if (call !== undefined) defines.push(`ONLY_CALL=${call}`);
  return defines;
}

function rowsOf(items: readonly (readonly [BtfValue, BtfValue])[]): CallCount[] {
  return items.map(([key, value]) => {
    if (typeof value !== "object") return { key: Number(key), count: BigInt(value), totalNs: 0n };
    const { count, total_ns: totalNs } = value as unknown as { count: bigint; total_ns: bigint };
    return { key: Number(key), count, totalNs };
  });
}

async function trace(bpf: BPF, options: Options, names: SystemCallNames, host: ToolHost): Promise<void> {
  const top = options.number("top") ?? defaultTop;
  const duration = options.number("duration", 1);
  const interval = options.number("interval", 1) ?? duration;
  const kind = options.has("failures") ? "failed " : "";
  const only = options.text("syscall");
  const what = only === undefined ? `syscalls, printing top ${top}` : `syscall '${only}'`;
  host.write(`Tracing ${kind}${what}... Ctrl+C to quit.`);
  const data = bpf.table("data");
  for (let seconds = interval ?? 0; ; seconds += interval ?? 0) {
    const { ended } = await bpf.sleep((interval ?? Number.POSITIVE_INFINITY) * 1000, host.signal);
    host.write(`[${clockTime(host.kernel.wallClockMs())}]`);
    host.write(headerLine(options));
    for (const row of largestRows(rowsOf(data.items()), options, top)) {
      host.write(rowLine(row, options, names, host.kernel));
    }
    host.write("");
    data.clear();
    if (ended || host.signal.aborted || (duration !== undefined && seconds >= duration)) break;
  }
  host.write("Detaching...");
}

/** The tool. */
export const syscount = defineTool({
  usage,
  scenario: "system-calls",
  async main(options, host) {
    const names = new SystemCallNames(host.kernel.architecture);
    const defines = definesFor(options, names);
    for (const name of ["top", "interval", "duration"]) options.number(name, name === "top" ? 0 : 1);
    if (options.has("list")) {
      for (const line of listLines(names.sorted())) host.write(line);
      return 0;
    }
    const bpf = await host.open({ ...source, defines });
    try {
      await trace(bpf, options, names, host);
    } finally {
      bpf.close();
    }
    return 0;
  },
});
