/** tcpconnect: every active TCP connection. Options and output are those of BCC's tool. */
import { type BPF, type ToolHost, UsageError } from "bpfkit/tracing";
import { containerMacros, containerOptions, requirePinnedMaps } from "../filters/containers.ts";
import { portMacro, wantedVersion } from "../filters/ports.ts";
import { defineTool } from "../options/define-tool.ts";
import type { Options, Usage } from "../options/options.ts";
import { ipAddress } from "../output/ip-address.ts";
import { type AnswerEvent, DnsCache } from "./dns-cache.ts";
import { type ConnectEvent, connectLine, countLines, type Flow, headerLine } from "./print.ts";
import { source } from "./tcpconnect.bpf.gen.ts";

const usage: Usage = {
  name: "tcpconnect",
  summary: "Prints every connect() of a TCP socket.",
  options: [
    { long: "timestamp", short: "t", help: "put seconds since the first connection first" },
    { long: "pid", short: "p", value: "PID", help: "only connections by this process" },
    { long: "port", short: "P", value: "PORTS", help: "only to these ports (80 or 80,443)" },
    { long: "ipv4", short: "4", help: "only IPv4" },
    { long: "ipv6", short: "6", help: "only IPv6" },
    { long: "lport", short: "L", help: "print the local port" },
    { long: "print-uid", short: "U", help: "print the user" },
    { long: "uid", short: "u", value: "UID", help: "only connections by this user" },
    { long: "count", short: "c", help: "count connections by addresses and port" },
    ...containerOptions,
    { long: "dns", short: "d", help: "print the DNS name that was probably asked for" },
  ],
  examples: [
    "tcpconnect             # every connection",
    "tcpconnect -tU         # with time and user",
    "tcpconnect -d          # with the names that were looked up",
    "tcpconnect -p 181      # only process 181",
    "tcpconnect -P 80,81    # only ports 80 and 81",
    "tcpconnect -6          # only IPv6",
    "tcpconnect -c          # how often from where to where",
  ],
};

const switches = [
  ["count", "COUNT"],
  ["dns", "DNS"],
] as const;

function definesFor(options: Options): string[] {
  const defines = [...portMacro(options, "port", "IS_WANTED_PORT"), ...containerMacros(options)];
  const [pid, uid, version] = [options.number("pid"), options.number("uid"), wantedVersion(options)];
  if (pid !== undefined) defines.push(`ONLY_PID=${pid}`);
  if (uid !== undefined) defines.push(`ONLY_UID=${uid}`);
  if (version !== undefined) defines.push(`ONLY_VERSION=${version}`);
  defines.push(...switches.filter(([long]) => options.has(long)).map(([, macro]) => macro));
  return defines;
}

function attach(bpf: BPF, options: Options): void {
  for (const version of [4, 6]) {
    const event = `tcp_v${version}_connect`;
    // A kernel may have been built without IPv6.
    if (version === 6 && !bpf.hasKprobeFunction(event)) continue;
    bpf.attachKprobe({ event, program: "connect_entry" });
    bpf.attachKretprobe({ event, program: `connect_v${version}_return` });
  }
  if (options.has("dns")) bpf.attachKprobe({ event: "skb_consume_udp", program: "udp_received" });
}

async function trace(bpf: BPF, options: Options, host: ToolHost): Promise<void> {
  const names = options.has("dns") ? new DnsCache() : undefined;
  let firstUs: bigint | undefined;
  if (names !== undefined) {
    bpf.table("answers").openEvents((event) => names.add(event as unknown as AnswerEvent));
  }
  bpf.table("events").openEvents((decoded) => {
    const event = decoded as unknown as ConnectEvent;
    firstUs ??= event.ts_us;
    const query = names?.text(ipAddress(event.version, event.daddr), event.ts_us) ?? "";
    host.write(connectLine(event, event.ts_us - firstUs, query, options));
  });
  host.write(headerLine(options));
  while (!host.signal.aborted) {
    const { ended } = await bpf.perfBufferPoll(Number.POSITIVE_INFINITY, host.signal);
    if (ended) return;
  }
}

async function count(bpf: BPF, host: ToolHost): Promise<void> {
  await bpf.sleep(Number.POSITIVE_INFINITY, host.signal);
  const flows = bpf.table("flows").items() as unknown as [Flow, bigint][];
  for (const line of countLines(flows)) host.write(line);
}

/** The tool. */
export const tcpconnect = defineTool({
  usage,
  scenario: "tcp",
  async main(options, host) {
    if (options.has("count") && options.has("dns")) {
      throw new UsageError("tcpconnect: -c and -d cannot be used together");
    }
    const defines = definesFor(options);
    requirePinnedMaps(options, host.kernel);
    const bpf = await host.open({ ...source, defines });
    try {
      attach(bpf, options);
      host.write("Tracing connect ... Hit Ctrl-C to end");
      if (options.has("count")) await count(bpf, host);
      else await trace(bpf, options, host);
    } finally {
      bpf.close();
    }
    return 0;
  },
});
