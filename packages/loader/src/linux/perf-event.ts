/** perf_event_open(2) and its ioctls: kprobes, uprobes, tracepoints, counters and the user end of perf buffers. */
import { existsSync, readFileSync } from "node:fs";
import { Errno } from "@bpfkit/base/abi";
import { BpfkitError, InternalError, NotSupportedError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, PerfEventAttributes, PerfEvents } from "@bpfkit/base/kernel";
import type { Descriptors } from "./descriptors.ts";
import { addressOf, rawSyscall, syscall } from "./ffi.ts";
import { requireSysfs } from "./kernel-files.ts";
import { absentCall, administratorAdvice, notPermitted } from "./privileges.ts";
import type { FieldValues } from "./struct-layout.ts";
import { perfEventAttr } from "./structs.ts";

/** enum perf_type_id. */
const PerfType = { Hardware: 0, Software: 1, Tracepoint: 2, HardwareCache: 3, Raw: 4 } as const;
/** PERF_COUNT_SW_BPF_OUTPUT. */
const bpfOutput = 10;
/** PERF_SAMPLE_*: what a sample holds, in this order. */
const Sample = { Time: 1 << 2, Raw: 1 << 10 } as const;
/** CLOCK_MONOTONIC: the clock of bpf_ktime_get_ns. */
const monotonicClock = 1;
/** Bits of perf_event_attr.flags. */
const EventFlag = { Disabled: 1, Frequency: 1 << 10, UseClockId: 1 << 25 } as const;
/** PERF_FLAG_FD_CLOEXEC. */
const closeOnExec = 8;
/** PERF_EVENT_IOC_*. */
const Request = { Enable: 0x2400, Disable: 0x2401, SetOutput: 0x2405, SetBpf: 0x40042408 } as const;

const sources = "/sys/bus/event_source/devices";
const encoder = new TextEncoder();

type PerfFields = FieldValues<{
  type: "u32";
  config: "u64";
  samplePeriod: "u64";
  sampleType: "u64";
  flags: "u64";
  wakeupEvents: "u32";
  config1: "ptr";
  config2: "u64";
  clockId: "u32";
}>;

/** The perf facet. */
export class LinuxPerfEvents implements PerfEvents {
  readonly #descriptors: Descriptors;

  constructor(descriptors: Descriptors) {
    this.#descriptors = descriptors;
  }

  /** @throws BpfkitError LK005 where the kernel has no such probes, LK003 where it does not permit them */
  perfEventOpen(attributes: PerfEventAttributes, pid: number, cpu: number): Fd {
    const fields = fieldsFor(attributes);
    const bytes = perfEventAttr.encode(
      {
        ...fields,
        size: perfEventAttr.sizeBytes,
        flags: ((fields.flags as number | undefined) ?? 0) | EventFlag.Disabled,
      },
      addressOf,
    );
    const result = rawSyscall("perfEventOpen", bytes, pid, cpu, -1, closeOnExec);
    if (result === -Errno.ENOSYS) {
      throw absentCall("perf_event_open", "CONFIG_PERF_EVENTS", new SyscallError("perf_event_open", -result));
    }
    if (result === -Errno.EPERM || result === -Errno.EACCES) {
      const refused = new SyscallError("perf_event_open", -result);
      throw notPermitted(`opening a ${attributes.kind} event`, refused, adviceFor(attributes.kind));
    }
    return this.#descriptors.add(result, "perf_event_open");
  }

  perfEventSetProgram(event: Fd, program: Fd): void {
    syscall("PERF_EVENT_IOC_SET_BPF", "ioctl", event, Request.SetBpf, program);
  }
  perfEventEnable(event: Fd): void {
    syscall("PERF_EVENT_IOC_ENABLE", "ioctl", event, Request.Enable, 0);
  }
  perfEventSetOutput(event: Fd, target: Fd): void {
    syscall("PERF_EVENT_IOC_SET_OUTPUT", "ioctl", event, Request.SetOutput, target);
  }
  perfEventRead(event: Fd): bigint {
    const count = new BigUint64Array(1);
    syscall("read", "read", event, new Uint8Array(count.buffer), 8);
    return count[0] ?? 0n;
  }
  perfEventDisable(event: Fd): void {
    syscall("PERF_EVENT_IOC_DISABLE", "ioctl", event, Request.Disable, 0);
  }
}

