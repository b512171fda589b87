/** The class that tracing programs are written with: load, attach, poll, read tables (after BCC's Python class). */
/// <reference lib="esnext.disposable" preserve="true" />
import { BpfkitError, UsageError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import type { BtfTable } from "@bpfkit/elf/btf";
import {
  type BpfMap,
  Collection,
  CollectionSpec,
  type ExtendedProgram,
  KernelSymbols,
  type PerfReader,
  type RingReader,
  type SymbolOptions,
  type UserSymbolOptions,
  UserSymbols,
} from "@bpfkit/loader";
import { Attacher } from "./attacher.ts";
import { LostSamples } from "./lost-samples.ts";
import { Table, type TableOwner, type WriteLine } from "./table.ts";
import { parseTraceLine, type TraceFields } from "./trace-line.ts";
import type { USDT } from "./usdt.ts";

/** An object to load and how. */
export interface BpfOptions {
  /** A compiled object; see `compile` and `bpfkit/node`'s `openBpf` for C text. */
  readonly object: Uint8Array;
  /** Names the object in messages and data maps. */
  readonly name: string;
  readonly kernel: Kernel;
  /** Types of the kernel; read from the kernel where absent. */
  readonly targetBtf?: BtfTable;
  /** False: nothing is attached by section or name. */
  readonly autoAttach?: boolean;
  /** Gets messages such as lost events; they are dropped where this is absent. */
  readonly onWarning?: (message: string) => void;
  /** Verifier log: 0, 1 or 2. */
  readonly logLevel?: number;
  /** Gets the verifier's log of every program, accepted or refused. */
  readonly onVerifierLog?: (program: string, log: string) => void;
  /** Folder of a BPF file system for maps that are pinned by name; /sys/fs/bpf unless given. */
  readonly pinRoot?: string;
  /** Maps of other objects in the same kernel to use in place of those of the same names; they stay their owners'. */
  readonly maps?: ReadonlyMap<string, BpfMap>;
  /** Namespace of maps that objects share (BPF_TABLE_SHARED); the empty one unless given. */
  readonly mapsNamespace?: string;
  /** The loaded program whose functions `SEC("freplace/FUNCTION")` programs replace; Linux 5.6. */
  readonly extend?: ExtendedProgram;
  /** The loaded program whose functions `SEC("fentry/FUNCTION")` and `SEC("fexit/FUNCTION")` programs trace; Linux 5.5. */
  readonly trace?: ExtendedProgram;
  /** Probes of programs to attach to, with the programs to run there. */
  readonly usdtContexts?: readonly USDT[];
  /**
   * Asked by every poll before it waits: undefined, or what to wait for first, at most `timeoutMs` or until `signal` aborts,
   * because whoever takes what callbacks print is behind. Meanwhile events stay in their buffers; those that do not fit are
   * lost and counted there.
   */
  readonly beforeEvents?: (timeoutMs: number, signal?: AbortSignal) => Promise<void> | undefined;
  /** Called once by {@link BPF.close}, after everything is unloaded. */
  readonly onClose?: () => void;
}

/** How a wait or poll ended. */
export interface PollResult {
  /** True once the simulated workload is over; a real kernel never ends. */
  readonly ended: boolean;
  /** Events handed to callbacks. */
  readonly events: number;
}

/**
 * What one poll takes of each buffer at most: where events come faster than they are taken, timers, signals and output
 * have their turn after so many, however big the buffer is.
 */
const mostEventsOfPoll = 4096;

/** How often buffers are looked at while the kernel does not wake us up for each event (`PerfReader.mustLook`), ms. */
const lookEveryMs = 10;

/** A loaded and attached BPF object. Close it, or everything stays attached while the process lives. */
export class BPF extends Attacher implements TableOwner {
  override readonly kernel: Kernel;
  override readonly collection: Collection;
  readonly symbols: KernelSymbols;
  readonly userSymbols: UserSymbols;
  readonly #tables = new Map<string, Table>();
  readonly #perfReaders: PerfReader[] = [];
  readonly #ringReaders: RingReader[] = [];
  readonly #onWarning: ((message: string) => void) | undefined;
  readonly #beforeEvents: BpfOptions["beforeEvents"];
  readonly #lost: LostSamples;
  #onClose: (() => void) | undefined;
  #tracePipe: ReturnType<Kernel["openTracePipe"]> | undefined;
  #traceRest = "";
  #saidHidden = false;

  constructor(
    collection: Collection,
    options: Pick<BpfOptions, "onWarning" | "beforeEvents" | "onClose"> = {},
  ) {
    super();
    this.collection = collection;
    this.kernel = collection.kernel;
    this.symbols = new KernelSymbols(collection.kernel);
    this.userSymbols = new UserSymbols(collection.kernel);
    this.#onWarning = options.onWarning;
    this.#beforeEvents = options.beforeEvents;
    this.#lost = new LostSamples(
      () => this.kernel.monotonicNs(),
      (message) => this.warn(message),
    );
    this.#onClose = options.onClose;
  }

  /**
   * Loads an object and attaches what its sections name, as BCC attaches functions by their prefixes.
   * @throws BpfkitError EL0xx, LD0xx; ProgramLoadError where the kernel's verifier refuses a program
   */
  static async open(options: BpfOptions): Promise<BPF> {
    const spec = CollectionSpec.fromObject(options.object, options.name);
    const { targetBtf, logLevel, onVerifierLog, pinRoot, maps, mapsNamespace, extend, trace } = options;
    const collection = Collection.load(spec, options.kernel, {
      ...(targetBtf === undefined ? {} : { targetBtf }),
      ...(logLevel === undefined ? {} : { logLevel }),
      ...(onVerifierLog === undefined ? {} : { onVerifierLog }),
      ...(pinRoot === undefined ? {} : { pinRoot }),
      ...(maps === undefined ? {} : { maps }),
      ...(mapsNamespace === undefined ? {} : { mapsNamespace }),
      ...(extend === undefined ? {} : { extend }),
      ...(trace === undefined ? {} : { trace }),
    });
    const bpf = new BPF(collection, options);
    try {
      if (options.autoAttach !== false) bpf.autoAttach();
      for (const context of options.usdtContexts ?? []) context.attach(bpf);
      return bpf;
    } catch (error) {
      bpf.close();
      throw error;
    }
  }

  /** A map by its C name. @throws UsageError with the names there are */
  table(name: string): Table {
    const known = this.#tables.get(name);
    if (known !== undefined) return known;
    const map = this.collection.maps.get(name);
    if (map === undefined) {
      const names = [...this.collection.maps.keys()].join(", ");
      throw new UsageError(`the program has no map ${name}`, {
        hint: `It has ${names || "no maps at all"}.`,
      });
    }
    const table = new Table(map, this);
    this.#tables.set(name, table);
    return table;
  }

  /** As {@link table}, for those who write `b.get("dist")`. */
  get(name: string): Table {
    return this.table(name);
  }

  /** Every map that the C text defines, in its order; without those of data sections. */
  tables(): Table[] {
    return [...this.collection.maps.values()]
      .filter((map) => map.spec.origin === "definition")
      .map((map) => this.table(map.name));
  }

  /** The kernel function at an address. */
  ksym(address: bigint, options: SymbolOptions = {}): string {
    if (this.symbols.hidden && !this.#saidHidden) {
      this.#saidHidden = true;
      this.warn(
        "the kernel hides its addresses from this process, so its functions have no names: it needs CAP_SYSLOG, and kernel.kptr_restrict below 2",
      );
    }
    return this.symbols.name(address, options);
  }

  /**
   * The function at an address in a process; with a `pid` below 0, in the kernel (after BCC's `BPF.sym`).
   * Mappings of a process that has ended are known only where it was asked about while it ran.
   */
  sym(address: bigint, pid: number, options: UserSymbolOptions = {}): string {
    return pid < 0 ? this.ksym(address, options) : this.userSymbols.name(address, pid, options);
  }

  /** The address of a kernel function. */
  ksymAddress(name: string): bigint | undefined {
    return this.symbols.address(name);
  }

  /** Lets time pass; `Infinity` waits for the signal or the end of the simulated workload. */
  async sleep(timeoutMs: number, signal?: AbortSignal): Promise<PollResult> {
    const { ended } = await this.kernel.wait([], timeoutMs, signal);
    return { ended, events: 0 };
  }

  /** Waits for events of perf buffers and hands them to their callbacks. */
  async perfBufferPoll(timeoutMs = Number.POSITIVE_INFINITY, signal?: AbortSignal): Promise<PollResult> {
    return this.#poll(this.#perfReaders, "perf buffer", timeoutMs, signal);
  }

  /** Hands over what is in the perf buffers, without waiting. */
  perfBufferConsume(): number {
    return this.#consume(this.#perfReaders);
  }

  /** Waits for records of ring buffers and hands them to their callbacks. */
  async ringBufferPoll(timeoutMs = Number.POSITIVE_INFINITY, signal?: AbortSignal): Promise<PollResult> {
    return this.#poll(this.#ringReaders, "ring buffer", timeoutMs, signal);
  }

  /** Hands over what is in the ring buffers, without waiting. */
  ringBufferConsume(): number {
    return this.#consume(this.#ringReaders);
  }

  /** Waits for events of any kind that this program has open; with none, it is a sleep. */
  async poll(timeoutMs = Number.POSITIVE_INFINITY, signal?: AbortSignal): Promise<PollResult> {
    const readers = [...this.#perfReaders, ...this.#ringReaders];
    const fds = readers.flatMap((reader) => reader.fds);
    if (this.#tracePipe !== undefined) fds.push(this.#tracePipe.fd);
    return await this.#wait(readers, fds, timeoutMs, signal);
  }

  /** Opens the trace pipe, so that {@link poll} wakes up for it. Lines printed before are not seen. */
  openTracePipe(): void {
    this.#tracePipe ??= this.kernel.openTracePipe();
  }

  /** Whole lines that bpf_trace_printk has printed since the last call, without waiting. */
  readTraceLines(): string[] {
    this.openTracePipe();
    const lines = (this.#traceRest + (this.#tracePipe?.read() ?? "")).split("\n");
    this.#traceRest = lines.pop() ?? "";
    return lines;
  }

  /** The next lines of the trace pipe, taken apart; ends with the simulated workload or the signal. */
  async *traceFields(signal?: AbortSignal): AsyncGenerator<TraceFields> {
    for await (const line of this.traceLines(signal)) {
      const fields = parseTraceLine(line);
      if (fields !== undefined) yield fields;
    }
  }

  /** The next lines of the trace pipe as they are. */
  async *traceLines(signal?: AbortSignal): AsyncGenerator<string> {
    this.openTracePipe();
    for (let ended = false; !ended && signal?.aborted !== true; ) {
      ({ ended } = await this.poll(Number.POSITIVE_INFINITY, signal));
      yield* this.readTraceLines();
    }
  }

  /**
   * Prints the trace pipe until the end.
   * @param format `{0}` task, `{1}` pid, `{2}` cpu, `{3}` flags, `{4}` timestamp, `{5}` message; whole lines where absent
   */
  async tracePrint(write: WriteLine, options: { format?: string; signal?: AbortSignal } = {}): Promise<void> {
    const { format, signal } = options;
    if (format === undefined) {
      for await (const line of this.traceLines(signal)) write(line);
      return;
    }
    for await (const fields of this.traceFields(signal)) {
      const { task, pid, cpu, flags, timestamp, message } = fields;
      const values = [task, pid, cpu, flags, timestamp, message];
      write(format.replace(/\{([0-5])\}/g, (_all, index: string) => String(values[Number(index)])));
    }
  }

  /** Detaches and unloads everything; a second call does nothing. */
  close(): void {
    this.detach();
    this.#lost.tellRest();
    for (const reader of this.#perfReaders.splice(0)) reader.close();
    for (const reader of this.#ringReaders.splice(0)) reader.close();
    this.#tracePipe?.close();
    this.#tracePipe = undefined;
    this.userSymbols.close();
    this.collection.close();
    this.#onClose?.();
    this.#onClose = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Of {@link TableOwner}. */
  addPerfReader(reader: PerfReader): void {
    this.#perfReaders.push(reader);
  }

  /** Of {@link TableOwner}. */
  addRingReader(reader: RingReader): void {
    this.#ringReaders.push(reader);
  }

  /** Of {@link TableOwner}. */
  addLost(count: number): void {
    this.#lost.add(count);
  }

  /** Of {@link TableOwner}. */
  warn(message: string): void {
    this.#onWarning?.(message);
  }

  async #poll(
    readers: readonly (PerfReader | RingReader)[],
    what: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<PollResult> {
    if (readers.length === 0) throw new BpfkitError("BK011", `no ${what} is open to be polled`);
    const fds = readers.flatMap((reader) => reader.fds);
    return await this.#wait(readers, fds, timeoutMs, signal);
  }

  async #wait(
    readers: readonly (PerfReader | RingReader)[],
    fds: readonly Fd[],
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<PollResult> {
    const first = this.#beforeEvents?.(timeoutMs, signal);
    if (first !== undefined) await first;
    // Having waited already, this only looks.
    let leftMs = first === undefined ? timeoutMs : 0;
    for (;;) {
      const mustLook = leftMs > lookEveryMs && readers.some((reader) => reader.mustLook);
      const startNs = this.kernel.monotonicNs();
      const { ended, ready } = await this.kernel.wait(fds, mustLook ? lookEveryMs : leftMs, signal);
      // Nobody polls again after the end of a simulated workload.
      const events = this.#consume(readers, ended ? Number.POSITIVE_INFINITY : mostEventsOfPoll);
      leftMs -= Number(this.kernel.monotonicNs() - startNs) / 1e6;
      if (!mustLook || ended || events > 0 || ready.length > 0 || signal?.aborted === true || leftMs <= 0)
        return { ended, events };
    }
  }

  #consume(readers: readonly (PerfReader | RingReader)[], most?: number): number {
    let count = 0;
    for (const reader of readers) count += reader.consume(most);
    this.#lost.tell();
    return count;
  }
}
