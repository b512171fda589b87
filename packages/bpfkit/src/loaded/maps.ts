/** Maps that are loaded in a kernel, described in bpftool's fields, and their entries. */
import { MapType, mapTypeName, programTypeName } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel, MapInfo } from "@bpfkit/base/kernel";
import type { BtfTable } from "@bpfkit/elf/btf";
import { type BtfValue, codecFor, isPerCpu, joinPerCpu, splitPerCpu } from "@bpfkit/loader";
import type { JsonNode } from "./json-text.ts";
import type { LoadedTypes } from "./types.ts";
import { descriptorFacts } from "./walk.ts";

/** One map, by the names that `bpftool -j map` gives its facts. Sizes in bytes. */
export interface LoadedMap {
  readonly [name: string]: JsonNode | undefined;
  readonly id: number;
  readonly type: string;
  readonly name?: string;
  readonly flags: number;
  readonly bytes_key: number;
  readonly bytes_value: number;
  readonly max_entries: number;
  readonly bytes_memlock?: number;
  /** Program arrays: the type of the programs in it, once there is one. */
  readonly owner_prog_type?: string;
  readonly owner_jited?: boolean;
  /** 1 where user space can no longer write. */
  readonly frozen?: number;
  readonly btf_id?: number;
}

/** Describes a map. */
export function describeLoadedMap(kernel: Kernel, fd: Fd): LoadedMap {
  const info = kernel.mapInfo(fd);
  const facts = descriptorFacts(kernel, fd);
  const memlock = facts.get("memlock");
  const frozen = facts.get("frozen");
  const owner = facts.get("owner_prog_type");
  const ownerJited = facts.get("owner_jited");
  return {
    id: info.id,
    type: mapTypeName(info.type),
    ...(info.name === "" ? {} : { name: info.name }),
    flags: info.flags,
    bytes_key: info.keySize,
    bytes_value: info.valueSize,
    max_entries: info.maxEntries,
    ...(memlock === undefined ? {} : { bytes_memlock: Number(memlock) }),
    ...(owner === undefined ? {} : { owner_prog_type: programTypeName(Number(owner)) }),
    ...(ownerJited === undefined ? {} : { owner_jited: Number(ownerJited) !== 0 }),
    ...(frozen === undefined ? {} : { frozen: Number(frozen) }),
    ...(info.btfId === 0 ? {} : { btf_id: info.btfId }),
  };
}

/** The types of a map's keys and values. */
export interface MapTypes {
  readonly btf: BtfTable;
  /** 0 for data sections, whose key means nothing. */
  readonly keyTypeId: number;
  readonly valueTypeId: number;
}

/** An entry. One value, or in per-CPU maps one for each possible CPU; `error` where it could not be read. */
export interface MapEntry {
  readonly key: Uint8Array;
  readonly values: readonly Uint8Array[];
  readonly error?: SyscallError;
}

/** A map that is open. */
export class OpenMap {
  readonly info: MapInfo;
  readonly perCpu: boolean;
  readonly types: MapTypes | undefined;
  readonly #kernel: Kernel;
  readonly #fd: Fd;

  constructor(kernel: Kernel, types: LoadedTypes, fd: Fd) {
    this.#kernel = kernel;
    this.#fd = fd;
    this.info = kernel.mapInfo(fd);
    this.perCpu = isPerCpu(this.info.type);
    this.types = mapTypes(this.info, types);
  }

  /** The raw entry of a key; undefined where it is absent. */
  lookup(key: Uint8Array): MapEntry | undefined {
    const bytes = this.#kernel.mapLookup(this.#fd, key);
    return bytes === undefined ? undefined : { key, values: this.#split(bytes) };
  }

  /**
   * Every entry. The walk ends after twice as many as the map may have, however programs change it meanwhile.
   * @throws BpfkitError KO005 for maps that have no keys
   */
  *entries(): Generator<MapEntry> {
    if (keyless.has(this.info.type)) {
      throw new BpfkitError(
        "KO005",
        `entries of a ${mapTypeName(this.info.type)} cannot be listed: it has no keys`,
        {
          hint: "Queues and stacks give their elements to whoever pops them; ring buffers are read by their owner.",
        },
      );
    }
    let key = this.#kernel.mapNextKey(this.#fd, undefined);
    for (let steps = 0; key !== undefined && steps <= this.info.maxEntries * 2; steps++) {
      const entry = this.#read(key);
      if (entry !== undefined) yield entry;
      key = this.#kernel.mapNextKey(this.#fd, key);
    }
  }

  /** Writes an entry; in per-CPU maps, the same value for every CPU. @throws SyscallError as the map type says */
  update(key: Uint8Array, value: Uint8Array, flags: number): void {
    const cpus = this.#kernel.possibleCpus.length;
    const raw = this.perCpu ? joinPerCpu(new Array(cpus).fill(value), this.info.valueSize) : value;
    this.#kernel.mapUpdate(this.#fd, key, raw, flags);
  }

  /** False where the key is absent. @throws SyscallError as the map type says */
  delete(key: Uint8Array): boolean {
    return this.#kernel.mapDelete(this.#fd, key);
  }

  /** Turns what the C type of keys or values holds into bytes; undefined where the map has no such type. */
  encoder(which: "key" | "value"): ((value: BtfValue) => Uint8Array) | undefined {
    const { types } = this;
    const id = which === "key" ? types?.keyTypeId : types?.valueTypeId;
    if (types === undefined || id === undefined || id === 0) return undefined;
    // A data section is no C type: its variables are not written one by one.
    if (types.btf.kindOf(types.btf.resolve(id)) === "datasec") return undefined;
    return (value) => codecFor(types.btf, id).encode(value);
  }

  #read(key: Uint8Array): MapEntry | undefined {
    try {
      return this.lookup(key);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      return { key, values: [], error };
    }
  }

  #split(bytes: Uint8Array): Uint8Array[] {
    return this.perCpu ? splitPerCpu(bytes, this.info.valueSize) : [bytes];
  }
}

const keyless: ReadonlySet<number> = new Set([
  MapType.Queue,
  MapType.Stack,
  MapType.Ringbuf,
  MapType.BloomFilter,
  MapType.UserRingbuf,
]);

function mapTypes(info: MapInfo, types: LoadedTypes): MapTypes | undefined {
  const { btfId, btfKeyTypeId, btfValueTypeId } = info;
  if (btfId === 0 || btfValueTypeId === 0) return undefined;
  const btf = types.table(btfId);
  return btf === undefined ? undefined : { btf, keyTypeId: btfKeyTypeId, valueTypeId: btfValueTypeId };
}
