/** The memory maximum is lowered in place, and nothing else changes. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { limitMemory } from "./memory-limit.ts";

/** A module whose memory starts with 2 pages; the maximum is 65536, in three bytes. It exports its memory. */
function moduleWithMemory(): Uint8Array<ArrayBuffer> {
  const type = [1, 4, 1, 0x60, 0, 0];
  const memory = [5, 6, 1, 1, 2, 0x80, 0x80, 0x04];
  const exports = [7, 7, 1, 3, 0x6d, 0x65, 0x6d, 2, 0];
  return Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...type, ...memory, ...exports]);
}

async function largest(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
  const { instance } = await WebAssembly.instantiate(bytes);
  const memory = instance.exports["mem"] as WebAssembly.Memory;
  let pages = 2;
  try {
    for (; pages < 40; pages++) memory.grow(1);
  } catch {
    // The maximum is reached.
  }
  return pages;
}

test("the maximum holds", async () => {
  for (const [limit, pages] of [
    [10 * 65536, 10],
    [10 * 65536 + 1, 11],
    [1, 2],
  ] as const) {
    const bytes = moduleWithMemory();
    const size = bytes.length;
    limitMemory(bytes, limit);
    assert.is(bytes.length, size);
    assert.is(await largest(bytes), pages, `limit ${limit}`);
  }
});

test("a higher limit than the module's own changes nothing", () => {
  const bytes = moduleWithMemory();
  limitMemory(bytes, 2 ** 40);
  assert.equal(bytes, moduleWithMemory());
});

test("a module without a bounded memory is our mistake", () => {
  const unbounded = moduleWithMemory();
  unbounded[17] = 0;
  for (const bytes of [Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]), unbounded]) {
    assert.throws(() => limitMemory(bytes, 1), /internal error/);
  }
});

test.run();
