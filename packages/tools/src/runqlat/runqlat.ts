/** runqlat: time that tasks wait for a CPU, as a histogram. Options and output are those of BCC's tool. */
import type { BPF, ToolHost } from "bpfkit/tracing";
import { defineTool } from "../options/define-tool.ts";
import type { Options, Usage } from "../options/options.ts";
import { clockTime } from "../output/timestamp.ts";
import { source } from "./runqlat.bpf.gen.ts";

const usage: Usage = {
  name: "runqlat",
  summary: "Summarizes the time that tasks wait for a CPU as a histogram.",
  options: [
    { long: "timestamp", short: "T", help: "put the time before each output" },
    { long: "milliseconds", short: "m", help: "count milliseconds, not microseconds" },
    { long: "pids", short: "P", help: "a histogram for each process" },
    { long: "pidnss", help: "a histogram for each pid namespace" },
    { long: "tids", short: "L", help: "a histogram for each thread" },
    { long: "pid", short: "p", value: "PID", help: "only this process" },
  ],
  positionals: [
    { name: "interval", help: "seconds between outputs (default: one output at the end)" },
    { name: "count", help: "number of outputs" },
  ],
  examples: [
    "runqlat                # one histogram at the end",
    "runqlat 1 10           # every second, ten times",
    "runqlat -mT 1          # every second, in milliseconds, with the time",
    "runqlat -P             # each process by itself",
    "runqlat -p 185         # only process 185",
  ],
};

/** How waits are grouped: the option, the macro, what a group is called. The first one that is given counts. */
const groupings = [
  ["tids", "PER_THREAD", "tid"],
  ["pids", "PER_PROCESS", "pid"],
  ["pidnss", "PER_PIDNS", "pidns"],
] as const;

function definesFor(options: Options): string[] {
  const defines: string[] = [];
  const pid = options.number("pid");
  const grouping = groupings.find(([long]) => options.has(long));
  if (options.has("milliseconds")) defines.push("MILLISECONDS");
  if (pid !== undefined) defines.push(`ONLY_PID=${pid}`);
  if (grouping !== undefined) defines.push(grouping[1]);
  return defines;
}

async function trace(bpf: BPF, options: Options, host: ToolHost): Promise<void> {
  const interval = options.positionalNumber(0, "interval");
  const limit = options.positionalNumber(1, "count") ?? Number.POSITIVE_INFINITY;
  const sectionHeader = groupings.find(([long]) => options.has(long))?.[2];
  const dist = bpf.table("dist");
  host.write("Tracing run queue latency... Hit Ctrl-C to end.");
  for (let outputs = 1; ; outputs++) {
    const { ended } = await bpf.sleep((interval ?? Number.POSITIVE_INFINITY) * 1000, host.signal);
    host.write("");
    if (options.has("timestamp")) host.write(clockTime(host.kernel.wallClockMs()));
    const label = options.has("milliseconds") ? "msecs" : "usecs";
    dist.printLog2Hist(host.write, label, sectionHeader === undefined ? {} : { sectionHeader });
    dist.clear();
    if (ended || host.signal.aborted || outputs >= limit) return;
  }
}

/** The tool. */
export const runqlat = defineTool({
  usage,
  scenario: "run-queue",
  async main(options, host) {
    options.positionalNumber(0, "interval");
    options.positionalNumber(1, "count");
    const bpf = await host.open({ ...source, defines: definesFor(options) });
    try {
      await trace(bpf, options, host);
    } finally {
      bpf.close();
    }
    return 0;
  },
});
