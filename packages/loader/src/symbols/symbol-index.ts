/** Finds the symbol that holds an address, among as many as the kernel or a browser has. */

/** Symbols as columns; entry `i` of each belongs together. Addresses are exact below 2^53. */
export interface SymbolColumns {
  readonly starts: Float64Array;
  /** Bytes; 0 where unknown: then a symbol reaches to the next one. Absent: none is known. */
  readonly sizes?: Float64Array;
  /** Where a symbol of unknown size ends at the latest: the end of its section. */
  readonly limits?: Float64Array;
  /** Of symbols with one address, the one with the highest rank is named; of equal ones, the last. */
  readonly ranks: Uint8Array;
}

/** An index over {@link SymbolColumns}. Names stay with the owner, who is given entry numbers. */
export class SymbolIndex {
  readonly #starts: Float64Array;
  readonly #ends: Float64Array;
  /** The furthest end of this symbol and all before it: looking backwards stops where it is not beyond the address. */
  readonly #reach: Float64Array;
  readonly #entries: Uint32Array;

  constructor(columns: SymbolColumns) {
    const order = sortedOrder(columns.starts);
    const kept = withoutDuplicates(order, columns);
    const count = kept.length;
    this.#entries = kept;
    this.#starts = new Float64Array(count);
    this.#ends = new Float64Array(count);
    this.#reach = new Float64Array(count);
    for (let at = 0; at < count; at++) this.#starts[at] = columns.starts[kept[at] ?? 0] ?? 0;
    let reach = Number.NEGATIVE_INFINITY;
    for (let at = 0; at < count; at++) {
      const size = columns.sizes?.[kept[at] ?? 0] ?? 0;
      const limit = columns.limits?.[kept[at] ?? 0] ?? Number.POSITIVE_INFINITY;
      const next = at + 1 < count ? Math.min(this.#starts[at + 1] ?? 0, limit) : limit;
      const end = size === 0 ? next : (this.#starts[at] ?? 0) + size;
      reach = Math.max(reach, end);
      this.#ends[at] = end;
      this.#reach[at] = reach;
    }
  }

  /** How many addresses have a symbol. */
  get length(): number {
    return this.#entries.length;
  }

  /** The entry of the innermost symbol that holds the address, or -1. */
  find(address: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] ?? 0) <= address) low = middle + 1;
      else high = middle;
    }
    for (let at = low - 1; at >= 0 && (this.#reach[at] ?? 0) > address; at--) {
      if ((this.#ends[at] ?? 0) > address) return this.#entries[at] ?? -1;
    }
    return -1;
  }
}

/** Entry numbers in the order of their addresses, equal ones in their own order. */
function sortedOrder(starts: Float64Array): Uint32Array {
  const count = starts.length;
  const order = new Uint32Array(count);
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const start of starts) {
    if (start < least) least = start;
    if (start > most) most = start;
  }
  // Address and entry in one exact number sort without a comparison function, ten times as fast.
  if ((most - least + 1) * count <= Number.MAX_SAFE_INTEGER) {
    const keys = new Float64Array(count);
    for (let i = 0; i < count; i++) keys[i] = ((starts[i] ?? 0) - least) * count + i;
    keys.sort();
    for (let i = 0; i < count; i++) order[i] = (keys[i] ?? 0) % count;
    return order;
  }
  for (let i = 0; i < count; i++) order[i] = i;
  return order.sort((a, b) => (starts[a] ?? 0) - (starts[b] ?? 0) || a - b);
}

/** Leaves one entry for each address. */
function withoutDuplicates(order: Uint32Array, { starts, sizes, ranks }: SymbolColumns): Uint32Array {
  const rank = (entry: number) => (ranks[entry] ?? 0) + ((sizes?.[entry] ?? 0) > 0 ? 256 : 0);
  const kept = new Uint32Array(order.length);
  let count = 0;
  for (const entry of order) {
    const last = count === 0 ? -1 : (kept[count - 1] ?? -1);
    if (last === -1 || starts[last] !== starts[entry]) kept[count++] = entry;
    else if (rank(entry) >= rank(last)) kept[count - 1] = entry;
  }
  return kept.subarray(0, count);
}
