/** A map as BCC's users know it: items, histograms, events, stacks. */
import { MapType } from "@bpfkit/base/abi";
import { BpfkitError, UsageError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import {
  type BpfMap,
  type BtfValue,
  codecFor,
  copying,
  type Link,
  openPerfCounters,
  type PerfCounterOptions,
  PerfReader,
  type Program,
  RingReader,
  RingWriter,
  type TakeRecord,
  type TypeCodec,
} from "@bpfkit/loader";
import { bucketName, histogramSections } from "./histogram-sections.ts";
import { jsonHistogramLine } from "./output/json-histogram.ts";
import { linearHistogramLines } from "./output/linear-histogram.ts";
import { log2HistogramLines } from "./output/log2-histogram.ts";

/** Prints one line; the newline is added. */
export type WriteLine = (line: string) => void;

/** How histograms with groups are labelled. */
export interface HistogramOptions {
  /** What the groups are, before the `=`; `Bucket ptr` unless told otherwise. */
  readonly sectionHeader?: string;
  /** A group's text, from the key's first member. */
  readonly sectionName?: (bucket: BtfValue) => string;
  /** Orders the groups by their first member; first seen first unless told otherwise. */
  readonly compareSections?: (a: BtfValue, b: BtfValue) => number;
  /** Leave out rows before the first that has a count. */
  readonly stripLeadingZero?: boolean;
}

/** How a perf buffer is opened. */
export interface PerfBufferOptions {
  /** Pages of each CPU's ring, a power of two; 8 unless told otherwise. */
  readonly pageCount?: number;
  /** Gets the number of events that did not fit; where this is absent, warnings say their sums. */
  readonly onLost?: (cpu: number, count: number) => void;
  /** Events before a poll wakes up; 1 unless told otherwise. */
  readonly wakeupEvents?: number;
}

/** What a table needs of the program it belongs to. */
export interface TableOwner {
  readonly kernel: Kernel;
  addPerfReader(reader: PerfReader): void;
  addRingReader(reader: RingReader): void;
  addLink(link: Link): void;
  warn(message: string): void;
  /** Events that did not fit a perf buffer, which the owner tells. */
  addLost(count: number): void;
  program(name: string): Program;
}

const eventTag = "bpfkit:event:";
const histogramTag = "bpfkit:histogram";
/** Maps with every index always present. */
const arrayTypes: ReadonlySet<number> = new Set([MapType.Array, MapType.PercpuArray]);
/** Maps whose entries user space cannot read back as values. */
const opaqueTypes: ReadonlySet<number> = new Set([
  MapType.PerfEventArray,
  MapType.Ringbuf,
  MapType.ProgArray,
  MapType.CgroupArray,
  MapType.StackTrace,
]);

/** A decoded event: its members by name; what is no struct or union is one member `value`. */
export type Event = Readonly<Record<string, BtfValue>>;

/** One map of an open program. */
export class Table {
  readonly name: string;
  readonly map: BpfMap;
  readonly #owner: TableOwner;
  #eventCodec: TypeCodec | undefined;

  constructor(map: BpfMap, owner: TableOwner) {
    this.name = map.name;
    this.map = map;
    this.#owner = owner;
  }

  /** enum bpf_map_type. */
  get type(): number {
    return this.map.spec.type;
  }

  /** True where the program declared the map as a histogram (BPF_HISTOGRAM). */
  get isHistogram(): boolean {
    return this.map.spec.tags.includes(histogramTag);
  }

  /** C spelling of the event type that programs send through this map, where it is known. */
  get eventTypeName(): string | undefined {
    return this.map.spec.tags.find((tag) => tag.startsWith(eventTag))?.slice(eventTag.length);
  }

  /** False for maps such as perf event arrays, whose elements are descriptors. */
  get hasValues(): boolean {
    return !opaqueTypes.has(this.type);
  }

  /** Entries: of arrays all, of other maps those that are there. */
  get length(): number {
    return this.#isArray ? this.map.maxEntries : this.keys().length;
  }

  /**
   * The value of a key, undefined where it is absent; of per-CPU maps, one value for each possible CPU.
   * Negative indexes of arrays count from the end. @throws UsageError for an array index out of range
   */
  get(key: BtfValue): BtfValue | undefined {
    const wanted = this.#key(key);
    return this.map.perCpu ? this.map.lookupPerCpu(wanted) : this.map.lookup(wanted);
  }

  /** Writes a value; in per-CPU maps, the same one for every CPU. */
  set(key: BtfValue, value: BtfValue): void {
    this.map.update(this.#key(key), value);
  }

  /** Removes a key, or in arrays sets its value to zero. False where the key was absent. */
  delete(key: BtfValue): boolean {
    const bytes = this.map.keyCodec.encode(this.#key(key));
    if (!this.#isArray) return this.map.deleteBytes(bytes);
    this.map.updateBytes(bytes, new Uint8Array(this.map.rawValueSize));
    return true;
  }

  /** Sum over the CPUs of a per-CPU map's counter; 0 where the key is absent. */
  sum(key: BtfValue): bigint {
    const values = this.map.lookupPerCpu(this.#key(key)) ?? [];
    return values.reduce<bigint>((total, value) => {
      if (typeof value !== "number" && typeof value !== "bigint") {
        throw new UsageError(`the values of ${this.name} are no numbers, so they have no sum`);
      }
      return total + BigInt(value);
    }, 0n);
  }

  /** All entries, decoded. */
  items(): [key: BtfValue, value: BtfValue][] {
    return [...this.map.entries()];
  }

  /** All keys, decoded. */
  keys(): BtfValue[] {
    return this.items().map(([key]) => key);
  }

  /** All values, decoded. */
  values(): BtfValue[] {
    return this.items().map(([, value]) => value);
  }

  /** Removes every entry; arrays are set to zero. */
  clear(): void {
    if (this.#isArray) this.zero();
    else for (const [key] of [...this.map.entriesBytes()]) this.map.deleteBytes(key);
  }

  /** Sets every value to zero and keeps the keys. */
  zero(): void {
    const zero = new Uint8Array(this.map.rawValueSize);
    for (const [key] of [...this.map.entriesBytes()]) this.map.updateBytes(key, zero);
  }

  /** The addresses of a stack in a stack trace map, innermost first; empty where the id is unknown. */
  walk(stackId: number): bigint[] {
    const key = new Uint8Array(4);
    new DataView(key.buffer).setUint32(0, stackId >>> 0, true);
    const bytes = stackId < 0 ? undefined : this.map.lookupBytes(key);
    if (bytes === undefined) return [];
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const addresses: bigint[] = [];
    for (let at = 0; at + 8 <= bytes.length; at += 8) {
      const address = view.getBigUint64(at, true);
      if (address === 0n) break;
      addresses.push(address);
    }
    return addresses;
  }

  /** Puts a program into a program array, for tail calls. */
  setProgram(index: number, program: string): void {
    const words = new DataView(new ArrayBuffer(8));
    words.setUint32(0, index, true);
    words.setUint32(4, this.#owner.program(program).fd, true);
    this.map.updateBytes(new Uint8Array(words.buffer, 0, 4), new Uint8Array(words.buffer, 4, 4));
  }

  /**
   * Opens the buffer, which may be of either kind; inside of polls `callback` gets every event as {@link event} decodes it.
   * Decoding where the kernel wrote it takes half the time of copying it first. The object is the callback's to keep.
   * @param options `onLost` and the sizes are those of perf buffers; `typeName` as for {@link event}
   * @throws BpfkitError BK010 where the type is not known, UsageError for other maps
   */
  openEvents(
    callback: (event: Event, cpu: number) => void,
    options: PerfBufferOptions & { readonly typeName?: string } = {},
  ): void {
    this.#openBuffer(decoding(this.#eventType(options.typeName), callback), options);
  }

  /** Opens a ring on every CPU; `callback` runs inside of polls with a copy of each event. */
  openPerfBuffer(callback: (cpu: number, data: Uint8Array) => void, options: PerfBufferOptions = {}): void {
    if (this.type !== MapType.PerfEventArray) throw new UsageError(`map ${this.name} is no perf event array`);
    const take = copying((data, cpu) => callback(cpu, data));
    this.#openBuffer(take, options);
  }

  /** Opens a counter on every CPU, for programs that read it through this map (BCC's open_perf_event). */
  openPerfEvent(options: PerfCounterOptions): void {
    this.#owner.addLink(openPerfCounters(this.#owner.kernel, this.map, options));
  }

  /** Opens the ring buffer; `callback` runs inside of polls with a copy of each record. */
  openRingBuffer(callback: (data: Uint8Array) => void): void {
    if (this.type !== MapType.Ringbuf) throw new UsageError(`map ${this.name} is no ring buffer`);
    this.#openBuffer(copying(callback), {});
  }

  /**
   * Opens a user ring buffer for writing records that programs drain (Linux 6.1); closed with the program.
   * @throws UsageError for other maps
   */
  openRingWriter(): RingWriter {
    if (this.type !== MapType.UserRingbuf) throw new UsageError(`map ${this.name} is no user ring buffer`);
    const writer = new RingWriter(this.#owner.kernel, this.map);
    this.map.beforeClose(() => writer.close());
    return writer;
  }

  /**
   * Decodes an event by the struct that the program sends through this map. Missing bytes at the end read as zero.
   * @param typeName a C type such as `struct event`, where the program does not say
   * @throws BpfkitError BK010 where the type is not known
   */
  event(data: Uint8Array, typeName?: string): Event {
    const codec = this.#eventType(typeName);
    let bytes = data;
    if (data.length < codec.size) {
      bytes = new Uint8Array(codec.size);
      bytes.set(data);
    }
    return eventOf(codec.decode(bytes));
  }

  /** The codec behind {@link event}. */
  eventCodec(): TypeCodec {
    return this.#eventType(undefined);
  }

  /** Prints the map as power-of-two histograms, in BCC's columns. */
  printLog2Hist(write: WriteLine, label = "value", options: HistogramOptions = {}): void {
    const { stripLeadingZero = false } = options;
    this.#printSections(write, 65, options, (slots) =>
      log2HistogramLines(slots, label, { stripLeadingZero }),
    );
  }

  /** Prints the map as histograms with one row a slot. */
  printLinearHist(write: WriteLine, label = "value", options: HistogramOptions = {}): void {
    this.#printSections(write, 1025, options, (slots) => linearHistogramLines(slots, label));
  }

  /** Prints the map's power-of-two histograms as Python dictionaries, one a line. */
  printJsonHist(write: WriteLine, label = "value", options: HistogramOptions = {}): void {
    const { sectionHeader = "Bucket ptr", sectionName = bucketName } = options;
    const wallClockMs = this.#owner.kernel.wallClockMs();
    for (const { bucket, slots } of this.#sections(65, options)) {
      const section = bucket === undefined ? undefined : ([sectionHeader, sectionName(bucket)] as const);
      const facts = { label, wallClockMs };
      write(jsonHistogramLine(slots, section === undefined ? facts : { ...facts, section }));
    }
  }

  #printSections(
    write: WriteLine,
    limit: 65 | 1025,
    options: HistogramOptions,
    lines: (slots: readonly number[]) => readonly string[],
  ): void {
    const { sectionHeader = "Bucket ptr", sectionName = bucketName } = options;
    for (const { bucket, slots } of this.#sections(limit, options)) {
      if (bucket !== undefined) {
        write("");
        write(`${sectionHeader} = ${sectionName(bucket)}`);
      }
      for (const line of lines(slots)) write(line);
    }
  }

  #sections(limit: 65 | 1025, options: HistogramOptions) {
    const sections = histogramSections(this.items(), this.map.keyCodec, limit);
    const { compareSections } = options;
    if (compareSections === undefined) return sections;
    return sections.sort((a, b) => compareSections(a.bucket ?? 0, b.bucket ?? 0));
  }

  #openBuffer(take: TakeRecord, { pageCount, wakeupEvents, onLost }: PerfBufferOptions): void {
    const { kernel } = this.#owner;
    if (this.type === MapType.Ringbuf) {
      this.#owner.addRingReader(new RingReader(kernel, this.map, take));
      return;
    }
    if (this.type !== MapType.PerfEventArray) throw new UsageError(`map ${this.name} is no buffer of events`);
    const reader = new PerfReader(kernel, this.map, {
      take,
      onLost: onLost ?? ((_cpu, count) => this.#owner.addLost(count)),
      ...(pageCount === undefined ? {} : { pageCount }),
      ...(wakeupEvents === undefined ? {} : { wakeupEvents }),
    });
    this.#owner.addPerfReader(reader);
  }

  #eventType(givenName: string | undefined): TypeCodec {
    if (givenName === undefined && this.#eventCodec !== undefined) return this.#eventCodec;
    const typeName = givenName ?? this.eventTypeName;
    const { btf } = this.map;
    const [, keyword, name] = /^(?:(struct|union)\s+)?(\w+)$/.exec(typeName ?? "") ?? [];
    const kind = keyword === "union" ? "union" : keyword === "struct" ? "struct" : "typedef";
    const id = btf === undefined || name === undefined ? undefined : btf.find(name, kind);
    if (btf === undefined || id === undefined) {
      throw new BpfkitError("BK010", `the object does not say what events of ${this.name} look like`, {
        hint: "Send a struct through perf_submit, or name its type when decoding.",
      });
    }
    const codec = codecFor(btf, id);
    if (givenName === undefined) this.#eventCodec = codec;
    return codec;
  }

  get #isArray(): boolean {
    return arrayTypes.has(this.type);
  }

  #key(key: BtfValue): BtfValue {
    if (!this.#isArray || (typeof key !== "number" && typeof key !== "bigint")) return key;
    const count = this.map.maxEntries;
    const index = Number(key) < 0 ? Number(key) + count : Number(key);
    if (index >= 0 && index < count) return index;
    throw new UsageError(`index ${key} is out of the range of ${this.name}, which has ${count} entries`);
  }
}

function eventOf(value: BtfValue): Event {
  return typeof value === "object" && !Array.isArray(value) ? (value as Event) : { value };
}

/** Decodes records in place. */
function decoding(codec: TypeCodec, callback: (event: Event, cpu: number) => void): TakeRecord {
  const { size, decodeFrom } = codec;
  return (view, offset, length, cpu) => {
    if (length >= size) {
      callback(eventOf(decodeFrom(view, offset)), cpu);
      return;
    }
    // Missing bytes at the end read as zero.
    const whole = new Uint8Array(size);
    whole.set(new Uint8Array(view.buffer, view.byteOffset + offset, length));
    callback(eventOf(codec.decode(whole)), cpu);
  };
}
