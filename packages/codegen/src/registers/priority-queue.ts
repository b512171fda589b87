/** A binary heap of numbered things, largest key first; equal keys in order of insertion. */

/** A queue that gives out the entry with the largest key. */
export class PriorityQueue<T> {
  readonly #heap: { readonly key: number; readonly order: number; readonly value: T }[] = [];
  #count = 0;

  /** Adds an entry. */
  push(key: number, value: T): void {
    const heap = this.#heap;
    const entry = { key, order: this.#count++, value };
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  /** Removes and returns the first entry; undefined where the queue is empty. */
  pop(): T | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first?.value;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first.value;
  }
}

function before(
  left: { readonly key: number; readonly order: number },
  right: { readonly key: number; readonly order: number },
): boolean {
  return left.key > right.key || (left.key === right.key && left.order < right.order);
}
