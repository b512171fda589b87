/** The Kernel port on the Linux that runs this process. */
import { release as kernelRelease } from "node:os";
import { delimiter } from "node:path";
import { Errno, MapType, ProgramType } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type {
  BpfLinks,
  BpfObjects,
  Fd,
  Kernel,
  KernelNetwork,
  MapBatches,
  MapCreateAttributes,
  MapInfo,
  PerfEventAttributes,
  ProgramLoadAttributes,
  ProgramTestRunOptions,
  ProgramTestRunResult,
  ReadableFile,
  RingMemory,
  SharedMemory,
  TracePipe,
  WaitResult,
  WritableRing,
} from "@bpfkit/base/kernel";
import { LinuxMapBatches } from "./batches.ts";
import { LinuxBpf } from "./bpf.ts";
import { cpusOf } from "./cpus.ts";
import { demangler } from "./demangle.ts";
import { Descriptors } from "./descriptors.ts";
import { openFile } from "./files.ts";
import { readConfiguration, readKernelFile, writeTraceControl } from "./kernel-files.ts";
import { LinuxLinks } from "./links.ts";
import { LinuxNetwork } from "./network.ts";
import { LinuxBpfObjects } from "./objects.ts";
import { pageSizeBytes } from "./page-size.ts";
import { LinuxPerfEvents } from "./perf-event.ts";
import { networkAdvice, notPermitted, requireBpf, requirePrivileges } from "./privileges.ts";
import { ArenaMemory, ArrayMemory, BpfRing, PerfRing, type ReadableRing, UserRing } from "./ring-memory.ts";
import { liftMemoryLimit } from "./rlimit.ts";
import { LinuxTracePipe } from "./trace-pipe.ts";
import { Waiting } from "./waiting.ts";

/** Page counts of the port are in pages of this size. */
const portPageSize = 4096;

const architectures: Readonly<Record<string, Kernel["architecture"]>> = { x64: "x86_64", arm64: "arm64" };

/** Map types that need CAP_NET_ADMIN (kernel/bpf/syscall.c, map_create). */
const networkMaps: ReadonlySet<number> = new Set([
  MapType.Sockmap,
  MapType.Sockhash,
  MapType.Devmap,
  MapType.DevmapHash,
  MapType.Xskmap,
]);

/** Program types that need CAP_NET_ADMIN (kernel/bpf/syscall.c, is_net_admin_prog_type). */
const networkPrograms: ReadonlySet<number> = new Set([
  ProgramType.SchedCls,
  ProgramType.SchedAct,
  ProgramType.Xdp,
  ProgramType.LwtIn,
  ProgramType.LwtOut,
  ProgramType.LwtXmit,
  ProgramType.LwtSeg6local,
  ProgramType.SkSkb,
  ProgramType.SkMsg,
  ProgramType.FlowDissector,
  ProgramType.CgroupDevice,
  ProgramType.CgroupSock,
  ProgramType.CgroupSockAddr,
  ProgramType.CgroupSockopt,
  ProgramType.CgroupSysctl,
  ProgramType.SockOps,
  ProgramType.LircMode2,
]);

/** Every opening is of the same kernel. */
const thisMachine = {};

/**
 * This machine's kernel. Whatever is attached hangs on descriptors of this process: it is gone when they are closed, and
 * so also when the process is killed.
 */
