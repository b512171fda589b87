/** profile: samples stacks at a clock's ticks. Options and output are those of BCC's tool, and a flame graph. */
import { BpfkitError, type ToolHost, UsageError } from "bpfkit/tracing";
import { containerMacros, containerOptions, requirePinnedMaps } from "../filters/containers.ts";
import { flameGraph } from "../flame-graph/flame-graph.ts";
import { defineTool } from "../options/define-tool.ts";
import type { Options, Usage } from "../options/options.ts";
import { defaultFrequency, foldedFrames, foldedLine, headerLine, stackLines } from "./print.ts";
import { source } from "./profile.bpf.gen.ts";
import { type Halves, readSamples, type Samples } from "./samples.ts";

const usage: Usage = {
  name: "profile",
  summary: "Samples which code runs on the CPUs and counts equal stacks.",
  options: [
    { long: "pid", short: "p", value: "PIDS", help: "only these processes (181 or 181,185)" },
    { long: "tid", short: "L", value: "TIDS", help: "only these threads" },
    { long: "user-stacks-only", short: "U", help: "only the user part of stacks" },
    { long: "kernel-stacks-only", short: "K", help: "only the kernel part of stacks" },
    { long: "frequency", short: "F", value: "HERTZ", help: "samples a second of each CPU (default 49)" },
    { long: "count", short: "c", value: "N", help: "a sample every N events: nanoseconds of CPU time" },
    { long: "delimited", short: "d", help: "a delimiter between kernel and user functions" },
    { long: "annotations", short: "a", help: "_[k] behind kernel functions" },
    { long: "include-idle", short: "I", help: "idle CPUs too" },
    { long: "folded", short: "f", help: "one line for each stack, for flame graphs" },
    { long: "flamegraph", value: "FILE", help: "write a flame graph to FILE, .svg or .html" },
    { long: "stack-storage-size", value: "N", help: "room for N different stacks (default 16384)" },
    { long: "cpu", short: "C", value: "CPU", help: "only this CPU" },
    ...containerOptions,
  ],
  positionals: [{ name: "duration", help: "seconds (default: until Ctrl-C)" }],
  examples: [
    "profile                # everything at 49 Hertz until Ctrl-C",
    "profile -F 99 10       # at 99 Hertz for ten seconds",
    "profile -f 5           # folded, for five seconds",
    "profile --flamegraph cpu.svg 5   # as a picture",
    "profile -p 185         # only process 185",
    "profile -U             # without kernel functions",
    "profile -C 0 -I        # CPU 0, idle time too",
  ],
};

/** PERF_COUNT_SW_CPU_CLOCK. */
const cpuClock = 0;

const exclusive = [
  ["pid", "tid", "-p and -L"],
  ["user-stacks-only", "kernel-stacks-only", "-U and -K"],
  ["frequency", "count", "-F and -c"],
] as const;

/** A macro that is true for a list of process or thread ids. @throws UsageError */
function idMacro(options: Options, long: "pid" | "tid"): string[] {
  const text = options.text(long);
  if (text === undefined) return [];
  const ids = text.split(",").map((part) => (/^\d+$/.test(part) ? Number(part) : Number.NaN));
  if (!ids.every((id) => id < 2 ** 32)) {
    throw new UsageError(`--${long} takes numbers separated by commas, such as 181,185, not '${text}'`);
  }
  const parameter = long === "pid" ? "tgid" : "tid";
  return [`IS_WANTED(tgid,tid)=${ids.map((id) => `(${parameter})==${id}`).join("||")}`];
}

function definesFor(options: Options): string[] {
  for (const [one, other, names] of exclusive) {
    if (options.has(one) && options.has(other)) {
      throw new UsageError(`profile: ${names} cannot be used together`);
    }
  }
  const stacks = options.number("stack-storage-size", 1);
  return [
    ...(stacks === undefined ? [] : [`STACKS=${stacks}`]),
    ...idMacro(options, "pid"),
    ...idMacro(options, "tid"),
    ...(options.has("include-idle") ? ["WITH_IDLE"] : []),
    ...(options.has("user-stacks-only") ? ["ONLY_USER"] : []),
    ...(options.has("kernel-stacks-only") ? ["ONLY_KERNEL"] : []),
    ...containerMacros(options),
  ];
}

/** How often to sample and where. @throws UsageError for a CPU that is not there */
function samplingOf(options: Options, host: ToolHost) {
  const [period, frequency] = [options.number("count", 1), options.number("frequency", 1)];
  const cpu = options.number("cpu");
  if (cpu !== undefined && !host.kernel.onlineCpus.includes(cpu)) {
    throw new UsageError(`profile: there is no CPU ${cpu}`, {
      hint: `Online are: ${host.kernel.onlineCpus.join(" ")}.`,
    });
  }
  const rate =
    period === undefined ? { sampleFrequencyHz: frequency ?? defaultFrequency } : { samplePeriod: period };
  return { kind: "software", config: cpuClock, ...rate, ...(cpu === undefined ? {} : { cpu }) } as const;
}

/** Where the flame graph goes; fails before sampling where it cannot be written. */
function flameGraphFile(options: Options, host: ToolHost): ((text: string) => void) | undefined {
  const path = options.text("flamegraph");
  if (path === undefined) return undefined;
  if (!/\.(svg|html?)$/.test(path)) {
    throw new UsageError(`profile: the name of a flame graph ends in .svg or .html, not '${path}'`);
  }
  if (host.openOutput === undefined) {
    throw new BpfkitError("TL001", `profile cannot write ${path}: there are no files here`);
  }
  return host.openOutput(path);
}

function report(samples: Samples, options: Options, halves: Halves, host: ToolHost): void {
  for (const stack of samples.stacks) {
    if (options.has("folded")) host.write(foldedLine(stack, options, halves));
    else for (const line of stackLines(stack, options, halves)) host.write(line);
  }
  const { missed, collided, uncounted } = samples;
  const larger = "Consider increasing --stack-storage-size.";
  if (missed > 0) {
    host.warn?.(`WARNING: ${missed} stack traces could not be displayed.${collided ? ` ${larger}` : ""}`);
  }
  if (uncounted > 0) {
    host.warn?.(`WARNING: ${uncounted} samples could not be counted. ${larger}`);
  }
}

/** The tool. */
export const profile = defineTool({
  usage,
  scenario: "cpu-profile",
  async main(options, host) {
    const defines = definesFor(options);
    const sampling = samplingOf(options, host);
    const seconds = options.positionalNumber(0, "duration") ?? Number.POSITIVE_INFINITY;
    const halves = { user: !options.has("kernel-stacks-only"), kernel: !options.has("user-stacks-only") };
    requirePinnedMaps(options, host.kernel);
    const writeGraph = flameGraphFile(options, host);
    const bpf = await host.open({ ...source, defines });
    try {
      const link = bpf.attachPerfEvent({ program: "on_sample", ...sampling });
      if (!options.has("folded")) host.write(headerLine(options, halves));
      await bpf.sleep(seconds * 1000, host.signal);
      link.close();
      if (!options.has("folded")) host.write("");
      const samples = readSamples(bpf, halves);
      writeGraph?.(
        flameGraph(
          samples.stacks.map((stack) => ({
            frames: foldedFrames(stack, options, halves),
            count: stack.count,
          })),
          { title: "CPU profile", unit: "samples", html: !options.text("flamegraph")?.endsWith(".svg") },
        ),
      );
      report(samples, options, halves, host);
    } finally {
      bpf.close();
    }
    return 0;
  },
});
