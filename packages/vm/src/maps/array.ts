/** BPF_MAP_TYPE_ARRAY and BPF_MAP_TYPE_PERCPU_ARRAY: all elements exist from the start and cannot be deleted. */
import { Errno } from "@bpfkit/base/abi";
import { BaseMap, refuseCreation, roundUp8 } from "./base-map.ts";
import {
  ACCESS_FLAGS,
  ARRAY_FLAGS,
  accessFlagsAreSane,
  CreateFlag,
  ELEMENT_LIMIT,
  UpdateFlag,
} from "./flags.ts";
import type { MapDefinition, MapHost } from "./map.ts";

/** The checks of array_map_alloc_check (Linux 6.1). */
export function checkArrayDefinition(definition: MapDefinition, perCpu: boolean): void {
  const { keySize, valueSize, maxEntries, flags } = definition;
  if (maxEntries === 0) refuseCreation(Errno.EINVAL, definition, "max_entries must not be 0");
  if (keySize !== 4) refuseCreation(Errno.EINVAL, definition, "array maps have keys of 4 bytes");
  if (valueSize === 0) refuseCreation(Errno.EINVAL, definition, "value_size must not be 0");
  if ((flags & ~ARRAY_FLAGS) !== 0 || !accessFlagsAreSane(flags)) {
    refuseCreation(Errno.EINVAL, definition, "these flags are not for array maps");
  }
  if (perCpu && (flags & (CreateFlag.NumaNode | CreateFlag.Mmapable)) !== 0) {
    refuseCreation(Errno.EINVAL, definition, "these flags are not for per-CPU maps");
  }
  if (valueSize > ELEMENT_LIMIT) refuseCreation(Errno.E2BIG, definition, "value_size is too large");
}

/** Part common to both: indices are keys. */
abstract class IndexedMap extends BaseMap {
  protected readonly stride: number;

  constructor(definition: MapDefinition, id: number, host: MapHost) {
    super(definition, id, host);
    // A gap behind each element makes the first bytes after it inaccessible.
    this.stride = roundUp8(definition.valueSize) + (definition.maxEntries > 1 ? 8 : 0);
  }

  /** The key at an offset, which need not be aligned. */
  protected index(key: number): number {
    return this.host.memory.view.getUint32(key, true);
  }

  /** -errno for flags or an index that an update refuses. */
  protected refusal(index: number, flags: number): number {
    if ((flags & ~UpdateFlag.Lock) > UpdateFlag.Exist || flags < 0) return -Errno.EINVAL;
    if (index >= this.maxEntries) return -Errno.E2BIG;
    if ((flags & UpdateFlag.NoExist) !== 0) return -Errno.EEXIST;
    // BPF_F_LOCK is for values with a spin lock, known from BTF, which these maps do not look at.
    return (flags & UpdateFlag.Lock) !== 0 ? -Errno.EINVAL : 0;
  }

  protected override keyAfter(key: number): number {
    const current = key === 0 ? -1 : this.index(key);
    if (current === this.maxEntries - 1) return 0;
    const next = current >= this.maxEntries ? 0 : current + 1;
    this.host.memory.view.setUint32(this.scratchKey, next, true);
    return this.scratchKey;
  }

  override walk(visit: (key: number, value: number) => number): number {
    const { memory } = this.host;
    const key = memory.allocateOffset(8, 8, "program");
    memory.grant(key, 4, "read");
    let calls = 0;
    try {
      while (calls < this.maxEntries) {
        memory.view.setUint32(key, calls++, true);
        if (visit(key, this.lookup(key)) !== 0) break;
      }
    } finally {
      memory.releaseOffset(key);
    }
    return calls;
  }

  protected grantAll(offset: number, count: number): void {
    for (let i = 0; i < count; i++) {
      this.host.memory.grant(offset + i * this.stride, this.valueSize, this.programAccess);
    }
  }
}

