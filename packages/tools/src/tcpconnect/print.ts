/** tcpconnect's lines: events, and counts by flow. */
import type { Options } from "../options/options.ts";
import { ipAddress } from "../output/ip-address.ts";

/** The C struct `event`, decoded. Ports are in host order. */
export interface ConnectEvent {
  /** Microseconds of the monotonic clock. */
  readonly ts_us: bigint;
  readonly pid: number;
  readonly uid: number;
  readonly saddr: readonly number[];
  readonly daddr: readonly number[];
  readonly lport: number;
  readonly dport: number;
  readonly version: number;
  readonly task: string;
}

/** The C struct `flow`, decoded. */
export interface Flow {
  readonly saddr: readonly number[];
  readonly daddr: readonly number[];
  readonly dport: number;
  readonly version: number;
}

/** Columns after time and user: text and width. */
function joined(columns: readonly (readonly [string, number])[]): string {
  return columns.map(([text, width]) => text.padEnd(width)).join(" ");
}

/** The columns' titles. */
export function headerLine(options: Options): string {
  const time = options.has("timestamp") ? "TIME(s)".padEnd(9) : "";
  const user = options.has("print-uid") ? "UID".padEnd(6) : "";
  const port: [string, number][] = options.has("lport") ? [["LPORT", 6]] : [];
  const columns = joined([
    ["PID", 7],
    ["COMM", 12],
    ["IP", 2],
    ["SADDR", 16],
    ...port,
    ["DADDR", 16],
    ["DPORT", 6],
  ]);
  return `${time}${user}${columns}${options.has("dns") ? " QUERY" : ""}`;
}

/** One connection. `elapsedUs` counts from the first one; `query` is the name that was asked for, with -d. */
export function connectLine(event: ConnectEvent, elapsedUs: bigint, query: string, options: Options): string {
  const { version } = event;
  const time = options.has("timestamp") ? (Number(elapsedUs) / 1e6).toFixed(3).padEnd(9) : "";
  const user = options.has("print-uid") ? String(event.uid).padEnd(6) : "";
  const port: [string, number][] = options.has("lport") ? [[String(event.lport), 6]] : [];
  const columns = joined([
    [String(event.pid), 7],
    [event.task.slice(0, 12), 12],
    [String(version), 2],
    [ipAddress(version, event.saddr), 16],
    ...port,
    [ipAddress(version, event.daddr), 16],
    [String(event.dport), 6],
  ]);
  return `${time}${user}${columns} ${query}`;
}

/** The table of counts: IPv4 before IPv6, the largest counts first. */
export function countLines(flows: readonly (readonly [Flow, bigint])[]): string[] {
  const row = (local: string, remote: string, port: string, count: string) =>
    joined([
      [local, 25],
      [remote, 25],
      [port, 20],
      [count, 10],
    ]);
  const rows = [4, 6].flatMap((version) =>
    flows
      .filter(([flow]) => flow.version === version)
      .sort(([, a], [, b]) => (b > a ? 1 : b < a ? -1 : 0))
      .map(([flow, count]) => {
        const addresses = [ipAddress(version, flow.saddr), ipAddress(version, flow.daddr)] as const;
        return row(...addresses, String(flow.dport), String(count));
      }),
  );
  return ["", row("LADDR", "RADDR", "RPORT", "CONNECTS"), ...rows];
}
