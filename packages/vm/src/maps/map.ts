/** The interface behind which every map type stands, and what a map needs of its surroundings. */
import type { AddressSpace } from "../memory/address-space.ts";

/** What BPF_MAP_CREATE says. Sizes in bytes. */
export interface MapDefinition {
  /** enum bpf_map_type. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* creation flags. */
  readonly flags: number;
  readonly name: string;
}

/** The user end of one CPU's perf buffer, as a perf event array holds it (PERF_COUNT_SW_BPF_OUTPUT). */
export interface PerfSink {
  /** The CPU that the event was opened on. */
  readonly cpu: number;
  /**
   * Appends one PERF_RECORD_SAMPLE with this raw data; it must be copied, the view is only valid during the call.
   * Returns 0, or -ENOSPC when the record was lost.
   */
  output(data: Uint8Array): number;
}

/** What a program array can hold. */
export interface TailCallTarget {
  readonly id: number;
  /** enum bpf_prog_type. */
  readonly type: number;
}

/** The surroundings of maps: given once per simulated kernel. */
export interface MapHost {
  readonly memory: AddressSpace;
  readonly cpuCount: number;
  currentCpu(): number;
  random32(): number;
  /** The BPF-output perf event behind a descriptor; undefined for any other descriptor. */
  perfSink(fd: number): PerfSink | undefined;
  /** The loaded program behind a descriptor; undefined for any other descriptor. */
  tailCallTarget(fd: number): TailCallTarget | undefined;
  /**
   * Keeps what a descriptor stands for alive although the descriptor may be closed, because a map element names it.
   * Returns how to let go.
   */
  hold(fd: number): () => void;
  /** A ring buffer has data to wake its reader for. */
  notifyReadable(mapId: number): void;
}

/**
 * A map. The upper half of the methods is what programs do: keys and values are offsets in guest memory (already
 * checked to be owned by the program), results are 0 or -errno, nothing throws. The lower half is bpf(2): copies of
 * bytes, failures are SyscallError. There, keys have `keySize` bytes and values `valueSize` bytes, or for per-CPU
 * maps `round_up(valueSize, 8)` bytes for each possible CPU in order; other lengths are EINVAL.
 */
export interface BpfMap extends MapDefinition {
  /** Set when the map is created; never 0. */
  readonly id: number;
  /** True where bpf(2) moves one value per CPU. */
  readonly perCpu: boolean;

  /** Offset of the value for the current CPU; 0 where the key is absent or the type has no values to point at. */
  lookup(key: number): number;
  /** As bpf_map_lookup_percpu_elem; 0 for a CPU that does not exist and for maps that are not per-CPU. */
  lookupPerCpu(key: number, cpu: number): number;
  update(key: number, value: number, flags: number): number;
  remove(key: number): number;
  /** Queue and stack maps only; others answer -EOPNOTSUPP. */
  push(value: number, flags: number): number;
  pop(value: number): number;
  peek(value: number): number;
  /**
   * Calls `visit` with the offsets of each element's key and value (current CPU) until it returns non-zero; returns
   * the number of calls, or -EINVAL for types that cannot be walked.
   */
  walk(visit: (key: number, value: number) => number): number;
  /** Offset of the one value that BPF_PSEUDO_MAP_VALUE may point into; 0 where the type does not allow it. */
  directValue(): number;

  /** A copy of the value; undefined where the key is absent. @throws SyscallError */
  read(key: Uint8Array): Uint8Array | undefined;
  /** @throws SyscallError */
  write(key: Uint8Array, value: Uint8Array, flags: number): void;
  /** False where the key was absent. @throws SyscallError */
  erase(key: Uint8Array): boolean;
  /** The key after `key`; the first one for undefined or a key that is not there; undefined at the end. @throws SyscallError */
  nextKey(key: Uint8Array | undefined): Uint8Array | undefined;
  /** @throws SyscallError EOPNOTSUPP where the type cannot. */
  readAndErase(key: Uint8Array): Uint8Array | undefined;
  /** Makes the map read-only for bpf(2). */
  freeze(): void;
  /** Gives its memory back. No program may use it any more. */
  destroy(): void;
}