export class LinuxKernel implements Kernel {
  readonly name: string;
  readonly release: string;
  readonly architecture: Kernel["architecture"];
  readonly onlineCpus: readonly number[];
  readonly possibleCpus: readonly number[];
  readonly machine = thisMachine;
  readonly #descriptors = new Descriptors();
  readonly objects: BpfObjects = new LinuxBpfObjects(this.#descriptors);
  readonly links: BpfLinks = new LinuxLinks(this.#descriptors);
  readonly network: KernelNetwork = new LinuxNetwork(this.#descriptors);
  readonly batches: MapBatches;
  readonly #waiting = new Waiting();
  readonly #rings = new Map<Fd, ReadableRing>();
  readonly #arrays = new Set<{ unmap(): void }>();
  readonly #pipes = new Set<LinuxTracePipe>();
  readonly #pageSize: number;
  readonly #bpf: LinuxBpf;
  readonly #perfEvents: LinuxPerfEvents;

  /**
   * @throws BpfkitError LK001 elsewhere than on Linux, LK002 on other processors, LK003 without the privileges, LK006 on
   *   a kernel that is locked down
   */
  constructor() {
    const { platform, arch } = process;
    if (platform !== "linux") {
      throw new BpfkitError(
        "LK001",
        `this machine runs ${platform}: only Linux has a kernel to trace with BPF`,
        {
          hint: "The bundled VM (without --target kernel) runs everywhere.",
        },
      );
    }
    const architecture = architectures[arch];
    if (architecture === undefined) {
      throw new BpfkitError("LK002", `tracing the kernel works on x86-64 and arm64, not on ${arch}`);
    }
    requirePrivileges();
    requireBpf();
    this.architecture = architecture;
    this.release = kernelRelease();
    this.name = `Linux ${this.release}`;
    this.onlineCpus = cpusOf("online");
    this.possibleCpus = cpusOf("possible");
    this.#pageSize = pageSizeBytes();
    this.#bpf = new LinuxBpf(this.#descriptors, this.release, this.possibleCpus.length);
    this.batches = new LinuxMapBatches((map) => this.#bpf.sizes(map));
    this.#perfEvents = new LinuxPerfEvents(this.#descriptors);
    liftMemoryLimit(this.release);
  }

  mapCreate(attributes: MapCreateAttributes): Fd {
    try {
      return this.#bpf.mapCreate(attributes);
    } catch (error) {
      const refused = error instanceof SyscallError && error.errno === Errno.EPERM;
      if (!refused) throw error;
      const advice = networkMaps.has(attributes.type)
        ? networkAdvice("Maps of sockets and devices")
        : undefined;
      throw notPermitted("creating BPF maps", error, advice);
    }
  }
  mapInfo(map: Fd): MapInfo {
    return this.#bpf.mapInfo(map);
  }
  mapLookup(map: Fd, key: Uint8Array, flags = 0): Uint8Array | undefined {
    return this.#bpf.mapLookup(map, key, flags);
  }
  mapUpdate(map: Fd, key: Uint8Array, value: Uint8Array, flags: number): void {
    this.#bpf.mapUpdate(map, key, value, flags);
  }
  mapDelete(map: Fd, key: Uint8Array): boolean {
    return this.#bpf.mapDelete(map, key);
  }
  mapNextKey(map: Fd, key: Uint8Array | undefined): Uint8Array | undefined {
    return this.#bpf.mapNextKey(map, key);
  }
  mapLookupAndDelete(map: Fd, key: Uint8Array): Uint8Array | undefined {
    return this.#bpf.mapLookupAndDelete(map, key);
  }
  mapFreeze(map: Fd): void {
    this.#bpf.mapFreeze(map);
  }
  programLoad(attributes: ProgramLoadAttributes): Fd {
    try {
      return this.#bpf.programLoad(attributes);
    } catch (error) {
      // With a log it is the verifier that refuses.
      const refused =
        error instanceof SyscallError && error.errno === Errno.EPERM && error.cause === undefined;
      if (!refused) throw error;
      const advice = networkPrograms.has(attributes.type)
        ? networkAdvice("Programs on packets, sockets and cgroups")
        : undefined;
      throw notPermitted("loading BPF programs of this type", error, advice);
    }
  }
  programTestRun(program: Fd, options: ProgramTestRunOptions): ProgramTestRunResult {
    return this.#bpf.programTestRun(program, options);
  }
  btfLoad(btf: Uint8Array): Fd {
    try {
      return this.#bpf.btfLoad(btf);
    } catch (error) {
      const refused = error instanceof SyscallError && error.errno === Errno.EPERM;
      throw refused ? notPermitted("loading BPF types", error) : error;
    }
  }
  rawTracepointOpen(name: string, program: Fd): Fd {
    return this.#bpf.rawTracepointOpen(name, program);
  }

  perfEventOpen(attributes: PerfEventAttributes, pid: number, cpu: number): Fd {
    return this.#perfEvents.perfEventOpen(attributes, pid, cpu);
  }
  perfEventSetProgram(event: Fd, program: Fd): void {
    this.#perfEvents.perfEventSetProgram(event, program);
  }
  perfEventEnable(event: Fd): void {
    this.#perfEvents.perfEventEnable(event);
  }
  perfEventSetOutput(event: Fd, target: Fd): void {
    this.#perfEvents.perfEventSetOutput(event, target);
  }
  perfEventRead(event: Fd): bigint {
    return this.#perfEvents.perfEventRead(event);
  }
  perfEventDisable(event: Fd): void {
    this.#perfEvents.perfEventDisable(event);
  }

  mapPerfRing(event: Fd, pageCount: number): RingMemory {
    const sizeBytes = Math.max(pageCount * portPageSize, this.#pageSize);
    try {
      return this.#keep(event, new PerfRing(event, sizeBytes, this.#pageSize, () => this.#drop(event)));
    } catch (error) {
      const refused = error instanceof SyscallError && error.errno === Errno.EPERM;
      if (!refused) throw error;
      throw new BpfkitError(
        "LK003",
        `the kernel does not permit perf buffers of ${sizeBytes} bytes for each CPU`,
        {
          cause: error,
          hint: "Run it as root, raise the sysctl kernel.perf_event_mlock_kb, or ask for fewer pages.",
        },
      );
    }
  }

  mapRingBuffer(map: Fd): RingMemory {
    const sizeBytes = this.mapInfo(map).maxEntries;
    return this.#keep(map, new BpfRing(map, sizeBytes, this.#pageSize, () => this.#drop(map)));
  }

  mapUserRing(map: Fd): WritableRing {
    const sizeBytes = this.mapInfo(map).maxEntries;
    const ring: UserRing = new UserRing(map, sizeBytes, this.#pageSize, () => this.#arrays.delete(ring));
    this.#arrays.add(ring);
    return ring;
  }

  mapArray(map: Fd, sizeBytes: number, writable: boolean): SharedMemory {
    const memory: ArrayMemory = new ArrayMemory(map, sizeBytes, { size: this.#pageSize, writable }, () =>
      this.#arrays.delete(memory),
    );
    this.#arrays.add(memory);
    return memory;
  }

  get pageSizeBytes(): number {
    return this.#pageSize;
  }

  mapArena(map: Fd, sizeBytes: number, address: bigint, usedBytes: number): SharedMemory {
    const memory: ArenaMemory = new ArenaMemory(map, { sizeBytes, address, usedBytes }, () =>
      this.#arrays.delete(memory),
    );
    this.#arrays.add(memory);
    return memory;
  }

  readKernelFile(path: string): Uint8Array {
    return readKernelFile(path);
  }

  openFile(path: string): ReadableFile | undefined {
    return openFile(path);
  }

  readonly demangle = demangler();

  get programFolders(): readonly string[] {
    return (process.env["PATH"] ?? "/usr/bin:/bin").split(delimiter).filter((folder) => folder !== "");
  }

  kernelConfiguration(): string | undefined {
    return readConfiguration(this.release);
  }

  writeTraceControl(path: string, line: string): void {
    writeTraceControl(path, line);
  }

  openTracePipe(): TracePipe {
    const pipe: LinuxTracePipe = new LinuxTracePipe((fd) => {
      this.#waiting.remove(fd);
      this.#pipes.delete(pipe);
    });
    this.#pipes.add(pipe);
    this.#waiting.add(pipe.fd, { ready: () => pipe.fill(), silent: true });
    return pipe;
  }

  monotonicNs(): bigint {
    return process.hrtime.bigint();
  }
  wallClockMs(): number {
    return Date.now();
  }
  async wait(fds: readonly Fd[], timeoutMs: number, signal?: AbortSignal): Promise<WaitResult> {
    return await this.#waiting.wait(fds, timeoutMs, signal);
  }

  close(fd: Fd): void {
    this.#bpf.forget(fd);
    this.#waiting.remove(fd);
    this.#descriptors.close(fd);
  }

  shutdown(): void {
    for (const ring of [...this.#rings.values()]) ring.unmap();
    for (const array of [...this.#arrays]) array.unmap();
    for (const pipe of [...this.#pipes]) pipe.close();
    this.#waiting.close();
    this.#descriptors.closeAll();
  }

  #keep(fd: Fd, ring: ReadableRing): RingMemory {
    this.#rings.set(fd, ring);
    this.#waiting.add(fd, { ready: () => ring.hasRecords(), silent: false });
    return ring;
  }

  #drop(fd: Fd): void {
    this.#rings.delete(fd);
    this.#waiting.remove(fd);
  }
}
