/** A hash index from names to type ids that compares bytes and never builds strings: quick for 130,000 types. */
import type { StringBytes } from "./type-table.ts";

const encoder = new TextEncoder();

/** Maps names to ids, built once. */
export class NameIndex {
  /** First id of each bucket's chain, as index + 1; 0 ends a chain. */
  readonly #buckets: Int32Array;
  readonly #next: Int32Array;
  readonly #hashes: Int32Array;
  readonly #offsets: Uint32Array;
  readonly #firstId: number;
  readonly #nameAt: (record: number) => StringBytes | undefined;

  constructor(offsets: Uint32Array, firstId: number, nameAt: (record: number) => StringBytes | undefined) {
    let size = 16;
    while (size < offsets.length) size *= 2;
    this.#buckets = new Int32Array(size);
    this.#next = new Int32Array(offsets.length);
    this.#hashes = new Int32Array(offsets.length);
    this.#offsets = offsets;
    this.#firstId = firstId;
    this.#nameAt = nameAt;
    // From the last to the first, so that every chain ascends.
    for (let index = offsets.length - 1; index >= 0; index--) {
      const name = nameAt(offsets[index] ?? 0);
      if (name === undefined) continue;
      const hash = hashOf(name.bytes, name.start);
      const bucket = hash & (size - 1);
      this.#hashes[index] = hash;
      this.#next[index] = this.#buckets[bucket] ?? 0;
      this.#buckets[bucket] = index + 1;
    }
  }

  /** Ids with this name, ascending; none for the empty name. */
  ids(name: string): number[] {
    if (name === "" || name.includes("\0")) return [];
    const wanted = encoder.encode(`${name}\0`);
    const hash = hashOf(wanted, 0);
    const ids: number[] = [];
    let entry = this.#buckets[hash & (this.#buckets.length - 1)] ?? 0;
    while (entry !== 0) {
      const index = entry - 1;
      if (this.#hashes[index] === hash && this.#equals(index, wanted)) ids.push(this.#firstId + index);
      entry = this.#next[index] ?? 0;
    }
    return ids;
  }

  #equals(index: number, wanted: Uint8Array): boolean {
    const name = this.#nameAt(this.#offsets[index] ?? 0);
    return name !== undefined && startsWith(name, wanted);
  }
}

/** A set of names that can be asked about bytes. */
export class NameSet {
  /** Names with their NUL, by hash. */
  readonly #names = new Map<number, Uint8Array[]>();

  constructor(names: Iterable<string>) {
    for (const name of names) {
      const bytes = encoder.encode(`${name}\0`);
      const hash = hashOf(bytes, 0);
      const alike = this.#names.get(hash);
      if (alike === undefined) this.#names.set(hash, [bytes]);
      else alike.push(bytes);
    }
  }

  has(name: StringBytes): boolean {
    const alike = this.#names.get(hashOf(name.bytes, name.start));
    return alike?.some((bytes) => startsWith(name, bytes)) ?? false;
  }
}

function startsWith(name: StringBytes, wanted: Uint8Array): boolean {
  for (let at = 0; at < wanted.length; at++) {
    if (name.bytes[name.start + at] !== wanted[at]) return false;
  }
  return true;
}

/** Names longer than this hash alike from here on; keeps hostile tables with one huge shared string quick. */
const longestHashed = 256;

function hashOf(bytes: Uint8Array, start: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let at = start; at < start + longestHashed; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === 0) break;
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash ^ (hash >>> 15);
}
