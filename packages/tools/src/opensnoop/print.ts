/** opensnoop's lines. */
import type { Options } from "../options/options.ts";

/** The C struct `event`, decoded. */
export interface OpenEvent {
  /** Process in the high half, thread in the low. */
  readonly id: bigint;
  /** Microseconds of the monotonic clock. */
  readonly ts: bigint;
  readonly uid: number;
  readonly ret: number;
  readonly flags: number;
  readonly comm: string;
  readonly path: string;
}

/** The columns' titles. */
export function headerLine(options: Options): string {
  let line = "";
  if (options.has("timestamp")) line += "TIME(s)".padEnd(14);
  if (options.has("print-uid")) line += "UID".padEnd(6);
  const task = options.text("tid") === undefined ? "PID" : "TID";
  line += `${task.padEnd(6)} ${"COMM".padEnd(16)} ${"FD".padStart(4)} ${"ERR".padStart(3)} `;
  if (options.has("extended_fields")) line += "FLAGS".padEnd(9);
  return `${line}PATH`;
}

/** One call. A failed one has descriptor -1 and a positive error number. `elapsedUs` counts from the first event. */
export function recordLine(event: OpenEvent, elapsedUs: bigint, options: Options): string {
  let line = "";
  if (options.has("timestamp")) line += (Number(elapsedUs) / 1e6).toFixed(9).padEnd(14);
  if (options.has("print-uid")) line += String(event.uid).padEnd(6);
  const task = options.text("tid") === undefined ? event.id >> 32n : event.id & 0xffff_ffffn;
  const descriptor = event.ret >= 0 ? event.ret : -1;
  const error = event.ret >= 0 ? 0 : -event.ret;
  const columns = [String(task).padEnd(6), event.comm.padEnd(16), String(descriptor).padStart(4)];
  line += `${columns.join(" ")} ${String(error).padStart(3)} `;
  if (options.has("extended_fields")) line += `${(event.flags >>> 0).toString(8).padStart(8, "0")} `;
  return line + event.path;
}
