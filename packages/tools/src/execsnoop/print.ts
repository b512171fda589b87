/** execsnoop's lines. */
import type { Options } from "../options/options.ts";
import { clockTime } from "../output/timestamp.ts";

/** One finished execve(2). */
export interface ExecRecord {
  readonly comm: string;
  readonly pid: number;
  readonly ppid: number;
  readonly uid: number;
  readonly retval: number;
  readonly arguments: readonly string[];
  readonly wallClockMs: number;
  /** Seconds since tracing began. */
  readonly elapsedS: number;
}

/** The columns' titles. */
export function headerLine(options: Options): string {
  let line = "";
  if (options.has("time")) line += "TIME".padEnd(9);
  if (options.has("timestamp")) line += "TIME(s)".padEnd(8);
  if (options.has("print-uid")) line += "UID".padEnd(6);
  return `${line}${"PCOMM".padEnd(16)} ${"PID".padEnd(7)} ${"PPID".padEnd(7)} ${"RET".padStart(3)} ARGS`;
}

/** One call. Newlines inside arguments are shown as `\n`. */
export function recordLine(record: ExecRecord, options: Options): string {
  let line = "";
  if (options.has("time")) line += clockTime(record.wallClockMs).padEnd(9);
  if (options.has("timestamp")) line += record.elapsedS.toFixed(3).padEnd(8);
  if (options.has("print-uid")) line += String(record.uid).padEnd(6);
  const words = options.has("quote")
    ? record.arguments.map((word) => `"${word.replaceAll('"', '\\"')}"`)
    : record.arguments;
  const parent = record.ppid > 0 ? String(record.ppid) : "?";
  const columns = [
    record.comm.padEnd(16),
    String(record.pid).padEnd(7),
    parent.padEnd(7),
    String(record.retval).padStart(3),
    words.join(" ").replaceAll("\n", "\\n"),
  ];
  return line + columns.join(" ");
}
