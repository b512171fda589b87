/** A map in a kernel: the owner of its descriptor, with byte and decoded access. */
/// <reference lib="esnext.disposable" preserve="true" />
import type { Fd, Kernel, SharedMemory } from "@bpfkit/base/kernel";
import type { BtfTable } from "@bpfkit/elf/btf";
import { bytesCodec, codecFor } from "../codec/type-codec.ts";
import type { BtfValue, TypeCodec } from "../codec/value.ts";
import type { MapSpec } from "../spec/map-spec.ts";
import { type BatchedMap, batchedEntries } from "./map-batches.ts";
import { isPerCpu, joinPerCpu, perCpuStride, splitPerCpu } from "./per-cpu-values.ts";

/** BPF_ANY, BPF_NOEXIST, BPF_EXIST of map updates. */
export const UpdateFlag = { Any: 0, NoExist: 1, Exist: 2 } as const;

/** How a map came to be. */
export interface BpfMapOrigin {
  /** As created: the number of CPUs or pages is filled in. */
  readonly maxEntries: number;
  /** The types of keys and values. */
  readonly btf: BtfTable | undefined;
  /** True where it was there before: its contents are not those of the object. */
  readonly reused: boolean;
  /** True where it was made with BPF_F_MMAPABLE. */
  readonly mapped?: boolean;
  /** Of structs of functions: the value that registers them. */
  readonly kernelValue?: Uint8Array;
}

/** A map that was created from a spec. Closing it drops the descriptor; the map lives on while programs use it. */
export class BpfMap {
  readonly name: string;
  readonly fd: Fd;
  readonly spec: MapSpec;
  /** As created: the number of CPUs or pages is filled in. */
  readonly maxEntries: number;
  readonly perCpu: boolean;
  /** True where it was there before, pinned or lent by another object. */
  readonly reused: boolean;
  /** True for data sections that user space can map into its memory (BPF_F_MMAPABLE). */
  readonly mapped: boolean;
  /** Of structs of functions: the value that registers them. */
  readonly kernelValue: Uint8Array | undefined;
  readonly #kernel: Kernel;
  readonly #btf: BtfTable | undefined;
  #keyCodec: TypeCodec | undefined;
  #valueCodec: TypeCodec | undefined;
  readonly #beforeClose: (() => void)[] = [];
  #arena: SharedMemory | undefined;
  #closed = false;
  /** Until the kernel says otherwise. */
  #canBatch = true;
  #canDrain = true;

  constructor(kernel: Kernel, fd: Fd, spec: MapSpec, origin: BpfMapOrigin) {
    this.#kernel = kernel;
    this.#btf = origin.btf;
    this.reused = origin.reused;
    this.mapped = origin.mapped ?? false;
    this.kernelValue = origin.kernelValue;
    this.fd = fd;
    this.name = spec.name;
    this.spec = spec;
    this.maxEntries = origin.maxEntries;
    this.perCpu = isPerCpu(spec.type);
  }

  /** Reads and writes keys by their BTF type; plain bytes where the definition gives only a size. */
  get keyCodec(): TypeCodec {
    this.#keyCodec ??= this.#codec(this.spec.keyTypeId, this.spec.keySize);
    return this.#keyCodec;
  }

  /** The same for values (of one CPU). */
  get valueCodec(): TypeCodec {
    this.#valueCodec ??= this.#codec(this.spec.valueTypeId, this.spec.valueSize);
    return this.#valueCodec;
  }

  /** The object's types, where it has any. */
  get btf(): BtfTable | undefined {
    return this.#btf;
  }

  /** A copy of the raw value; of per-CPU maps, all CPUs' values with their padding. */
  lookupBytes(key: Uint8Array): Uint8Array | undefined {
    return this.#kernel.mapLookup(this.fd, key);
  }

  /** @throws SyscallError as the map type says: E2BIG, EEXIST, ENOENT. */
  updateBytes(key: Uint8Array, value: Uint8Array, flags: number = UpdateFlag.Any): void {
    this.#kernel.mapUpdate(this.fd, key, value, flags);
  }

  /** False where the key was absent. */
  deleteBytes(key: Uint8Array): boolean {
    return this.#kernel.mapDelete(this.fd, key);
  }

  /** The decoded value. @throws NotSupportedError for per-CPU maps: see {@link lookupPerCpu}. */
  lookup(key: BtfValue): BtfValue | undefined {
    const bytes = this.lookupBytes(this.keyCodec.encode(key));
    return bytes === undefined ? undefined : this.valueCodec.decode(bytes);
  }

