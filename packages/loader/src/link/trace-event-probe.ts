/** Probes as trace events: lines in tracefs' kprobe_events and uprobe_events, the only way before Linux 4.17. */
import type { Kernel } from "@bpfkit/base/kernel";

const tracing = "/sys/kernel/tracing";
/** Events of bpfkit's own, so that others' are not touched. */
const group = "bpfkit";

/** Numbers make names of events unique within this process; the time makes them so among processes. */
let made = 0;

/** A probe that is listed in tracefs. */
export interface TraceEventProbe {
  /** The tracepoint that it has become. */
  readonly id: number;
  /** Takes it off the list; whoever holds an event of it must have closed it. */
  remove(): void;
}

/**
 * Adds a probe.
 * @param probe `place` is a function with an offset, or `PATH:0xOFFSET`
 * @throws SyscallError ENOENT for an unknown function, or where tracefs has no such list
 */
export function legacyProbe(
  kernel: Kernel,
  probe: {
    readonly list: "kprobe_events" | "uprobe_events";
    readonly onReturn: boolean;
    readonly place: string;
  },
): TraceEventProbe {
  made += 1;
  const name = `p${kernel.monotonicNs().toString(36)}_${made}`;
  const list = `${tracing}/${probe.list}`;
  kernel.writeTraceControl(list, `${probe.onReturn ? "r" : "p"}:${group}/${name} ${probe.place}\n`);
  const remove = (): void => kernel.writeTraceControl(list, `-:${group}/${name}\n`);
  try {
    const text = kernel.readKernelFile(`${tracing}/events/${group}/${name}/id`);
    return { id: Number.parseInt(new TextDecoder().decode(text), 10), remove };
  } catch (error) {
    remove();
    throw error;
  }
}