/** BPF_MAP_TYPE_ARRAY. */
export class ArrayMap extends IndexedMap {
  readonly #values: number;

  constructor(definition: MapDefinition, id: number, host: MapHost) {
    checkArrayDefinition(definition, false);
    super(definition, id, host);
    this.#values = host.memory.allocateOffset(this.stride * definition.maxEntries, 8, "program");
    this.grantAll(this.#values, definition.maxEntries);
  }

  override lookup(key: number): number {
    const index = this.index(key);
    return index < this.maxEntries ? this.#values + index * this.stride : 0;
  }

  override update(key: number, value: number, flags: number): number {
    const index = this.index(key);
    const refused = this.refusal(index, flags);
    if (refused !== 0) return refused;
    this.host.memory.copy(this.#values + index * this.stride, value, this.valueSize);
    return 0;
  }

  override directValue(): number {
    return this.maxEntries === 1 ? this.#values : 0;
  }

  override destroy(): void {
    this.host.memory.releaseOffset(this.#values);
    super.destroy();
  }
}

/** BPF_MAP_TYPE_PERCPU_ARRAY. */
export class PerCpuArrayMap extends IndexedMap {
  override readonly perCpu = true;
  /** Offset of each CPU's values. */
  readonly #cpus: readonly number[];

  constructor(definition: MapDefinition, id: number, host: MapHost) {
    checkArrayDefinition(definition, true);
    super(definition, id, host);
    this.#cpus = Array.from({ length: host.cpuCount }, () =>
      host.memory.allocateOffset(this.stride * definition.maxEntries, 8, "program"),
    );
    for (const cpu of this.#cpus) this.grantAll(cpu, definition.maxEntries);
  }

  override lookup(key: number): number {
    return this.lookupPerCpu(key, this.host.currentCpu());
  }

  override lookupPerCpu(key: number, cpu: number): number {
    const index = this.index(key);
    const base = this.#cpus[cpu];
    return index < this.maxEntries && base !== undefined ? base + index * this.stride : 0;
  }

  override update(key: number, value: number, flags: number): number {
    const index = this.index(key);
    const refused = flags > UpdateFlag.Exist ? -Errno.EINVAL : this.refusal(index, flags);
    if (refused !== 0) return refused;
    this.host.memory.copy(this.lookup(key), value, this.valueSize);
    return 0;
  }

  protected override copyOut(key: number): Uint8Array | undefined {
    if (this.index(key) >= this.maxEntries) return undefined;
    const size = roundUp8(this.valueSize);
    const out = new Uint8Array(size * this.#cpus.length);
    for (let cpu = 0; cpu < this.#cpus.length; cpu++) {
      const at = this.lookupPerCpu(key, cpu);
      out.set(this.host.memory.u8.subarray(at, at + this.valueSize), cpu * size);
    }
    return out;
  }

  override write(key: Uint8Array, value: Uint8Array, flags: number): void {
    const command = "BPF_MAP_UPDATE_ELEM";
    this.checkWrite(command);
    const at = this.putKey(command, key);
    const size = roundUp8(this.valueSize);
    this.checkLength(command, "value", value, size * this.#cpus.length);
    this.check(command, flags > UpdateFlag.Exist ? -Errno.EINVAL : this.refusal(this.index(at), flags));
    for (let cpu = 0; cpu < this.#cpus.length; cpu++) {
      const from = cpu * size;
      this.host.memory.u8.set(value.subarray(from, from + this.valueSize), this.lookupPerCpu(at, cpu));
    }
  }

  override destroy(): void {
    for (const cpu of this.#cpus) this.host.memory.releaseOffset(cpu);
    super.destroy();
  }
}

/** Flags that descriptor arrays (perf event, program, cgroup arrays) refuse in addition. */
export const DESCRIPTOR_ARRAY_REFUSED = ACCESS_FLAGS & ~(CreateFlag.ReadOnly | CreateFlag.WriteOnly);
