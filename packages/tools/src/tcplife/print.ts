/** tcplife's lines: narrow, wide and comma-separated. */
import type { Options } from "../options/options.ts";
import { ipAddress } from "../output/ip-address.ts";
import { clockTime } from "../output/timestamp.ts";

/** The C struct `event`, decoded. */
export interface SessionEvent {
  /** Microseconds of the monotonic clock. */
  readonly ts_us: bigint;
  readonly span_us: bigint;
  readonly rx_bytes: bigint;
  readonly tx_bytes: bigint;
  readonly saddr: readonly number[];
  readonly daddr: readonly number[];
  readonly pid: number;
  readonly version: number;
  readonly lport: number;
  readonly dport: number;
  readonly task: string;
}

/** The columns after the times: text, minimal width (negative: to the right), maximal width. */
type Column = readonly [text: string, width: number, most?: number | undefined];

function line(columns: readonly Column[], options: Options): string {
  const texts = columns.map(([text]) => text);
  if (options.has("csv")) return texts.join(",");
  return columns
    .map(([text, width, most]) => {
      const cut = text.slice(0, most);
      return width < 0 ? cut.padStart(-width) : cut.padEnd(width);
    })
    .join(" ");
}

/** Widths of COMM, addresses and sizes. */
const narrow = { comm: 10, address: 15, size: 5 } as const;
const wide = { comm: 16, address: 26, size: 6 } as const;

function columns(
  texts: Readonly<Record<"pid" | "comm" | "ip" | "lport" | "rport" | "ms", string>> & {
    readonly addresses: readonly [string, string];
    readonly sizes: readonly [string, string];
  },
  options: Options,
): Column[] {
  const { comm, address, size } = options.has("wide") ? wide : narrow;
  const hasVersion = options.has("wide") || options.has("csv");
  const ip: Column[] = hasVersion ? [[texts.ip, 2]] : [];
  const [local, remote] = texts.addresses;
  const [sent, received] = texts.sizes;
  return [
    [texts.pid, 5],
    [texts.comm, comm, options.has("csv") ? undefined : comm],
    ...ip,
    [local, address],
    [texts.lport, 5],
    [remote, address],
    [texts.rport, 5],
    [sent, -size],
    [received, -size],
    [texts.ms, 0],
  ];
}

/** The columns' titles. */
export function headerLine(options: Options): string {
  const isCsv = options.has("csv");
  const time = isCsv ? "TIME," : "TIME".padEnd(9);
  const seconds = isCsv ? "TIME(s)," : "TIME(s)".padEnd(10);
  const titles = columns(
    {
      pid: "PID",
      comm: "COMM",
      ip: "IP",
      addresses: ["LADDR", "RADDR"],
      lport: "LPORT",
      rport: "RPORT",
      sizes: ["TX_KB", "RX_KB"],
      ms: "MS",
    },
    options,
  );
  return `${options.has("time") ? time : ""}${options.has("timestamp") ? seconds : ""}${line(titles, options)}`;
}

/** One session. `elapsedUs` counts from the first one that was printed. */
export function sessionLine(
  event: SessionEvent,
  wallClockMs: number,
  elapsedUs: bigint,
  options: Options,
): string {
  const isCsv = options.has("csv");
  const clock = clockTime(wallClockMs);
  const seconds = (Number(elapsedUs) / 1e6).toFixed(6);
  const time = isCsv ? `${clock},` : clock.padEnd(9);
  const elapsed = isCsv ? `${seconds},` : `${seconds.padEnd(9)} `;
  const texts = columns(
    {
      pid: String(event.pid),
      comm: event.task,
      ip: String(event.version),
      addresses: [ipAddress(event.version, event.saddr), ipAddress(event.version, event.daddr)],
      lport: String(event.lport),
      rport: String(event.dport),
      sizes: [String(event.tx_bytes / 1024n), String(event.rx_bytes / 1024n)],
      ms: (Number(event.span_us) / 1000).toFixed(2),
    },
    options,
  );
  return `${options.has("time") ? time : ""}${options.has("timestamp") ? elapsed : ""}${line(texts, options)}`;
}
