/** perf_event_open(2) and its ioctls in the simulated kernel. */

import { Errno, ProgramType } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, PerfEventAttributes, RingMemory } from "@bpfkit/base/kernel";
import { notSimulated } from "../not-simulated.ts";
import type { KernelState } from "./kernel-state.ts";
import { PerfEventFile, type PerfEventSource } from "./open-files.ts";
import { PerfRing } from "./perf-ring.ts";
import type { AttachedProgram } from "./probe-table.ts";

/** PERF_COUNT_SW_CPU_CLOCK. */
const CpuClock = 0;
const PageSize = 4096;
/** Most programs on one event, BPF_TRACE_MAX_PROGS. */
const MostPrograms = 64;

/** The perf facet. */
export class PerfEventCalls {
  readonly #state: KernelState;

  constructor(state: KernelState) {
    this.#state = state;
  }

  open(attributes: PerfEventAttributes, pid: number, cpu: number): Fd {
    const command = "perf_event_open";
    const { world } = this.#state.simulation;
    if (cpu >= world.cpuCount || cpu < -1 || (cpu === -1 && pid === -1)) {
      throw new SyscallError(command, Errno.EINVAL, { detail: `cpu ${cpu}, pid ${pid}` });
    }
    const source = this.#source(attributes, command);
    const file = new PerfEventFile(source, cpu, this.#state.takePerfEventId(), () => {
      world.woken = true;
    });
    return this.#state.descriptors.open(file, command);
  }

  setProgram(eventFd: Fd, programFd: Fd): void {
    const command = "PERF_EVENT_IOC_SET_BPF";
    const event = this.#state.perfEvent(eventFd, command);
    const file = this.#state.program(programFd, command);
    const { program } = file;
    if (program.type !== programTypeFor(event.source)) {
      throw new SyscallError(command, Errno.EINVAL, { detail: "the program is of another type" });
    }
    if (event.program !== undefined) throw new SyscallError(command, Errno.EEXIST);
    const attached: AttachedProgram = { program, cookie: 0n, silent: !event.enabled };
    const detach = this.#attach(event, attached, command);
    const { descriptors } = this.#state;
    descriptors.retain(file);
    event.program = attached;
    event.detach = () => {
      detach();
      descriptors.drop(file);
    };
  }

  setEnabled(eventFd: Fd, enabled: boolean): void {
    const command = enabled ? "PERF_EVENT_IOC_ENABLE" : "PERF_EVENT_IOC_DISABLE";
    this.#state.perfEvent(eventFd, command).setEnabled(enabled);
  }

  mapRing(eventFd: Fd, pageCount: number): RingMemory {
    const command = "mmap";
    const event = this.#state.perfEvent(eventFd, command);
    const isPowerOfTwo = pageCount > 0 && (pageCount & (pageCount - 1)) === 0;
    if (!isPowerOfTwo || event.source.kind !== "bpf-output") throw new SyscallError(command, Errno.EINVAL);
    if (event.ring !== undefined) {
      // Mapped twice with the same size it is the same ring, as in the kernel.
      if (event.ring.sizeBytes === pageCount * PageSize) return event.ring;
      throw new SyscallError(command, Errno.EINVAL, { detail: "mapped with another size" });
    }
    const ring = new PerfRing(pageCount * PageSize, event.id, () => {
      event.ring = undefined;
    });
    event.ring = ring;
    return ring;
  }

  #source(attributes: PerfEventAttributes, command: string): PerfEventSource {
    const { symbols, tracepoints } = this.#state.simulation.world;
    switch (attributes.kind) {
      case "kprobe":
      case "kretprobe": {
        const { function: name, offset } = attributes;
        if (!symbols.has(name))
          throw new SyscallError(command, Errno.ENOENT, { detail: `no function ${name}` });
        if (!symbols.isProbeable(name)) {
          throw new SyscallError(command, Errno.EINVAL, { detail: `${name} cannot be probed` });
        }
        if (offset !== 0) throw notSimulated("kprobes inside a function");
        return { kind: attributes.kind, function: name };
      }
      case "tracepoint": {
        const name = tracepoints.nameOf(attributes.id);
        if (name === undefined) {
          throw new SyscallError(command, Errno.EINVAL, { detail: `no tracepoint has id ${attributes.id}` });
        }
        return { kind: "tracepoint", name };
      }
      case "bpf-output":
        return { kind: "bpf-output", wakeupEvents: attributes.wakeupEvents };
      case "software":
        if (attributes.config !== CpuClock) {
          throw notSimulated(`software perf event ${attributes.config}`);
        }
        return { kind: "clock", periodNs: samplePeriod(attributes) };
      case "hardware":
        throw new SyscallError(command, Errno.ENOENT, {
          detail: "the simulated machine has no hardware counters",
        });
      case "cache":
      case "raw":
      case "tracepoint-counter":
        throw notSimulated(`${attributes.kind} perf events`);
      case "uprobe":
      case "uretprobe":
        throw notSimulated("uprobes");
    }
  }

  #attach(event: PerfEventFile, attached: AttachedProgram, command: string): () => void {
    const { source } = event;
    const { world } = this.#state.simulation;
    switch (source.kind) {
      case "kprobe":
      case "kretprobe": {
        const place = source.kind === "kprobe" ? "kprobes" : "kretprobes";
        if ((world.probes.onFunction(source.function)?.[place].length ?? 0) >= MostPrograms) {
          throw new SyscallError(command, Errno.E2BIG);
        }
        return world.probes.attachToFunction(source.function, place, attached);
      }
      case "tracepoint":
        if ((world.probes.onTracepoint(source.name)?.length ?? 0) >= MostPrograms) {
          throw new SyscallError(command, Errno.E2BIG);
        }
        return world.probes.attachToTracepoint(source.name, attached);
      case "clock":
        return this.#startSampling(source.periodNs, event.cpu, attached);
      case "bpf-output":
        throw new SyscallError(command, Errno.EINVAL);
    }
  }

  /** A timer on one CPU, or on all of them for cpu -1. */
  #startSampling(periodNs: number, cpu: number, attached: AttachedProgram): () => void {
    const { simulation } = this.#state;
    const { world, tracer } = simulation;
    let running = true;
    for (const target of cpu === -1 ? world.cpus : [world.cpus[cpu]!]) {
      const tick = (): void => {
        if (!running) return;
        // No frames of the interrupt: samples show what was interrupted.
        tracer.interrupt(target, [], () => {
          tracer.sample(attached, periodNs);
        });
        world.queue.schedule(world.clock.nowNs + periodNs, tick);
      };
      world.queue.schedule(world.clock.nowNs + periodNs, tick);
    }
    return () => {
      running = false;
    };
  }
}

function samplePeriod(attributes: {
  readonly samplePeriod?: number;
  readonly sampleFrequencyHz?: number;
}): number {
  const { samplePeriod: period, sampleFrequencyHz: frequency } = attributes;
  const ns = period ?? (frequency === undefined || frequency <= 0 ? 0 : 1e9 / frequency);
  // The kernel does not tick faster than this.
  const ShortestPeriodNs = 10_000;
  return Math.max(ShortestPeriodNs, Math.round(ns === 0 ? 1e6 : ns));
}

function programTypeFor(source: PerfEventSource): number {
  switch (source.kind) {
    case "kprobe":
    case "kretprobe":
      return ProgramType.Kprobe;
    case "tracepoint":
      return ProgramType.Tracepoint;
    case "clock":
      return ProgramType.PerfEvent;
    case "bpf-output":
      return -1;
  }
}
