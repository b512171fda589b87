/** tcplife: TCP sessions, their lifespan and volume. Options and output are those of BCC's tool. */
import type { BPF, ToolHost } from "bpfkit/tracing";
import { portMacro, wantedVersion } from "../filters/ports.ts";
import { defineTool } from "../options/define-tool.ts";
import type { Options, Usage } from "../options/options.ts";
import { headerLine, type SessionEvent, sessionLine } from "./print.ts";
import { source } from "./tcplife.bpf.gen.ts";

const usage: Usage = {
  name: "tcplife",
  summary: "Prints every TCP session at its end, with its lifespan and what was sent and received.",
  options: [
    { long: "time", short: "T", help: "put the time first (HH:MM:SS)" },
    { long: "timestamp", short: "t", help: "put seconds since the first session first" },
    { long: "wide", short: "w", help: "wide columns, which fit IPv6 addresses" },
    { long: "csv", short: "s", help: "values separated by commas" },
    { long: "pid", short: "p", value: "PID", help: "only sessions of this process" },
    { long: "localport", short: "L", value: "PORTS", help: "only these local ports (80 or 80,443)" },
    { long: "remoteport", short: "D", value: "PORTS", help: "only these remote ports" },
    { long: "ipv4", short: "4", help: "only IPv4" },
    { long: "ipv6", short: "6", help: "only IPv6" },
  ],
  examples: [
    "tcplife                # every session",
    "tcplife -T             # with the time",
    "tcplife -w             # wide columns for IPv6",
    "tcplife -stT           # values separated by commas, with times",
    "tcplife -p 181         # only process 181",
    "tcplife -L 80,81       # only local ports 80 and 81",
    "tcplife -D 80          # only remote port 80",
    "tcplife -6             # only IPv6",
  ],
};

/** Pages of each CPU's event buffer. */
const pageCount = 64;

function definesFor(options: Options): string[] {
  const defines = [
    ...portMacro(options, "localport", "IS_WANTED_LOCAL"),
    ...portMacro(options, "remoteport", "IS_WANTED_REMOTE"),
  ];
  const [pid, version] = [options.number("pid"), wantedVersion(options)];
  if (pid !== undefined) defines.push(`ONLY_PID=${pid}`);
  if (version !== undefined) defines.push(`ONLY_VERSION=${version}`);
  return defines;
}

async function trace(bpf: BPF, options: Options, host: ToolHost): Promise<void> {
  const events = bpf.table("events");
  let firstUs: bigint | undefined;
  events.openEvents(
    (decoded) => {
      const event = decoded as unknown as SessionEvent;
      firstUs ??= event.ts_us;
      host.write(sessionLine(event, host.kernel.wallClockMs(), event.ts_us - firstUs, options));
    },
    { pageCount },
  );
  host.write(headerLine(options));
  while (!host.signal.aborted) {
    const { ended } = await bpf.perfBufferPoll(Number.POSITIVE_INFINITY, host.signal);
    if (ended) return;
  }
}

/** The tool. */
export const tcplife = defineTool({
  usage,
  scenario: "tcp",
  async main(options, host) {
    const bpf = await host.open({ ...source, defines: definesFor(options) });
    try {
      await trace(bpf, options, host);
    } finally {
      bpf.close();
    }
    return 0;
  },
});
