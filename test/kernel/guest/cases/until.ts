/** Waiting for something that happens by itself. */
import { strict as assert } from "node:assert";

/** An emulated machine on a busy one is slow. */
const limitMs = 90_000;

/** Waits; `what` is named where it is in vain, a function's answer as it is then. */
export async function until(what: string | (() => string), condition: () => boolean): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() >= end) {
      assert.fail(`waited in vain for ${typeof what === "string" ? what : what()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
