/** syscount's tables. */
import type { Kernel } from "bpfkit/tracing";
import type { Options } from "../options/options.ts";
import { processName } from "../output/process-name.ts";
import type { SystemCallNames } from "./system-call-names.ts";

/** One row: a system call or a process. */
export interface CallCount {
  /** Number of the system call, or process id. */
  readonly key: number;
  readonly count: bigint;
  /** Time in the kernel; 0 where latency is not measured. */
  readonly totalNs: bigint;
}

/** What -1 as a system call's number says: the call was cut off by a debugger or by seccomp. */
const noCall = 0xffff_ffff;

/** The rows that are printed: the largest ones first, by count or by time. */
export function largestRows(rows: readonly CallCount[], options: Options, most: number): CallCount[] {
  const size = ({ count, totalNs }: CallCount) => (options.has("latency") ? totalNs : count);
  const order = (a: CallCount, b: CallCount) => {
    if (size(a) !== size(b)) return size(b) > size(a) ? 1 : -1;
    return a.key - b.key;
  };
  return rows
    .filter(({ key }) => key !== noCall)
    .sort(order)
    .slice(0, most);
}

/** Titles of the columns. */
export function headerLine(options: Options): string {
  const title = (options.has("process") ? "PID    COMM" : "SYSCALL").padEnd(22);
  const time = options.has("milliseconds") ? "TIME (ms)" : "TIME (us)";
  return `${title} ${"COUNT".padStart(8)}${options.has("latency") ? ` ${time.padStart(16)}` : ""}`;
}

/** One row of the table. */
export function rowLine(row: CallCount, options: Options, names: SystemCallNames, kernel: Kernel): string {
  const { key, count, totalNs } = row;
  const name = options.has("process")
    ? `${String(key).padEnd(6)} ${processName(kernel, key).padEnd(15)}`
    : names.nameOf(key);
  const line = `${name.padEnd(22)} ${String(count).padStart(8)}`;
  if (!options.has("latency")) return line;
  const time = options.has("milliseconds") ? decimal(totalNs, 6) : decimal(totalNs, 3);
  return `${line} ${time.padStart(16)}`;
}

/** Nanoseconds as a number with `digits` decimals, exactly. */
function decimal(ns: bigint, digits: 3 | 6): string {
  const unit = 10n ** BigInt(digits);
  return `${ns / unit}.${String(ns % unit).padStart(digits, "0")}`;
}

/** The names of all system calls, four to a line. */
export function listLines(names: readonly string[]): string[] {
  const lines: string[] = [];
  for (let at = 0; at < names.length; at += 4) {
    lines.push(
      names
        .slice(at, at + 4)
        .map((name) => name.padEnd(22))
        .join("   ")
        .trimEnd(),
    );
  }
  return lines;
}
