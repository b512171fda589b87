/** BPF_MAP_TYPE_LRU_HASH and BPF_MAP_TYPE_LRU_PERCPU_HASH: a full map drops the element that was used longest ago. */
import { HashMap } from "./hash.ts";
import { NONE } from "./hash-table.ts";
import type { MapDefinition, MapHost } from "./map.ts";

/**
 * Exact least-recently-used order. The kernel approximates it with per-CPU lists and may evict somewhat early; what
 * counts as a use is the same: updates, and lookups by programs but not by bpf(2).
 */
export class LruHashMap extends HashMap {
  /** Doubly linked use order; index 0 is the list's head, cell N sits at N + 1. */
  #older = new Int32Array(64);
  #newer = new Int32Array(64);

  constructor(definition: MapDefinition, id: number, host: MapHost, kind: { perCpu: boolean }) {
    super(definition, id, host, { perCpu: kind.perCpu, lru: true });
  }

  protected override touched(cell: number): void {
    const node = cell + 1;
    if (node >= this.#older.length) this.#grow(node);
    this.#unlink(node);
    const newest = this.#older[0] as number;
    this.#older[node] = newest;
    this.#newer[node] = 0;
    this.#newer[newest] = node;
    this.#older[0] = node;
  }

  protected override makeRoom(): number {
    const oldest = this.#newer[0] as number;
    if (oldest === 0) return NONE;
    this.drop(oldest - 1);
    return 0;
  }

  protected override drop(cell: number): void {
    this.#unlink(cell + 1);
    super.drop(cell);
  }

  /** Takes a node out; one that is in no list links only to the head on both sides, or to nothing. */
  #unlink(node: number): void {
    const older = this.#older[node] as number;
    const newer = this.#newer[node] as number;
    if (this.#newer[older] === node && this.#older[newer] === node) {
      this.#newer[older] = newer;
      this.#older[newer] = older;
    }
    this.#older[node] = 0;
    this.#newer[node] = 0;
  }

  #grow(node: number): void {
    const length = Math.max(this.#older.length * 2, node + 1);
    const older = new Int32Array(length);
    const newer = new Int32Array(length);
    older.set(this.#older);
    newer.set(this.#newer);
    this.#older = older;
    this.#newer = newer;
  }
}
