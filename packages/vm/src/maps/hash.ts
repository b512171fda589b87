/** BPF_MAP_TYPE_HASH and BPF_MAP_TYPE_PERCPU_HASH, and the base of the LRU variants. */
import { Errno } from "@bpfkit/base/abi";
import { BaseMap, refuseCreation, roundUp8 } from "./base-map.ts";
import { Cells } from "./cells.ts";
import { accessFlagsAreSane, CreateFlag, ELEMENT_LIMIT, HASH_FLAGS, UpdateFlag } from "./flags.ts";
import { HashTable, NONE } from "./hash-table.ts";
import type { MapDefinition, MapHost } from "./map.ts";

/** sizeof(struct htab_elem) on x86-64. */
const ELEMENT_HEADER = 48;

/** The checks of htab_map_alloc_check (Linux 6.1). */
function checkHashDefinition(definition: MapDefinition, lru: boolean): void {
  const { keySize, valueSize, maxEntries, flags } = definition;
  const noCommonLru = (flags & CreateFlag.NoCommonLru) !== 0;
  if ((flags & ~HASH_FLAGS) !== 0 || !accessFlagsAreSane(flags) || (noCommonLru && !lru)) {
    refuseCreation(Errno.EINVAL, definition, "these flags are not for this map type");
  }
  if (lru && (flags & CreateFlag.NoPrealloc) !== 0) {
    refuseCreation(Errno.ENOTSUPP, definition, "LRU maps are always preallocated");
  }
  if (maxEntries === 0 || keySize === 0 || valueSize === 0) {
    refuseCreation(Errno.EINVAL, definition, "max_entries, key_size and value_size must not be 0");
  }
  if (keySize + valueSize >= ELEMENT_LIMIT - ELEMENT_HEADER) {
    refuseCreation(Errno.E2BIG, definition, "key and value are too large");
  }
}

/** -errno for update flags against whether the key is there; 0 where the update may go on. */
function flagsRefusal(flags: number, present: boolean): number {
  // BPF_F_LOCK needs a spin lock in the value, known from BTF, which these maps do not look at.
  if (flags < 0 || flags > UpdateFlag.Exist) return -Errno.EINVAL;
  if (present && flags === UpdateFlag.NoExist) return -Errno.EEXIST;
  if (!present && flags === UpdateFlag.Exist) return -Errno.ENOENT;
  return 0;
}

/**
 * A hash map. As with the kernel's preallocated maps, replacing a value gives the key another element: a pointer that a
 * program got before still shows the old value. Per-CPU values are replaced in place.
 */
export class HashMap extends BaseMap {
  override readonly perCpu: boolean;
  protected readonly cells: Cells;
  protected readonly table: HashTable;
  protected count = 0;
  /** Cells given back, last first. */
  readonly #free: number[] = [];
  #used = 0;

  constructor(definition: MapDefinition, id: number, host: MapHost, kind: { perCpu: boolean; lru: boolean }) {
    checkHashDefinition(definition, kind.lru);
    super(definition, id, host);
    this.perCpu = kind.perCpu;
    this.cells = new Cells(host.memory, {
      keySize: definition.keySize,
      valueSize: definition.valueSize,
      valueCount: kind.perCpu ? host.cpuCount : 1,
      access: this.programAccess,
    });
    this.table = new HashTable(host.memory, this.cells, definition.maxEntries);
  }

  override lookup(key: number): number {
    const cell = this.table.find(key);
    if (cell === NONE) return 0;
    this.touched(cell);
    return this.cells.value(cell, this.perCpu ? this.host.currentCpu() : 0);
  }

  override lookupPerCpu(key: number, cpu: number): number {
    if (!this.perCpu || cpu < 0 || cpu >= this.host.cpuCount) return 0;
    const cell = this.table.find(key);
    if (cell === NONE) return 0;
    this.touched(cell);
    return this.cells.value(cell, cpu);
  }

  override update(key: number, value: number, flags: number): number {
    const old = this.table.find(key);
    const refused = flagsRefusal(flags, old !== NONE);
    if (refused !== 0) return refused;
    if (this.perCpu && old !== NONE) {
      this.#store(this.cells.value(old, this.host.currentCpu()), value);
      this.touched(old);
      return 0;
    }
    const cell = this.#replace(key, old);
    if (cell < 0) return -Errno.E2BIG;
    if (this.perCpu) {
      for (let cpu = 0; cpu < this.host.cpuCount; cpu++) {
        const at = this.cells.value(cell, cpu);
        this.host.memory.u8.fill(0, at, at + this.valueSize);
      }
    }
    this.#store(this.cells.value(cell, this.perCpu ? this.host.currentCpu() : 0), value);
    return 0;
  }

