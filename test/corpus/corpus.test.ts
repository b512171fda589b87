/** Tools of BCC, one for each kind of construct, build as they are and give the maps and programs that BCC gives them. */
import { Builder } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { expectedFailures } from "./expectations.ts";
import { corpus, whyNoCorpus } from "./extraction.ts";
import { differences, goldenPrograms } from "./golden.ts";

/** `npm run corpus:rewriter` builds all of them. */
const sample = [
  ...["bindsnoop", "biosnoop", "execsnoop", "ext4slower", "klockstat", "memleak", "offcputime", "runqlen"],
  ...["sslsniff", "tcpconnect", "tcptracer", "trace"],
];

const missing = whyNoCorpus();
const builder = new Builder({ cache: false });
const golden = goldenPrograms();

if (missing === undefined) {
  let programs: ReturnType<typeof corpus> = [];
  try {
    programs = corpus({ variants: false, only: sample });
  } catch (error) {
    // Without a network there is no package; in CI there must be.
    if (process.env["CI"] !== undefined) throw error;
    process.stderr.write(`SKIPPED: the BCC corpus could not be fetched: ${String(error).split("\n")[0]}\n`);
  }
  for (const { name, text, defines } of programs) {
    test(`${name} builds and is as BCC's`, async () => {
      const { object } = await builder.compile({ file: `${name}.c`, text }, defines);
      const expected = golden.get(name);
      assert.ok(expected, "golden data");
      assert.equal(differences(object, name, expected), []);
    });
  }
  test("the sample is whole", () => {
    const names = new Set(programs.map(({ name }) => name));
    if (programs.length > 0)
      assert.equal(
        sample.filter((name) => !names.has(name)),
        [],
      );
  });
} else if (process.env["CI"] !== undefined) {
  throw new Error(missing);
} else {
  process.stderr.write(`SKIPPED: ${missing}\n`);
}

test("a missing program, an added one and another size are differences", async () => {
  const text =
    "BPF_HASH(counts, u32, u64, 16);\nint f(void *ctx) { u32 k = 0; counts.increment(k); return 0; }\n";
  const { object } = await builder.compile({ file: "sample.c", text });
  const map = { name: "counts", type: 1, key_size: 4, leaf_size: 8, max_entries: 16, flags: 0 };
  const bcc = { ok: true, license: "GPL", maps: [map], functions: [{ name: "f" }] };
  assert.equal(differences(object, "sample", bcc), []);
  assert.is(differences(object, "sample", { ...bcc, maps: [{ ...map, leaf_size: 4 }] }).length, 2);
  assert.is(differences(object, "sample", { ...bcc, functions: [{ name: "g" }] }).length, 2);
  assert.is(differences(object, "sample", { ...bcc, license: "BSD" }).length, 1);
});

test("every expected failure has a reason and golden data", () => {
  for (const { reason, programs } of expectedFailures()) {
    assert.ok(reason.length > 10 && !reason.includes("TO BE EXPLAINED"), programs.join(", "));
    for (const name of programs) assert.ok(golden.has(name), name);
  }
});

test.after(() => builder.close());
test.run();
