/** A kernel for the loader's tests: keeps array and hash maps, accepts every program and records what it was given. */
import { Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type {
  BpfLinks,
  BpfObjects,
  Fd,
  Kernel,
  KernelNetwork,
  LinkCreateAttributes,
  MapCreateAttributes,
  MapInfo,
  PerfEventAttributes,
  ProgramLoadAttributes,
  ProgramTestRunResult,
  ReadableFile,
  RingMemory,
  SharedMemory,
  TrafficFilter,
  TracePipe,
  WaitResult,
  WritableRing,
} from "@bpfkit/base/kernel";

interface RecordedMap {
  readonly attributes: MapCreateAttributes;
  readonly entries: Map<string, Uint8Array>;
  frozen: boolean;
}

const nothing = { readProducer: () => 0, readConsumer: () => 0, writeConsumer() {}, unmap() {} };

/** What it was given stands in its public members, mostly by descriptor. It runs nothing, so nothing is ever ready to read. */
export class RecordingKernel implements Kernel {
  readonly name = "recording kernel";
  readonly release = "6.1.0-test";
  readonly architecture = "x86_64";
  readonly onlineCpus = [0, 1];
  readonly possibleCpus = [0, 1, 2, 3];
  readonly maps = new Map<Fd, RecordedMap>();
  readonly programs = new Map<Fd, ProgramLoadAttributes>();
  readonly events = new Map<Fd, PerfEventAttributes & { pid: number; cpu: number; program?: Fd; enabled?: boolean }>();
  readonly rawTracepoints = new Map<Fd, { name: string; program: Fd }>();
  readonly open = new Set<Fd>();
  readonly rings = new Map<Fd, RingMemory>();
  readonly files = new Map<string, string>();
  readonly pins = new Map<string, Fd>();
  readonly objects = this.#objects();
  /** Programs and libraries by path. */
  readonly binaries = new Map<string, Uint8Array>();
  /** Links by descriptor. */
  readonly created = new Map<Fd, LinkCreateAttributes>();
  /** Set to refuse links, as old kernels do. */
  linkErrno = 0;
  readonly links = this.#links();
  /** What is attached without descriptors, as text. */
  readonly attached = new Set<string>();
  readonly network = this.#network();
  readonly batches = undefined;
  readonly programFolders = ["/usr/bin"];
  /** Lines written to tracefs. */
  readonly traceControl: string[] = [];
  /** Set to make the next program load fail. */
  rejection: Error | undefined;
  /** Functions that can be probed; undefined: all. */
  functions: ReadonlySet<string> | undefined;
  #next = 100;

  #fd(): Fd {
    const fd = this.#next as Fd;
    this.#next += 1;
    this.open.add(fd);
    return fd;
  }

  #map(fd: Fd): RecordedMap {
    const map = this.maps.get(fd);
    if (map === undefined || !this.open.has(fd)) throw new SyscallError("bpf", Errno.EBADF);
    return map;
  }

  #objects(): BpfObjects {
    const unknown = (): never => {
      throw new SyscallError("bpf", Errno.EPERM);
    };
    return {
      nextId: unknown,
      openById: unknown,
      programInfo: unknown,
      programCode: unknown,
      btfInfo: unknown,
      btfData: unknown,
      linkInfo: unknown,
      kindOf: (fd) => (this.maps.has(fd) ? "map" : this.programs.has(fd) ? "program" : undefined),
      pin: (fd, path) => {
        if (this.pins.has(path)) throw new SyscallError("BPF_OBJ_PIN", Errno.EEXIST);
        this.pins.set(path, fd);
      },
      openPinned: (path) => {
        const pinned = this.pins.get(path);
        if (pinned === undefined) throw new SyscallError("BPF_OBJ_GET", Errno.ENOENT);
        const fd = this.#fd();
        const map = this.maps.get(pinned);
        const program = this.programs.get(pinned);
        if (map !== undefined) this.maps.set(fd, map);
        if (program !== undefined) this.programs.set(fd, program);
        return fd;
      },
      unpin: (path) => {
        if (!this.pins.delete(path)) throw new SyscallError("unlink", Errno.ENOENT);
      },
    };
  }

  #links(): BpfLinks {
    return {
      linkCreate: (attributes) => {
        if (this.linkErrno !== 0) throw new SyscallError("BPF_LINK_CREATE", this.linkErrno);
        const fd = this.#fd();
        this.created.set(fd, attributes);
        return fd;
      },
      linkUpdate: () => {},
      linkDetach: () => {},
      programAttach: (_program, target, attachType) => {
        this.attached.add(`program:${target}:${attachType}`);
      },
      programDetach: (_program, target, attachType) => {
        this.attached.delete(`program:${target}:${attachType}`);
      },
      iteratorCreate: () => this.#fd(),
      readIterator: () => new Uint8Array(),
      openTarget: () => this.#fd(),
    };
  }

  #network(): KernelNetwork {
    const filterText = ({ ifindex, direction, priority, handle }: TrafficFilter): string =>
      `filter:${ifindex}:${direction}:${priority}:${handle}`;
    return {
      interfaceName: (index) => `if${index}`,
      interfaceIndex: (name) => {
        if (name !== "eth0") throw new SyscallError("if_nametoindex", Errno.ENODEV);
        return 7;
      },
      setXdp: (ifindex, program, flags) => {
        if (program === -1) this.attached.delete(`xdp:${ifindex}:${flags}`);
        else this.attached.add(`xdp:${ifindex}:${flags}`);
      },
      addClassifierHook: (ifindex) => {
        const isNew = !this.attached.has(`clsact:${ifindex}`);
        this.attached.add(`clsact:${ifindex}`);
        return isNew;
      },
      removeClassifierHook: (ifindex) => {
        this.attached.delete(`clsact:${ifindex}`);
      },
      addFilter: (filter) => {
        if (this.attached.has(filterText(filter))) throw new SyscallError("RTM_NEWTFILTER", Errno.EEXIST);
        this.attached.add(filterText(filter));
      },
      removeFilter: (filter) => {
        this.attached.delete(filterText(filter));
      },
      openPacketSocket: () => this.#fd(),
      attachToSocket: (socket) => {
        this.attached.add(`socket:${socket}`);
      },
      detachFromSocket: (socket) => {
        this.attached.delete(`socket:${socket}`);
      },
      readPacket: () => undefined,
    };
  }

  /** Text of a configuration. */
  configuration: string | undefined;
  kernelConfiguration(): string | undefined {
    return this.configuration;
  }
  writeTraceControl(_path: string, line: string): void {
    this.traceControl.push(line);
  }
  mapUserRing(): WritableRing {
    throw new SyscallError("mmap", Errno.EINVAL);
  }
  mapArray(): SharedMemory {
    throw new SyscallError("mmap", Errno.EINVAL);
  }
  readonly pageSizeBytes = 4096;
  mapArena(_map: Fd, _sizeBytes: number, _address: bigint, usedBytes: number): SharedMemory {
    const memory = new Uint8Array(usedBytes);
    return { bytes: () => memory, unmap: () => undefined };
  }
  perfEventRead(): bigint {
    return 0n;
  }

  mapCreate(attributes: MapCreateAttributes): Fd {
    const fd = this.#fd();
    this.maps.set(fd, { attributes, entries: new Map(), frozen: false });
    return fd;
  }
  mapInfo(fd: Fd): MapInfo {
    const untyped = { btfId: 0, btfKeyTypeId: 0, btfValueTypeId: 0, mapExtra: 0n, ifindex: 0 };
    return { id: fd, ...untyped, ...this.#map(fd).attributes };
  }
  mapLookup(fd: Fd, key: Uint8Array): Uint8Array | undefined {
    return this.#map(fd).entries.get(key.join())?.slice();
  }
  mapUpdate(fd: Fd, key: Uint8Array, value: Uint8Array): void {
    const { attributes, entries } = this.#map(fd);
    if (key.length !== attributes.keySize) throw new SyscallError("BPF_MAP_UPDATE_ELEM", Errno.EINVAL);
    entries.set(key.join(), value.slice());
  }
  mapDelete(fd: Fd, key: Uint8Array): boolean {
    return this.#map(fd).entries.delete(key.join());
  }
  mapNextKey(fd: Fd, key: Uint8Array | undefined): Uint8Array | undefined {
    const keys = [...this.#map(fd).entries.keys()];
    const text = keys[key === undefined ? 0 : keys.indexOf(key.join()) + 1];
    return text === undefined ? undefined : Uint8Array.from(text.split(","), Number);
  }
  mapLookupAndDelete(fd: Fd, key: Uint8Array): Uint8Array | undefined {
    const value = this.mapLookup(fd, key);
    this.mapDelete(fd, key);
    return value;
  }
  mapFreeze(fd: Fd): void {
    this.#map(fd).frozen = true;
  }
  programLoad(attributes: ProgramLoadAttributes): Fd {
    if (this.rejection !== undefined) throw this.rejection;
    const fd = this.#fd();
    this.programs.set(fd, attributes);
    return fd;
  }
  programTestRun(): ProgramTestRunResult {
    return { returnValue: 0, context: new Uint8Array(), data: new Uint8Array() };
  }
  btfLoad(): Fd {
    return this.#fd();
  }
  rawTracepointOpen(name: string, program: Fd): Fd {
    const fd = this.#fd();
    this.rawTracepoints.set(fd, { name, program });
    return fd;
  }
  perfEventOpen(attributes: PerfEventAttributes, pid: number, cpu: number): Fd {
    const isProbe = attributes.kind === "kprobe" || attributes.kind === "kretprobe";
    if (isProbe && this.functions?.has(attributes.function) === false) {
      throw new SyscallError("perf_event_open", Errno.ENOENT);
    }
    const fd = this.#fd();
    this.events.set(fd, { ...attributes, pid, cpu });
    return fd;
  }
  perfEventSetProgram(event: Fd, program: Fd): void {
    const found = this.events.get(event);
    if (found !== undefined) found.program = program;
  }
  perfEventEnable(event: Fd): void {
    const found = this.events.get(event);
    if (found !== undefined) found.enabled = true;
  }
  perfEventDisable(): void {}
  mapPerfRing(event: Fd): RingMemory {
    return this.rings.get(event) ?? { sizeBytes: 4096, data: () => new Uint8Array(4096), ...nothing };
  }
  mapRingBuffer(map: Fd): RingMemory {
    return this.rings.get(map) ?? { sizeBytes: 4096, data: () => new Uint8Array(4096), ...nothing };
  }
  openFile(path: string): ReadableFile | undefined {
    const bytes = this.binaries.get(path);
    if (bytes === undefined) return undefined;
    const sizeBytes = bytes.length;
    const read = (offset: number, length: number) => bytes.slice(offset, offset + length);
    return { identity: path, inode: 7, sizeBytes, read, close() {} };
  }

  readKernelFile(path: string): Uint8Array {
    const text = this.files.get(path);
    if (text === undefined) throw new SyscallError(`open ${path}`, Errno.ENOENT);
    return new TextEncoder().encode(text);
  }
  openTracePipe(): TracePipe {
    return { fd: this.#fd(), read: () => "", close() {} };
  }
  monotonicNs(): bigint {
    return 0n;
  }
  wallClockMs(): number {
    return 0;
  }
  wait(): Promise<WaitResult> {
    return Promise.resolve({ ready: [], ended: true });
  }
  close(fd: Fd): void {
    if (!this.open.delete(fd)) throw new SyscallError("close", Errno.EBADF);
  }
  shutdown(): void {
    this.open.clear();
  }
}