  override remove(key: number): number {
    const cell = this.table.find(key);
    if (cell === NONE) return -Errno.ENOENT;
    this.drop(cell);
    return 0;
  }

  override walk(visit: (key: number, value: number) => number): number {
    let calls = 0;
    let cell = this.table.first();
    while (cell !== NONE) {
      // The callback may delete the element it is given.
      const next = this.table.after(cell);
      calls++;
      const value = this.cells.value(cell, this.perCpu ? this.host.currentCpu() : 0);
      if (visit(this.cells.key(cell), value) !== 0) break;
      cell = next;
    }
    return calls;
  }

  override readAndErase(key: Uint8Array): Uint8Array | undefined {
    const command = "BPF_MAP_LOOKUP_AND_DELETE_ELEM";
    this.checkRead(command);
    this.checkWrite(command);
    const at = this.putKey(command, key);
    const value = this.copyOut(at);
    if (value !== undefined) this.remove(at);
    return value;
  }

  override write(key: Uint8Array, value: Uint8Array, flags: number): void {
    if (!this.perCpu) {
      super.write(key, value, flags);
      return;
    }
    const command = "BPF_MAP_UPDATE_ELEM";
    this.checkWrite(command);
    const at = this.putKey(command, key);
    const size = roundUp8(this.valueSize);
    this.checkLength(command, "value", value, size * this.host.cpuCount);
    const old = this.table.find(at);
    this.check(command, flagsRefusal(flags, old !== NONE));
    const cell = old === NONE ? this.#replace(at, NONE) : old;
    if (cell < 0) this.fail(command, Errno.E2BIG);
    for (let cpu = 0; cpu < this.host.cpuCount; cpu++) {
      const from = cpu * size;
      this.host.memory.u8.set(value.subarray(from, from + this.valueSize), this.cells.value(cell, cpu));
    }
  }

  override destroy(): void {
    this.cells.release();
    super.destroy();
  }

  protected override copyOut(key: number): Uint8Array | undefined {
    // Not lookup(): reads by bpf(2) do not count as uses for LRU maps.
    const cell = this.table.find(key);
    if (cell === NONE) return undefined;
    if (!this.perCpu) {
      const at = this.cells.value(cell, 0);
      return this.host.memory.u8.slice(at, at + this.valueSize);
    }
    const size = roundUp8(this.valueSize);
    const out = new Uint8Array(size * this.host.cpuCount);
    for (let cpu = 0; cpu < this.host.cpuCount; cpu++) {
      const at = this.cells.value(cell, cpu);
      out.set(this.host.memory.u8.subarray(at, at + this.valueSize), cpu * size);
    }
    return out;
  }

  protected override keyAfter(key: number): number {
    const current = key === 0 ? NONE : this.table.find(key);
    const next = current === NONE ? this.table.first() : this.table.after(current);
    return next === NONE ? 0 : this.cells.key(next);
  }

  /** The map is full and a new key wants in: NONE refuses it; LRU maps free a cell and return 0. */
  protected makeRoom(): number {
    return NONE;
  }

  /** A program looked the element up or changed it. */
  protected touched(_cell: number): void {}

  /** Takes an element out of the map. */
  protected drop(cell: number): void {
    this.table.remove(cell);
    this.count--;
    this.#free.push(cell);
  }

  /** Links a fresh cell for the key in the place of `old`; -1 when the map is full. */
  #replace(key: number, old: number): number {
    if (old === NONE && this.count >= this.maxEntries && this.makeRoom() === NONE) return NONE;
    const cell = this.#free.pop() ?? this.#used++;
    this.cells.prepare(cell);
    this.host.memory.copy(this.cells.key(cell), key, this.keySize);
    if (old !== NONE) this.drop(old);
    this.table.insert(cell);
    this.count++;
    this.touched(cell);
    return cell;
  }

  #store(to: number, from: number): void {
    this.host.memory.copy(to, from, this.valueSize);
  }
}
