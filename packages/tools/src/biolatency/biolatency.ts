/** biolatency: latency of block I/O as a histogram. Options and output are those of BCC's tool. */
import { type BPF, type Kernel, SyscallError, type Tool, type ToolHost, UsageError } from "bpfkit/tracing";
import { type Options, parseOptions, type Usage, usageLines } from "../options/options.ts";
import { clockTime } from "../output/timestamp.ts";
import { source } from "./biolatency.bpf.gen.ts";
import { printAverage, printHistograms } from "./print.ts";

const usage: Usage = {
  name: "biolatency",
  summary: "Summarizes the latency of block device I/O as a histogram.",
  options: [
    { long: "timestamp", short: "T", help: "put the time before each output" },
    { long: "queued", short: "Q", help: "include the time a request waits in the operating system's queue" },
    { long: "milliseconds", short: "m", help: "count milliseconds, not microseconds" },
    { long: "disks", short: "D", help: "a histogram for each disk" },
    { long: "flags", short: "F", help: "a histogram for each set of I/O flags" },
    { long: "extension", short: "e", help: "average, total and count too" },
    { long: "json", short: "j", help: "print dictionaries instead of histograms" },
    { long: "disk", short: "d", value: "DISK", help: "only this disk, such as sda" },
  ],
  positionals: [
    { name: "interval", help: "seconds between outputs (default: one output at the end)" },
    { name: "count", help: "number of outputs" },
  ],
  examples: [
    "biolatency             # one histogram at the end",
    "biolatency 1 10        # every second, ten times",
    "biolatency -mT 1       # every second, in milliseconds, with the time",
    "biolatency -Q          # with queued time",
    "biolatency -D          # each disk by itself",
    "biolatency -F          # each set of I/O flags by itself",
    "biolatency -d sda      # only sda",
  ],
};

/** Macros that select what the C compiles to, by switch. */
const macros: readonly (readonly [string, string])[] = [
  ["milliseconds", "MILLISECONDS"],
  ["disks", "PER_DISK"],
  ["flags", "PER_FLAGS"],
  ["extension", "EXTENSION"],
];

/** Macros for a command line. @throws UsageError for a disk that no machine can have or that this one does not have */
function definesFor(options: Options, kernel: Kernel): string[] {
  const defines = macros.filter(([long]) => options.has(long)).map(([, macro]) => macro);
  const disk = options.text("disk")?.replace(/^\/dev\//, "");
  if (disk === undefined) return defines;
  if (!/^[\w!.-]{1,31}$/.test(disk)) {
    throw new UsageError(`--disk takes the name of a disk, such as sda or nvme0n1, not '${disk}'`);
  }
  const disks = disksOf(kernel);
  if (disks?.includes(disk) === false) {
    throw new UsageError(`biolatency: there is no disk '${disk}'`, { hint: `Disks: ${disks.join(", ")}` });
  }
  return [...defines, `ONLY_DISK="${disk}"`];
}

/** Names of disks and partitions (kernel Documentation/admin-guide/iostats.rst); undefined in the simulated kernel. */
function disksOf(kernel: Kernel): string[] | undefined {
  try {
    const text = new TextDecoder().decode(kernel.readKernelFile("/proc/diskstats"));
    return text.split("\n").flatMap((line) => line.trim().split(/\s+/)[2] ?? []);
  } catch (error) {
    if (error instanceof SyscallError) return undefined;
    throw error;
  }
}

/** `blk_account_io_*` became inline wrappers of `__blk_account_io_*`; some builds inline those too. */
const accountStart = ["__blk_account_io_start", "blk_account_io_start"];
const accountDone = ["__blk_account_io_done", "blk_account_io_done"];
const completion = "block_rq_complete";

/** With queued time a request starts where its accounting does; where that is inlined, when it was made. */
function attach(bpf: BPF, options: Options): void {
  const available = (names: readonly string[]) => names.find((name) => bpf.hasKprobeFunction(name));
  const start = options.has("queued") ? available(accountStart) : "blk_mq_start_request";
  if (start === undefined) {
    bpf.attachRawTracepoint({ event: completion, program: "req_complete_since_made" });
    return;
  }
  const done = available(accountDone);
  bpf.attachKprobe({ event: start, program: "req_start" });
  if (done === undefined) bpf.attachRawTracepoint({ event: completion, program: "req_complete" });
  else bpf.attachKprobe({ event: done, program: "req_done" });
}

async function trace(bpf: BPF, options: Options, host: ToolHost): Promise<void> {
  const interval = options.positionalNumber(0, "interval");
  const limit = options.positionalNumber(1, "count") ?? Number.POSITIVE_INFINITY;
  const json = options.has("json");
  if (!json) host.write("Tracing block device I/O... Hit Ctrl-C to end.");
  for (let outputs = 1; ; outputs++) {
    const { ended } = await bpf.sleep(
      interval === undefined ? Number.POSITIVE_INFINITY : interval * 1000,
      host.signal,
    );
    host.write("");
    if (options.has("timestamp")) host.write(clockTime(host.kernel.wallClockMs()));
    printHistograms(bpf.table("dist"), options, host);
    if (options.has("extension")) printAverage(bpf.table("totals"), options, host);
    bpf.table("dist").clear();
    if (ended || host.signal.aborted || outputs >= limit) return;
  }
}

/** The tool. */
export const biolatency: Tool = {
  name: usage.name,
  summary: usage.summary,
  scenario: "block-io",
  async run(argv, host) {
    const options = parseOptions(usage, argv);
    if (options.has("help")) {
      for (const line of usageLines(usage)) host.write(line);
      return 0;
    }
    if (options.has("flags") && options.has("disks")) {
      throw new UsageError("biolatency: -D and -F cannot be used together");
    }
    options.positionalNumber(0, "interval");
    options.positionalNumber(1, "count");
    const bpf = await host.open({ ...source, defines: definesFor(options, host.kernel) });
    try {
      attach(bpf, options);
      await trace(bpf, options, host);
    } finally {
      bpf.close();
    }
    return 0;
  },
};
