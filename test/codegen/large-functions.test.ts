/** Functions far larger than programs in practice compile; `npm run bench` shows how the time grows. */
import { generate } from "@bpfkit/codegen";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { largeFunctions } from "../support/large-functions.ts";

for (const { what, sizes, make } of largeFunctions) {
  const size = sizes.at(-1) ?? 0;
  test(`${size} ${what}`, () => {
    const { object } = generate(make(size), { cpu: "v3", mainFile: "large.c" });
    const code = object.sections.find(({ name }) => name === ".text")?.data.length ?? 0;
    assert.ok(code / 8 > size, `${code / 8} instructions`);
  });
}

test.run();