  /** The decoded values of a per-CPU map, one for each possible CPU. */
  lookupPerCpu(key: BtfValue): BtfValue[] | undefined {
    const bytes = this.lookupBytes(this.keyCodec.encode(key));
    return bytes === undefined ? undefined : this.decodePerCpu(bytes);
  }

  /** Decodes the raw value of a per-CPU map. */
  decodePerCpu(bytes: Uint8Array): BtfValue[] {
    return splitPerCpu(bytes, this.spec.valueSize).map((value) => this.valueCodec.decode(value));
  }

  /** Writes a value; in per-CPU maps, the same one for every CPU. */
  update(key: BtfValue, value: BtfValue, flags: number = UpdateFlag.Any): void {
    const one = this.valueCodec.encode(value);
    const cpus = this.#kernel.possibleCpus.length;
    const bytes = this.perCpu ? joinPerCpu(new Array(cpus).fill(one), this.spec.valueSize) : one;
    this.updateBytes(this.keyCodec.encode(key), bytes, flags);
  }

  /** Writes one value for each possible CPU. */
  updatePerCpu(key: BtfValue, values: readonly BtfValue[], flags: number = UpdateFlag.Any): void {
    const encoded = values.map((value) => this.valueCodec.encode(value));
    this.updateBytes(this.keyCodec.encode(key), joinPerCpu(encoded, this.spec.valueSize), flags);
  }

  /** False where the key was absent. */
  delete(key: BtfValue): boolean {
    return this.deleteBytes(this.keyCodec.encode(key));
  }

  /** Bytes of one raw value. */
  get rawValueSize(): number {
    if (!this.perCpu) return this.spec.valueSize;
    return perCpuStride(this.spec.valueSize) * this.#kernel.possibleCpus.length;
  }

  /**
   * Raw entries, by many at a time where the kernel can. Deleting entries while they are walked is fine; entries that
   * programs add or delete meanwhile may be missed or, where the kernel has to start over, seen twice. Ends after
   * `2 * maxEntries + 1` steps at the latest.
   */
  *entriesBytes(): Generator<[key: Uint8Array, value: Uint8Array]> {
    if (this.#canBatch && (yield* batchedEntries(this.#kernel, this.#batched(), false))) return;
    this.#canBatch = false;
    let key = this.#kernel.mapNextKey(this.fd, undefined);
    for (let steps = 0; key !== undefined && steps <= this.maxEntries * 2; steps += 1) {
      // Taken before the caller may delete the key: the next one cannot be found from a key that is gone.
      const next = this.#kernel.mapNextKey(this.fd, key);
      const value = this.lookupBytes(key);
      if (value !== undefined) yield [key, value];
      key = next;
    }
  }

  /** Raw entries, each removed as it is given: what programs count meanwhile is not lost, but found the next time. */
  *drainBytes(): Generator<[key: Uint8Array, value: Uint8Array]> {
    if (this.#canDrain && (yield* batchedEntries(this.#kernel, this.#batched(), true))) return;
    this.#canDrain = false;
    for (const [key, value] of this.entriesBytes()) if (this.deleteBytes(key)) yield [key, value];
  }

  /** Decoded entries; not for per-CPU maps. */
  *entries(): Generator<[key: BtfValue, value: BtfValue]> {
    for (const [key, value] of this.entriesBytes()) {
      yield [
        this.keyCodec.decode(key),
        this.perCpu ? this.decodePerCpu(value) : this.valueCodec.decode(value),
      ];
    }
  }

  /** Keeps the map at a path of a BPF file system after this process. @throws SyscallError EEXIST, EPERM */
  pin(path: string): void {
    this.#kernel.objects.pin(this.fd, path);
  }

  /** Of an arena: its variables in memory, mapped until the map is closed. */
  get arena(): SharedMemory | undefined {
    return this.#arena;
  }

  /** Takes the mapping of an arena over. */
  holdArena(memory: SharedMemory): void {
    this.#arena = memory;
    this.beforeClose(() => memory.unmap());
  }

  /** Has something undone before the map is closed that needs it. */
  beforeClose(undo: () => void): void {
    this.#beforeClose.push(undo);
  }

  /** Drops the descriptor; a second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      for (const undo of this.#beforeClose) undo();
    } finally {
      this.#kernel.close(this.fd);
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #batched(): BatchedMap {
    const { fd, rawValueSize, maxEntries } = this;
    return { fd, keySize: this.spec.keySize, rawValueSize, maxEntries };
  }

  #codec(typeId: number, size: number): TypeCodec {
    if (this.#btf === undefined || typeId === 0) return bytesCodec(size);
    const type = this.#btf.type(typeId);
    return type.kind === "datasec" ? bytesCodec(size) : codecFor(this.#btf, typeId);
  }
}
