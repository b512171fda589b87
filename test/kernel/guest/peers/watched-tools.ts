/** The tools of BCC whose C runs under BCC and under bpfkit at the same time, and what of their events may differ. */

/** One tool. */
export interface WatchedTool {
  /** Name in the corpus: `TOOL` or `TOOL--VARIANT`. */
  readonly name: string;
  /** Members that hold when something was seen, or for how long: each observer reads the clock by itself. */
  readonly times: readonly string[];
  /** The member that says whose event it is; without one every event counts, because only the workload does such things. */
  readonly process?: string;
  /** How many events, or map entries, the workload makes at least; see workload.py. */
  readonly least: number;
  /** A map to compare in place of events. */
  readonly map?: string;
}

/** All of them. */
export const watchedTools: readonly WatchedTool[] = [
  { name: "bindsnoop", times: ["ts_us"], process: "pid", least: 2 },
  { name: "capable", times: [], process: "tgid", least: 4 },
  { name: "execsnoop", times: [], process: "pid", least: 5 * 4 + 3 * 3 },
  { name: "exitsnoop", times: ["exit_time"], process: "pid", least: 11 },
  { name: "filegone", times: [], process: "pid", least: 4 + 2 + 1 },
  { name: "filelife", times: ["delta"], process: "pid", least: 4 },
  { name: "filetop", times: [], process: "pid", least: 4, map: "counts" },
  { name: "killsnoop", times: [], process: "pid", least: 5 },
  { name: "mountsnoop", times: [], process: "tgid", least: 10 },
  { name: "opensnoop", times: ["ts"], process: "id", least: 7 + 3 + 4 },
  { name: "shmsnoop", times: ["ts"], process: "id", least: 4 },
  { name: "solisten", times: ["ts_us"], process: "pid", least: 2 },
  { name: "statsnoop", times: ["ts_ns"], process: "pid", least: 5 },
  { name: "syncsnoop", times: ["ts"], least: 2 },
  { name: "syscount--process", times: [], process: "value", least: 1, map: "data" },
  { name: "tcpaccept", times: ["ts_us"], least: 8 },
  { name: "tcpconnect", times: ["ts_us"], least: 8 },
  { name: "tcplife", times: ["ts_us", "span_us"], least: 2 * 8 },
  { name: "tcpstates", times: ["ts_us", "span_us"], least: 50 },
  { name: "tcptracer", times: ["ts_ns"], least: 8 + 8 + 16 },
  { name: "trace", times: ["timestamp_ns"], process: "tgid", least: 7 + 3 + 4 },
];

/** Case names in reports. */
export const eventsCase = (tool: string): string => `${tool}: the same events as under BCC`;
