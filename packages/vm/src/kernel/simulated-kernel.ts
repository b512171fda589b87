/** The simulated kernel: the Kernel port over a world in memory, with a scenario that runs while the caller waits. */
import { Errno } from "@bpfkit/base/abi";
import { BpfkitError, NotSupportedError, SyscallError } from "@bpfkit/base/diagnostics";
import type {
  Fd,
  Kernel,
  KernelProfile,
  MapCreateAttributes,
  MapInfo,
  PerfEventAttributes,
  ProgramLoadAttributes,
  ProgramTestRunOptions,
  ProgramTestRunResult,
  ReadableFile,
  RingMemory,
  TracePipe,
  WaitResult,
} from "@bpfkit/base/kernel";
import { BtfTable } from "@bpfkit/elf/btf";
import type { Engine } from "../program/program.ts";
import { readKernelFile } from "./kernel-files.ts";
import { KernelState } from "./kernel-state.ts";
import { BtfFile, TracePipeFile } from "./open-files.ts";
import { PerfEventCalls } from "./perf-events.ts";
import { openProgramFile } from "./process-files.ts";
import { refuse, refusedLinks, refusedNetwork, refusedObjects } from "./refusals.ts";
import type { GroundTruth } from "./scenarios/ground-truth.ts";
import type { Scenario, ScenarioPlan } from "./scenarios/scenario.ts";
import { Simulation } from "./simulation.ts";
import { MapCalls } from "./syscalls-map.ts";
import { ProgramCalls } from "./syscalls-program.ts";
import { Waiting } from "./waiting.ts";

/** How a simulated kernel is made. */
export interface SimulatedKernelOptions {
  /** The kernel it pretends to be. x86-64 only. */
  readonly profile: KernelProfile;
  /** The profile's BTF, where the caller has it decoded already. */
  readonly btf?: BtfTable;
  /** What happens on the machine once someone waits. */
  readonly scenario: Scenario;
  readonly engine: Engine;
  /** The same seed gives the same world; 1 by default. */
  readonly seed?: number;
  /** 1 to 64; 4 by default. */
  readonly cpus?: number;
}

const DefaultCpus = 4;
const MostCpus = 64;

/**
 * A kernel that exists in memory. Nothing happens, and no time passes, except in {@link wait}. Everything is
 * deterministic: the same options and the same calls give the same events, addresses and times.
 */
export class SimulatedKernel implements Kernel {
  readonly name: string;
  readonly release: string;
  readonly architecture = "x86_64";
  readonly onlineCpus: readonly number[];
  readonly possibleCpus: readonly number[];
  readonly objects = refusedObjects;
  readonly links = refusedLinks;
  readonly network = refusedNetwork;
  readonly batches = undefined;
  readonly programFolders: readonly string[] = [];
  readonly perfEventRead = refuse("reading perf counters");
  readonly mapArray = refuse("mapping arrays into memory");
  readonly mapArena = refuse("arenas");
  readonly mapUserRing = refuse("user ring buffers");
  readonly pageSizeBytes = 4096;
  readonly writeTraceControl = refuse("writing to tracefs");
  readonly scenario: Scenario;
  readonly #plan: ScenarioPlan;
  readonly #state: KernelState;
  readonly #maps: MapCalls;
  readonly #programs: ProgramCalls;
  readonly #perfEvents: PerfEventCalls;
  readonly #waiting: Waiting;

