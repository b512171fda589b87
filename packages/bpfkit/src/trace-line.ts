/** One line of trace_pipe, taken apart as BCC does. */

/** What bpf_trace_printk printed, and who was running. */
export interface TraceFields {
  readonly task: string;
  readonly pid: number;
  readonly cpu: number;
  /** The tracer's flags, for example `d..1`. */
  readonly flags: string;
  /** Seconds. */
  readonly timestamp: number;
  readonly message: string;
}

/** The task's name fills this many columns. */
const taskWidth = 16;

/** The fields of a line, or undefined for lines of another form (such as notes on lost events). */
export function parseTraceLine(line: string): TraceFields | undefined {
  if (line.startsWith("CPU:")) return undefined;
  const task = line.slice(0, taskWidth).trimStart();
  const rest = line.slice(taskWidth + 1);
  const timeEnd = rest.indexOf(":");
  if (timeEnd === -1) return undefined;
  const [pid, cpu, flags, timestamp] = rest.slice(0, timeEnd).trim().split(/\s+/);
  const functionEnd = rest.indexOf(":", timeEnd + 1);
  if (pid === undefined || cpu === undefined || flags === undefined || timestamp === undefined)
    return undefined;
  const fields = {
    task,
    pid: Number(pid),
    cpu: Number(cpu.replace(/[[\]]/g, "")),
    flags,
    timestamp: Number(timestamp),
    message: functionEnd === -1 ? "" : rest.slice(functionEnd + 2),
  };
  return Number.isNaN(fields.pid + fields.cpu + fields.timestamp) ? undefined : fields;
}
