/** Arrays of descriptors: BPF_MAP_TYPE_PERF_EVENT_ARRAY and BPF_MAP_TYPE_PROG_ARRAY. */
import { Errno } from "@bpfkit/base/abi";
import { checkArrayDefinition, DESCRIPTOR_ARRAY_REFUSED } from "./array.ts";
import { BaseMap, refuseCreation } from "./base-map.ts";
import type { MapDefinition, MapHost, PerfSink, TailCallTarget } from "./map.ts";

/** Elements are objects that bpf(2) names by descriptor; programs never see them. */
abstract class DescriptorArray<T> extends BaseMap {
  protected readonly entries: (T | undefined)[];
  /** How to let go of each entry. */
  readonly #held: ((() => void) | undefined)[] = [];

  constructor(definition: MapDefinition, id: number, host: MapHost) {
    checkArrayDefinition(definition, false);
    if (definition.valueSize !== 4) {
      refuseCreation(Errno.EINVAL, definition, "descriptor arrays have values of 4 bytes");
    }
    if ((definition.flags & DESCRIPTOR_ARRAY_REFUSED) !== 0) {
      refuseCreation(Errno.EINVAL, definition, "programs cannot have access flags here");
    }
    super(definition, id, host);
    this.entries = [];
  }

  /** The object behind a descriptor, or a positive errno. */
  protected abstract resolve(fd: number): T | number;

  override write(key: Uint8Array, value: Uint8Array, flags: number): void {
    const command = "BPF_MAP_UPDATE_ELEM";
    this.checkWrite(command);
    const index = this.#index(command, key);
    this.checkLength(command, "value", value, 4);
    if (flags !== 0) this.fail(command, Errno.EINVAL, "flags are not allowed");
    if (index >= this.maxEntries) this.fail(command, Errno.E2BIG);
    const fd = new DataView(value.buffer, value.byteOffset, 4).getInt32(0, true);
    const entry = this.resolve(fd);
    if (typeof entry === "number") this.fail(command, entry, `descriptor ${fd} does not fit`);
    const letGo = this.host.hold(fd);
    this.#drop(index);
    this.entries[index] = entry;
    this.#held[index] = letGo;
  }

  override erase(key: Uint8Array): boolean {
    const command = "BPF_MAP_DELETE_ELEM";
    this.checkWrite(command);
    const index = this.#index(command, key);
    if (index >= this.maxEntries) this.fail(command, Errno.E2BIG);
    const present = this.entries[index] !== undefined;
    this.#drop(index);
    return present;
  }

  override destroy(): void {
    for (let index = 0; index < this.entries.length; index++) this.#drop(index);
    super.destroy();
  }

  protected override keyAfter(key: number): number {
    const { view } = this.host.memory;
    const current = key === 0 ? -1 : view.getUint32(key, true);
    if (current === this.maxEntries - 1) return 0;
    view.setUint32(this.scratchKey, current >= this.maxEntries ? 0 : current + 1, true);
    return this.scratchKey;
  }

  #drop(index: number): void {
    const letGo = this.#held[index];
    this.entries[index] = undefined;
    this.#held[index] = undefined;
    letGo?.();
  }

  #index(command: string, key: Uint8Array): number {
    return this.host.memory.view.getUint32(this.putKey(command, key), true);
  }
}

/** BPF_MAP_TYPE_PERF_EVENT_ARRAY: one BPF-output perf event per CPU. */
export class PerfEventArrayMap extends DescriptorArray<PerfSink> {
  protected resolve(fd: number): PerfSink | number {
    return this.host.perfSink(fd) ?? Errno.EBADF;
  }

  override read(): Uint8Array | undefined {
    return this.fail("BPF_MAP_LOOKUP_ELEM", Errno.ENOTSUPP);
  }

  /** bpf_perf_event_output for an explicit CPU index: 0 or -errno. */
  output(index: number, data: Uint8Array): number {
    if (index < 0 || index >= this.maxEntries) return -Errno.E2BIG;
    const sink = this.entries[index];
    if (sink === undefined) return -Errno.ENOENT;
    if (sink.cpu !== this.host.currentCpu()) return -Errno.EOPNOTSUPP;
    return sink.output(data);
  }
}

/** BPF_MAP_TYPE_PROG_ARRAY: targets of tail calls. */
export class ProgramArrayMap extends DescriptorArray<TailCallTarget> {
  /** The type of programs that the map takes, set by the first one that is stored or that uses it. */
  #ownerType: number | undefined;

  protected resolve(fd: number): TailCallTarget | number {
    const program = this.host.tailCallTarget(fd);
    if (program === undefined) return Errno.EBADF;
    return this.admits(program.type) ? program : Errno.EINVAL;
  }

  /** May programs of this type be stored here or call through it? The first to ask decides for all. */
  admits(programType: number): boolean {
    this.#ownerType ??= programType;
    return this.#ownerType === programType;
  }

  /** The program at an index given as an unsigned number. */
  target(index: number): TailCallTarget | undefined {
    return this.entries[index];
  }

  /** bpf(2) reads the ids of the programs. */
  protected override copyOut(key: number): Uint8Array | undefined {
    const program = this.entries[this.host.memory.view.getUint32(key, true)];
    if (program === undefined) return undefined;
    const out = new Uint8Array(4);
    new DataView(out.buffer).setUint32(0, program.id, true);
    return out;
  }
}