  /** @throws BpfkitError VM042 for options that cannot be simulated */
  constructor(options: SimulatedKernelOptions) {
    const { profile, scenario, engine, btf, seed = 1, cpus = DefaultCpus } = options;
    if (profile.architecture !== "x86_64") {
      throw new NotSupportedError(`simulating ${profile.architecture} kernels`);
    }
    if (!Number.isInteger(cpus) || cpus < 1 || cpus > MostCpus) {
      throw new BpfkitError("VM042", `a simulated kernel has 1 to ${MostCpus} CPUs, not ${cpus}`);
    }
    this.name = `simulated Linux ${profile.release}`;
    this.release = profile.release;
    this.scenario = scenario;
    const simulation = new Simulation({
      profile,
      cpuCount: cpus,
      seed,
      ...(btf === undefined ? {} : { btf }),
    });
    this.onlineCpus = simulation.world.cpus.map(({ index }) => index);
    this.possibleCpus = this.onlineCpus;
    this.#plan = scenario.plan(seed);
    this.#state = new KernelState(simulation, engine);
    this.#maps = new MapCalls(this.#state);
    this.#programs = new ProgramCalls(this.#state);
    this.#perfEvents = new PerfEventCalls(this.#state);
    const endNs = simulation.startNs + this.#plan.durationNs;
    this.#waiting = new Waiting(this.#state, endNs, () => {
      this.#plan.start(simulation);
    });
  }

  /** What the scenario does, to the last event; known before it runs. */
  get groundTruth(): GroundTruth {
    return this.#plan.groundTruth;
  }

  mapCreate(attributes: MapCreateAttributes): Fd {
    return this.#maps.create(attributes);
  }
  mapInfo(map: Fd): MapInfo {
    return this.#maps.info(map);
  }
  mapLookup(map: Fd, key: Uint8Array, flags = 0): Uint8Array | undefined {
    return this.#maps.lookup(map, key, flags);
  }
  mapUpdate(map: Fd, key: Uint8Array, value: Uint8Array, flags: number): void {
    this.#maps.update(map, key, value, flags);
  }
  mapDelete(map: Fd, key: Uint8Array): boolean {
    return this.#maps.delete(map, key);
  }
  mapNextKey(map: Fd, key: Uint8Array | undefined): Uint8Array | undefined {
    return this.#maps.nextKey(map, key);
  }
  mapLookupAndDelete(map: Fd, key: Uint8Array): Uint8Array | undefined {
    return this.#maps.lookupAndDelete(map, key);
  }
  mapFreeze(map: Fd): void {
    this.#maps.freeze(map);
  }

  programLoad(attributes: ProgramLoadAttributes): Fd {
    return this.#programs.load(attributes);
  }
  programTestRun(program: Fd, options: ProgramTestRunOptions): ProgramTestRunResult {
    return this.#programs.testRun(program, options);
  }
  rawTracepointOpen(name: string, program: Fd): Fd {
    return this.#programs.rawTracepointOpen(name, program);
  }

  btfLoad(btf: Uint8Array): Fd {
    let table: BtfTable;
    try {
      table = BtfTable.decode(btf);
    } catch (cause) {
      if (!(cause instanceof BpfkitError)) throw cause;
      throw new SyscallError("BPF_BTF_LOAD", Errno.EINVAL, { detail: cause.message, cause });
    }
    return this.#state.descriptors.open(new BtfFile(table), "BPF_BTF_LOAD");
  }

  perfEventOpen(attributes: PerfEventAttributes, pid: number, cpu: number): Fd {
    return this.#perfEvents.open(attributes, pid, cpu);
  }
  perfEventSetProgram(event: Fd, program: Fd): void {
    this.#perfEvents.setProgram(event, program);
  }
  perfEventEnable(event: Fd): void {
    this.#perfEvents.setEnabled(event, true);
  }
  perfEventDisable(event: Fd): void {
    this.#perfEvents.setEnabled(event, false);
  }

  mapPerfRing(event: Fd, pageCount: number): RingMemory {
    return this.#perfEvents.mapRing(event, pageCount);
  }

  mapRingBuffer(map: Fd): RingMemory {
    const { ring } = this.#state.map(map, "mmap");
    if (ring === undefined) throw new SyscallError("mmap", Errno.EINVAL, { detail: "not a ring buffer map" });
    return {
      sizeBytes: ring.sizeBytes,
      data: () => ring.data(),
      readProducer: () => ring.producerPosition(),
      readConsumer: () => ring.consumerPosition(),
      writeConsumer: (position) => {
        ring.setConsumerPosition(position);
      },
      unmap: () => {},
    };
  }

  readKernelFile(path: string): Uint8Array {
    return readKernelFile(this.#state.simulation.world, path);
  }

  /** The simulated machine has no programs on disk. */
  openFile(path: string): ReadableFile | undefined {
    return openProgramFile(this.#state.simulation.world, path);
  }

  openTracePipe(): TracePipe {
    const { trace } = this.#state.simulation.world;
    const fd = this.#state.descriptors.open(new TracePipeFile(() => trace.hasLines), "open");
    return {
      fd,
      read: () => trace.take(),
      close: () => {
        this.close(fd);
      },
    };
  }

  monotonicNs(): bigint {
    return BigInt(Math.floor(this.#state.simulation.world.clock.nowNs));
  }

  kernelConfiguration(): undefined {
    return undefined;
  }

  wallClockMs(): number {
    return this.#state.simulation.world.clock.wallClockMs;
  }

  wait(fds: readonly Fd[], timeoutMs: number, signal?: AbortSignal): Promise<WaitResult> {
    return this.#waiting.wait(fds, timeoutMs, signal);
  }

  close(fd: Fd): void {
    this.#state.descriptors.close(fd);
  }

  shutdown(): void {
    this.#state.descriptors.closeAll();
    this.#state.simulation.world.queue.clear();
  }
}