/** perf_uprobe_event_init in kernel/events/core.c, since commit ba677dbe77af. */
function adviceFor(kind: PerfEventAttributes["kind"]): string | undefined {
  if (kind !== "uprobe" && kind !== "uretprobe") return undefined;
  return administratorAdvice(
    "Since Linux 6.16, and stable releases of 2025, uprobes need CAP_SYS_ADMIN, CAP_PERFMON is not enough",
  );
}

const counterTypes = {
  software: PerfType.Software,
  hardware: PerfType.Hardware,
  cache: PerfType.HardwareCache,
  raw: PerfType.Raw,
} as const;

function fieldsFor(attributes: PerfEventAttributes): PerfFields {
  switch (attributes.kind) {
    case "kprobe":
    case "kretprobe":
      return {
        ...probe("kprobe", attributes.kind === "kretprobe", attributes.function),
        config2: attributes.offset,
      };
    case "uprobe":
    case "uretprobe":
      return {
        ...probe("uprobe", attributes.kind === "uretprobe", attributes.path, attributes.referenceCounter),
        config2: attributes.offset,
      };
    case "tracepoint":
      return { type: PerfType.Tracepoint, config: attributes.id, samplePeriod: 1, wakeupEvents: 1 };
    case "tracepoint-counter":
      return { type: PerfType.Tracepoint, config: attributes.config, samplePeriod: attributes.samplePeriod };
    case "bpf-output":
      return {
        type: PerfType.Software,
        config: bpfOutput,
        samplePeriod: 1,
        sampleType: Sample.Time | Sample.Raw,
        flags: EventFlag.UseClockId,
        clockId: monotonicClock,
        wakeupEvents: attributes.wakeupEvents,
      };
    case "software":
    case "hardware":
    case "cache":
    case "raw": {
      const { sampleFrequencyHz, samplePeriod } = attributes;
      return {
        type: counterTypes[attributes.kind],
        config: attributes.config,
        samplePeriod: sampleFrequencyHz ?? samplePeriod,
        flags: sampleFrequencyHz === undefined ? 0 : EventFlag.Frequency,
      };
    }
    default:
      throw new InternalError(`unknown kind of event ${JSON.stringify(attributes)}`);
  }
}

/** Fields of an event of the kprobe or uprobe PMU. Their numbers, and the bit for returns, are given out at run time. */
function probe(
  pmu: "kprobe" | "uprobe",
  onReturn: boolean,
  target: string,
  referenceCounter?: number,
): PerfFields {
  const folder = `${sources}/${pmu}`;
  if (!existsSync(`${folder}/type`)) {
    requireSysfs();
    throw noProbes(pmu);
  }
  const type = Number(readFileSync(`${folder}/type`, "utf8"));
  const bit = Number(/config:(\d+)/.exec(readFileSync(`${folder}/format/retprobe`, "utf8"))?.[1] ?? "0");
  const returns = onReturn ? 1n << BigInt(bit) : 0n;
  return {
    type,
    config: returns | counterBits(folder, referenceCounter),
    config1: encoder.encode(`${target}\0`),
  };
}

/** Offset of a USDT semaphore, in the bits of config that the kernel names (commit a6ca88b241d5). */
function counterBits(folder: string, referenceCounter: number | undefined): bigint {
  if (referenceCounter === undefined || referenceCounter === 0) return 0n;
  const format = `${folder}/format/ref_ctr_offset`;
  if (!existsSync(format)) throw new NotSupportedError("USDT probes with semaphores", { since: "4.20" });
  const bit = /config:(\d+)/.exec(readFileSync(format, "utf8"))?.[1] ?? "32";
  return BigInt(referenceCounter) << BigInt(bit);
}

function noProbes(pmu: "kprobe" | "uprobe"): BpfkitError {
  const option = pmu === "kprobe" ? "CONFIG_KPROBE_EVENTS" : "CONFIG_UPROBE_EVENTS";
  return new BpfkitError("LK005", `this kernel has no ${pmu}s`, {
    hint: `It was built without ${option}. ${
      pmu === "kprobe" ? "Programs on tracepoints, raw tracepoints and fentry work without them." : ""
    }`.trimEnd(),
  });
}
