/** Tests that a builder gives its memory back and builds again. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Builder } from "./builder.ts";

const source = { file: "a.c", text: "int kprobe__vfs_read(void *ctx) { return 0; }" };

test("a released builder holds no compiler, and builds the same again", async () => {
  const builder = new Builder({ cache: false });
  const { object } = await builder.build(source);
  const building = process.memoryUsage().rss;
  await builder.releaseMemory();
  const released = process.memoryUsage().rss;
  // The compiler's code alone is 75 MB.
  assert.ok(building - released > 75e6, `${building} bytes, then ${released}`);
  assert.equal((await builder.build(source)).object, object);
  await builder.close();
});

test("there is nothing to release before a build", async () => {
  await new Builder({ cache: false }).releaseMemory();
});

test.run();
