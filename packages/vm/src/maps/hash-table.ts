/** The chained hash table behind all hash maps: keys in guest memory, links in typed arrays, no garbage per access. */
import type { AddressSpace } from "../memory/address-space.ts";
import type { Cells } from "./cells.ts";

/** Bucket heads are limited to this many; chains grow a little beyond. */
const MAXIMUM_BUCKETS = 1 << 20;

/** No cell. */
export const NONE = -1;

/** Finds, links and unlinks cells. The order of walking is by bucket, newest first, as in the kernel. */
export class HashTable {
  readonly #memory: AddressSpace;
  readonly #cells: Cells;
  readonly #keySize: number;
  readonly #mask: number;
  readonly #heads: Int32Array;
  /** Chain link of each cell; NONE at the end. */
  #next = new Int32Array(64).fill(NONE);

  constructor(memory: AddressSpace, cells: Cells, maxEntries: number) {
    this.#memory = memory;
    this.#cells = cells;
    this.#keySize = cells.shape.keySize;
    const wanted = 2 ** Math.ceil(Math.log2(Math.max(maxEntries, 2)));
    const buckets = Math.min(wanted, MAXIMUM_BUCKETS);
    this.#mask = buckets - 1;
    this.#heads = new Int32Array(buckets).fill(NONE);
  }

  /** The cell with the key at an offset, or NONE. */
  find(key: number): number {
    let cell = this.#heads[this.#bucket(key)] as number;
    while (cell !== NONE && !this.#equal(key, this.#cells.key(cell))) cell = this.#next[cell] as number;
    return cell;
  }

  /** Links a cell, whose key is in place, at the head of its bucket. */
  insert(cell: number): void {
    if (cell >= this.#next.length) this.#grow(cell);
    const bucket = this.#bucket(this.#cells.key(cell));
    this.#next[cell] = this.#heads[bucket] as number;
    this.#heads[bucket] = cell;
  }

  /** Unlinks a cell that is in the table. */
  remove(cell: number): void {
    const bucket = this.#bucket(this.#cells.key(cell));
    let at = this.#heads[bucket] as number;
    if (at === cell) {
      this.#heads[bucket] = this.#next[cell] as number;
      return;
    }
    while (at !== NONE) {
      const next = this.#next[at] as number;
      if (next === cell) {
        this.#next[at] = this.#next[cell] as number;
        return;
      }
      at = next;
    }
  }

  /** First cell in walking order; NONE when empty. */
  first(): number {
    return this.#firstFrom(0);
  }

  /** The cell after one that is in the table. */
  after(cell: number): number {
    const next = this.#next[cell] as number;
    return next !== NONE ? next : this.#firstFrom(this.#bucket(this.#cells.key(cell)) + 1);
  }

  #firstFrom(bucket: number): number {
    for (let b = bucket; b <= this.#mask; b++) {
      const head = this.#heads[b] as number;
      if (head !== NONE) return head;
    }
    return NONE;
  }

  #grow(cell: number): void {
    const bigger = new Int32Array(Math.max(this.#next.length * 2, cell + 1)).fill(NONE);
    bigger.set(this.#next);
    this.#next = bigger;
  }

  /** Multiply-rotate mixing over 32-bit words, then over the bytes that are left. */
  #bucket(key: number): number {
    const { u32, u8 } = this.#memory;
    const words = this.#keySize >>> 2;
    const aligned = (key & 3) === 0;
    let hash = this.#keySize;
    for (let i = 0; i < words; i++) {
      const at = key + i * 4;
      const word = aligned ? (u32[at >>> 2] as number) : wordAt(u8, at);
      hash = Math.imul(hash ^ word, 0x9e37_79b1);
      hash ^= hash >>> 15;
    }
    for (let i = words * 4; i < this.#keySize; i++) {
      hash = Math.imul(hash ^ (u8[key + i] as number), 0x9e37_79b1);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, 0x85eb_ca77);
    return (hash ^ (hash >>> 13)) & this.#mask;
  }

  #equal(a: number, b: number): boolean {
    const { u32, u8 } = this.#memory;
    const words = this.#keySize >>> 2;
    // Cells are aligned; the program's key need not be.
    const aligned = (a & 3) === 0;
    for (let i = 0; i < words; i++) {
      const word = aligned ? u32[(a >>> 2) + i] : wordAt(u8, a + i * 4);
      if (word !== u32[(b >>> 2) + i]) return false;
    }
    for (let i = words * 4; i < this.#keySize; i++) if (u8[a + i] !== u8[b + i]) return false;
    return true;
  }
}

/** The little-endian word at an unaligned offset, unsigned. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}
