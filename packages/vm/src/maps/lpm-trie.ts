/** BPF_MAP_TYPE_LPM_TRIE: keys are bit prefixes, lookups find the longest one that matches. */
import { Errno } from "@bpfkit/base/abi";
import { BaseMap, refuseCreation } from "./base-map.ts";
import { Cells } from "./cells.ts";
import { ACCESS_FLAGS, accessFlagsAreSane, CreateFlag, ELEMENT_LIMIT, UpdateFlag } from "./flags.ts";
import type { MapDefinition, MapHost } from "./map.ts";

/** Bytes of the prefix length in front of the data of struct bpf_lpm_trie_key. */
const LENGTH_BYTES = 4;

/** Longest data of a key, bytes. */
const DATA_LIMIT = 256;

/** The map: one table per prefix length, longest first. */
export class LpmTrieMap extends BaseMap {
  readonly #cells: Cells;
  readonly #dataBytes: number;
  /** Prefix length -> the prefix's bits as text -> cell. */
  readonly #byLength = new Map<number, Map<string, number>>();
  readonly #free: number[] = [];
  #used = 0;
  #count = 0;
  /** Cells in the kernel's walking order; undefined after a change. */
  #order: number[] | undefined;

  constructor(definition: MapDefinition, id: number, host: MapHost) {
    const { keySize, valueSize, maxEntries, flags } = definition;
    if (
      maxEntries === 0 ||
      (flags & CreateFlag.NoPrealloc) === 0 ||
      (flags & ~(CreateFlag.NoPrealloc | CreateFlag.NumaNode | ACCESS_FLAGS)) !== 0 ||
      !accessFlagsAreSane(flags)
    ) {
      refuseCreation(Errno.EINVAL, definition, "LPM tries need BPF_F_NO_PREALLOC and entries");
    }
    if (keySize < LENGTH_BYTES + 1 || keySize > LENGTH_BYTES + DATA_LIMIT || valueSize === 0) {
      refuseCreation(Errno.EINVAL, definition, "keys are a 4-byte prefix length and 1 to 256 bytes");
    }
    if (valueSize > ELEMENT_LIMIT) refuseCreation(Errno.EINVAL, definition, "value_size is too large");
    super(definition, id, host);
    this.#dataBytes = keySize - LENGTH_BYTES;
    this.#cells = new Cells(host.memory, { keySize, valueSize, valueCount: 1, access: this.programAccess });
  }

  override lookup(key: number): number {
    const limit = this.#prefixLength(key);
    if (limit > this.#dataBytes * 8) return 0;
    const bits = this.#bits(key, limit);
    for (let length = limit; length >= 0; length--) {
      const cell = this.#byLength.get(length)?.get(bits.slice(0, length));
      if (cell !== undefined) return this.#cells.value(cell, 0);
    }
    return 0;
  }

  override update(key: number, value: number, flags: number): number {
    const length = this.#prefixLength(key);
    if (flags < 0 || flags > UpdateFlag.Exist || length > this.#dataBytes * 8) return -Errno.EINVAL;
    const bits = this.#bits(key, length);
    const old = this.#byLength.get(length)?.get(bits);
    if (old !== undefined && flags === UpdateFlag.NoExist) return -Errno.EEXIST;
    if (old === undefined && flags === UpdateFlag.Exist) return -Errno.ENOENT;
    if (old === undefined && this.#count === this.maxEntries) return -Errno.ENOSPC;
    const cell = this.#free.pop() ?? this.#used++;
    this.#cells.prepare(cell);
    const { u8 } = this.host.memory;
    u8.copyWithin(this.#cells.key(cell), key, key + this.keySize);
    u8.copyWithin(this.#cells.value(cell, 0), value, value + this.valueSize);
    if (old === undefined) this.#count++;
    else this.#free.push(old);
    let table = this.#byLength.get(length);
    if (table === undefined) {
      table = new Map();
      this.#byLength.set(length, table);
    }
    table.set(bits, cell);
    this.#order = undefined;
    return 0;
  }

  override remove(key: number): number {
    const length = this.#prefixLength(key);
    if (length > this.#dataBytes * 8) return -Errno.EINVAL;
    const bits = this.#bits(key, length);
    const table = this.#byLength.get(length);
    const cell = table?.get(bits);
    if (table === undefined || cell === undefined) return -Errno.ENOENT;
    table.delete(bits);
    this.#free.push(cell);
    this.#count--;
    this.#order = undefined;
    return 0;
  }

  override destroy(): void {
    this.#cells.release();
    super.destroy();
  }

  protected override keyAfter(key: number): number {
    this.#order ??= this.#postOrder();
    const order = this.#order;
    let index = 0;
    if (key !== 0) {
      const length = this.#prefixLength(key);
      const cell = length <= this.#dataBytes * 8 ? this.#find(length, this.#bits(key, length)) : undefined;
      if (cell !== undefined) index = order.indexOf(cell) + 1;
    }
    const next = order[index];
    return next === undefined ? 0 : this.#cells.key(next);
  }

  #find(length: number, bits: string): number | undefined {
    return this.#byLength.get(length)?.get(bits);
  }

  /** Post-order of the trie: prefixes after what they contain, 0 before 1. */
  #postOrder(): number[] {
    const all: [string, number][] = [];
    // "2" sorts a prefix after both of its continuations.
    for (const table of this.#byLength.values())
      for (const [bits, cell] of table) all.push([`${bits}2`, cell]);
    all.sort((a, b) => (a[0] < b[0] ? -1 : 1));
    return all.map(([, cell]) => cell);
  }

  #prefixLength(key: number): number {
    return this.host.memory.view.getUint32(key, true);
  }

  /** The first `length` bits of a key's data as text. */
  #bits(key: number, length: number): string {
    let bits = "";
    for (let i = 0; bits.length < length; i++) {
      const byte = this.host.memory.u8[key + LENGTH_BYTES + i] as number;
      bits += byte.toString(2).padStart(8, "0");
    }
    return bits.slice(0, length);
  }
}
