/** Tests of telling losses: none is left out, and a flood of them is few lines. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LostSamples } from "./lost-samples.ts";

test("losses are told at once, then once a second, and the rest at the end", () => {
  let now = 5n;
  const said: string[] = [];
  const lost = new LostSamples(
    () => now,
    (message) => said.push(message),
  );
  lost.tell();
  assert.equal(said, []);
  let sum = 0;
  for (let poll = 0; poll < 250; poll += 1, now += 10_000_000n) {
    lost.add(poll);
    sum += poll;
    lost.tell();
    lost.tell();
  }
  // Of the first poll nothing was lost, of the second 1.
  assert.is(said[0], "Possibly lost 1 samples");
  assert.is(said.length, 3);
  lost.tellRest();
  lost.tellRest();
  assert.is(said.length, 4);
  const told = said.map((message) => Number(/^Possibly lost (\d+) samples$/.exec(message)?.[1]));
  assert.is(
    told.reduce((all, count) => all + count, 0),
    sum,
  );
});

test.run();
