/**
 * Every tool of BCC, with its default options, builds as it is, gives the maps and programs that BCC gives it, and loads on
 * Debian's 6.1. `npm run corpus:rewriter -- --guest --load` does so with the tools' other options, too.
 */
import { Builder } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { guestTools } from "../kernel/guest/machine.ts";
import { expectationOf, expectedFailures } from "./expectations.ts";
import { corpus, whyNoCorpus } from "./extraction.ts";
import { differences, goldenPrograms } from "./golden.ts";
import { loadInGuest } from "./guest-load.ts";

/** Tools of Debian's bpfcc-tools 0.26.0 that have a program, and two texts that runqlen and cpuunclaimed only try out. */
const programCount = 104;

const missing = whyNoCorpus();
const builder = new Builder({ cache: false });
const golden = goldenPrograms();
const objects = new Map<string, Uint8Array>();

if (missing === undefined) {
  let programs: ReturnType<typeof corpus> = [];
  try {
    programs = corpus({ variants: false });
  } catch (error) {
    // Without a network there is no package; in CI there must be.
    if (process.env["CI"] !== undefined) throw error;
    process.stderr.write(`SKIPPED: the BCC corpus could not be fetched: ${String(error).split("\n")[0]}\n`);
  }
  for (const { name, text, defines } of programs) {
    test(`${name} builds and is as BCC's`, async () => {
      const { object } = await builder.compile({ file: `${name}.c`, text }, defines);
      objects.set(name, object);
      const expected = golden.get(name);
      assert.ok(expected, "golden data");
      assert.equal(differences(object, name, expected), []);
    });
  }
  if (programs.length > 0) {
    test("the corpus is whole", () => assert.is(programs.length, programCount));
    test("the objects load on Debian's 6.1, or the reason is known", async () => {
      const tools = guestTools();
      if (tools === undefined) return;
      const { release, verdicts } = await loadInGuest(tools, objects);
      const rows = expectedFailures();
      const unexpected = verdicts.flatMap(({ name, refusal }) => {
        if (refusal === undefined) return [];
        const failure = { program: name, stage: "load", message: refusal, release } as const;
        return expectationOf(failure, rows) === undefined ? [`${name}: ${refusal}`] : [];
      });
      assert.equal(unexpected, []);
      const loaded = verdicts.filter(({ refusal }) => refusal === undefined).length;
      process.stderr.write(`${loaded} of ${verdicts.length} objects loaded on ${release}\n`);
      assert.ok(loaded >= 95, `only ${loaded} objects loaded`);
    });
  }
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
