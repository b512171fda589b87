/** Events run by time, and in the order of scheduling within a nanosecond. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EventQueue } from "./event-queue.ts";
import { SeededRandom } from "./random.ts";

test("a thousand events in random order come out sorted and stable", () => {
  const queue = new EventQueue();
  const random = new SeededRandom(7);
  const seen: [time: number, order: number][] = [];
  for (let order = 0; order < 1000; order++) {
    const time = random.between(0, 99);
    queue.schedule(time, () => seen.push([time, order]));
  }
  assert.is(queue.size, 1000);
  for (let next = queue.nextTimeNs; next !== undefined; next = queue.nextTimeNs) {
    queue.take()?.();
    assert.is(seen.at(-1)?.[0], next);
  }
  assert.is(seen.length, 1000);
  const sorted = seen.toSorted(([a, first], [b, second]) => a - b || first - second);
  assert.equal(seen, sorted);
});

test("an event scheduled by an event for the same time runs after those already waiting", () => {
  const queue = new EventQueue();
  const seen: string[] = [];
  queue.schedule(5, () => {
    seen.push("first");
    queue.schedule(5, () => seen.push("third"));
  });
  queue.schedule(5, () => seen.push("second"));
  while (queue.size > 0) queue.take()?.();
  assert.equal(seen, ["first", "second", "third"]);
  assert.is(queue.take(), undefined);
});

test("the same seed gives the same numbers, within bounds", () => {
  const [a, b] = [new SeededRandom(42), new SeededRandom(42)];
  const drawn = Array.from({ length: 500 }, () => a.between(-3, 3));
  assert.equal(
    drawn,
    Array.from({ length: 500 }, () => b.between(-3, 3)),
  );
  assert.equal(
    [...new Set(drawn)].toSorted((x, y) => x - y),
    [-3, -2, -1, 0, 1, 2, 3],
  );
  assert.is.not(new SeededRandom(1).next32(), new SeededRandom(2).next32());
});

test.run();
