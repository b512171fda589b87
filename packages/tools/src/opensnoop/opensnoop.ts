/** opensnoop: every open(2), openat(2) and openat2(2). Options and output are those of BCC's tool. */
import { type BPF, type Tool, type ToolHost, UsageError } from "bpfkit/tracing";
import { containerMacros, containerOptions, requirePinnedMaps } from "../filters/containers.ts";
import { type Options, parseOptions, type Usage, usageLines } from "../options/options.ts";
import { openFlags } from "./open-flags.ts";
import { source } from "./opensnoop.bpf.gen.ts";
import { headerLine, type OpenEvent, recordLine } from "./print.ts";

const usage: Usage = {
  name: "opensnoop",
  summary: "Prints every open() with its result.",
  options: [
    { long: "timestamp", short: "T", help: "put seconds since the first event first" },
    { long: "print-uid", short: "U", help: "print the user" },
    { long: "failed", short: "x", help: "only calls that fail" },
    { long: "pid", short: "p", value: "PID", help: "only calls by this process" },
    { long: "tid", short: "t", value: "TID", help: "only calls by this thread" },
    { long: "uid", short: "u", value: "UID", help: "only calls by this user" },
    ...containerOptions,
    { long: "duration", short: "d", value: "SECONDS", help: "stop after this time" },
    { long: "name", short: "n", value: "TEXT", help: "only processes whose name contains this" },
    { long: "extended_fields", short: "e", help: "print the flags" },
    {
      long: "flag_filter",
      short: "f",
      value: "FLAG",
      multiple: true,
      help: "only calls with this flag (O_WRONLY ...)",
    },
    {
      long: "buffer-pages",
      short: "b",
      value: "N",
      help: "pages of the event buffer, a power of two (default 64)",
    },
  ],
  examples: [
    "opensnoop                        # every open",
    "opensnoop -x                     # only failed ones",
    "opensnoop -TU                    # with time and user",
    "opensnoop -p 181                 # only process 181",
    "opensnoop -e -f O_WRONLY -f O_RDWR   # only for writing, with the flags",
  ],
};

function flagsMask(options: Options): number {
  let mask = 0;
  for (const name of options.texts("flag_filter")) {
    const flag = openFlags.get(name);
    if (flag === undefined) {
      throw new UsageError(`opensnoop: bad flag '${name}'`, {
        hint: `Known: ${[...openFlags.keys()].join(" ")}`,
      });
    }
    mask |= flag;
  }
  return mask;
}

function definesFor(options: Options): string[] {
  const defines = containerMacros(options);
  const pid = options.number("pid");
  const tid = options.number("tid");
  const uid = options.number("uid");
  const mask = flagsMask(options);
  if (tid !== undefined) defines.push(`ONLY_TID=${tid}`);
  else if (pid !== undefined) defines.push(`ONLY_PID=${pid}`);
  if (uid !== undefined) defines.push(`ONLY_UID=${uid}`);
  if (mask !== 0) defines.push(`FLAGS_MASK=${mask}`);
  return defines;
}

function attach(bpf: BPF): void {
  for (const call of ["open", "openat", "openat2"]) {
    const event = bpf.syscallFunction(call);
    // openat2 came with Linux 5.6.
    if (call === "openat2" && !bpf.hasKprobeFunction(event)) continue;
    bpf.attachKprobe({ event, program: `syscall__${call}` });
    bpf.attachKretprobe({ event, program: "open_return" });
  }
}

async function trace(bpf: BPF, options: Options, host: ToolHost): Promise<void> {
  const events = bpf.table("events");
  let firstUs: bigint | undefined;
  const pages = options.number("buffer-pages", 1) ?? 64;
  events.openEvents(
    (decoded) => {
      const event = decoded as unknown as OpenEvent;
      firstUs ??= event.ts;
      if (options.has("failed") && event.ret >= 0) return;
      if (!event.comm.includes(options.text("name") ?? "")) return;
      host.write(recordLine(event, event.ts - firstUs, options));
    },
    { pageCount: pages },
  );
  host.write(headerLine(options));
  const duration = options.number("duration", 1);
  const endNs =
    duration === undefined ? undefined : host.kernel.monotonicNs() + BigInt(duration) * 1_000_000_000n;
  while (!host.signal.aborted) {
    const leftNs = endNs === undefined ? undefined : endNs - host.kernel.monotonicNs();
    if (leftNs !== undefined && leftNs <= 0n) return;
    const timeoutMs = leftNs === undefined ? Number.POSITIVE_INFINITY : Number(leftNs) / 1e6;
    const { ended } = await bpf.perfBufferPoll(timeoutMs, host.signal);
    if (ended) return;
  }
}

/** The tool. */
export const opensnoop: Tool = {
  name: usage.name,
  summary: usage.summary,
  scenario: "file-open",
  async run(argv, host) {
    const options = parseOptions(usage, argv);
    if (options.has("help")) {
      for (const line of usageLines(usage)) host.write(line);
      return 0;
    }
    options.number("duration", 1);
    const defines = definesFor(options);
    requirePinnedMaps(options, host.kernel);
    const bpf = await host.open({ ...source, defines });
    try {
      attach(bpf);
      await trace(bpf, options, host);
    } finally {
      bpf.close();
    }
    return 0;
  },
};
