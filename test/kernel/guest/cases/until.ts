/** Waiting for something that happens by itself. */
import { strict as assert } from "node:assert";

/** An emulated machine on a busy one is slow. */
const limitMs = 90_000;

/** Waits; `what` is named where it is in vain. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    assert.ok(performance.now() < end, `waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
