/** What happens when in simulated time: a queue ordered by time, then by the order of scheduling. */

/** Something to happen. */
interface ScheduledEvent {
  readonly timeNs: number;
  readonly order: number;
  readonly run: () => void;
}

function before(a: ScheduledEvent, b: ScheduledEvent): boolean {
  return a.timeNs < b.timeNs || (a.timeNs === b.timeNs && a.order < b.order);
}

/** A binary heap of events. Events of the same nanosecond run in the order in which they were scheduled. */
export class EventQueue {
  readonly #heap: ScheduledEvent[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** Time of the next event, ns; undefined when nothing is left. */
  get nextTimeNs(): number | undefined {
    return this.#heap[0]?.timeNs;
  }

  schedule(timeNs: number, run: () => void): void {
    const heap = this.#heap;
    const event = { timeNs, order: this.#order++, run };
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent]!;
      if (!before(event, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  }

  /** Takes the next event out without running it. */
  take(): (() => void) | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return undefined;
    if (heap.length > 0) this.#sink(last);
    return first.run;
  }

  clear(): void {
    this.#heap.length = 0;
  }

  /** Puts `event` where the root was. */
  #sink(event: ScheduledEvent): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      const below = heap[child]!;
      if (!before(below, event)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = event;
  }
}
