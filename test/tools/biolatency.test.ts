/** biolatency against the block-io workload's ground truth, to the last count. */

import { toolByName } from "@bpfkit/tools";
import type { BlockIo } from "@bpfkit/vm/kernel";
import { log2HistogramLines } from "bpfkit";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";
import { ToolRunner } from "../support/tool-run.ts";

const tool = toolByName("tools/biolatency");
if (tool === undefined) throw new Error("biolatency is not registered");
const runner = new ToolRunner();
const clang = requireTool("clang-19");
const test = suite("biolatency");
test.after(() => runner.close());

/** Slot of bpf_log2l: 1 for 0 and 1, then one for each power of two. */
const slotOf = (value: number) => (value < 2 ? 1 : Math.floor(Math.log2(value)) + 1);

interface Expectation {
  readonly unitNs: number;
  readonly label: string;
  readonly queued: boolean;
}

const microseconds: Expectation = { unitNs: 1000, label: "usecs", queued: false };

/** The histogram of latencies, as the tool has to print it. */
function histogram(ios: readonly BlockIo[], { unitNs, label, queued }: Expectation): string[] {
  const slots: number[] = [];
  for (const { queuedNs, serviceNs } of ios) {
    const slot = slotOf(Math.floor((queued ? queuedNs + serviceNs : serviceNs) / unitNs));
    slots[slot] = (slots[slot] ?? 0) + 1;
  }
  return log2HistogramLines(
    Array.from(slots, (count) => count ?? 0),
    label,
  );
}

/** The histograms in the output by their headings; those without one are under "". */
function sections(lines: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let name = "";
  for (const line of lines) {
    const heading = /^(?:disk|flags) = (.*)$/.exec(line);
    if (heading !== null) name = heading[1] ?? "";
    else if (line.includes("->") || line.includes("distribution"))
      found.set(name, [...(found.get(name) ?? []), line]);
  }
  return found;
}

function byKey(ios: readonly BlockIo[], key: (io: BlockIo) => string): Map<string, BlockIo[]> {
  const groups = new Map<string, BlockIo[]>();
  for (const io of ios) groups.set(key(io), [...(groups.get(key(io)) ?? []), io]);
  return groups;
}

const cases: readonly (readonly [readonly string[], Expectation])[] = [
  [[], microseconds],
  [["-m"], { unitNs: 1_000_000, label: "msecs", queued: false }],
  [["-Q"], { ...microseconds, queued: true }],
];
for (const [argv, expectation] of cases) {
  test(`${["biolatency", ...argv].join(" ")} counts every I/O`, async () => {
    const { lines, truth, status } = await runner.run(tool, { argv });
    assert.is(status, 0);
    assert.ok(truth.blockIo.length > 1000);
    assert.equal(sections(lines).get(""), histogram(truth.blockIo, expectation));
  });
}

test("-D has a histogram for each disk", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-D"] });
  const printed = sections(lines);
  const expected = byKey(truth.blockIo, ({ disk }) => disk);
  assert.equal([...printed.keys()].sort(), [...expected.keys()].sort());
  for (const [disk, ios] of expected) assert.equal(printed.get(disk), histogram(ios, microseconds), disk);
});

test("-d counts one disk", async () => {
  for (const disk of ["sda", "/dev/nvme0n1"]) {
    const { lines, truth } = await runner.run(tool, { argv: ["-d", disk] });
    const expected = truth.blockIo.filter((io) => disk.endsWith(io.disk));
    assert.ok(expected.length > 50 && expected.length < truth.blockIo.length);
    assert.equal(sections(lines).get(""), histogram(expected, microseconds));
  }
  let message = "nothing was thrown";
  await runner.run(tool, { argv: ["-d", 'a"b'] }).catch((error: Error) => {
    message = error.message;
  });
  assert.match(message, /--disk takes the name of a disk/);
});

test("-F has a histogram for each set of flags", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-F"] });
  const counts = [...sections(lines).values()].map((rows) =>
    rows.slice(1).reduce((sum, row) => sum + Number(/: (\d+) +\|/.exec(row)?.[1]), 0),
  );
  const expected = [...byKey(truth.blockIo, ({ commandFlags }) => String(commandFlags)).values()];
  assert.equal(counts.sort(), expected.map((ios) => ios.length).sort());
  assert.ok([...sections(lines).keys()].includes("Read"));
});

test("an interval prints and clears; together they are everything", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-T", "1"] });
  const times = lines.filter((line) => /^\d\d:\d\d:\d\d$/.test(line));
  assert.ok(times.length >= 5, lines.join("\n"));
  const total = lines.reduce((sum, line) => sum + Number(/: (\d+) +\|/.exec(line)?.[1] ?? 0), 0);
  assert.is(total, truth.blockIo.length);
});

test("a count ends it", async () => {
  const { lines } = await runner.run(tool, { argv: ["-T", "1", "2"] });
  assert.is(lines.filter((line) => /^\d\d:\d\d:\d\d$/.test(line)).length, 2);
});

test("-e gives total, count and average", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-e"] });
  const total = truth.blockIo.reduce((sum, { serviceNs }) => sum + Math.floor(serviceNs / 1000), 0);
  const count = truth.blockIo.length;
  const expected = `avg = ${Math.trunc(total / count)} usecs, total: ${total} usecs, count: ${count}`;
  assert.ok(lines.includes(expected), lines.join("\n"));
});

test("-j prints a dictionary instead of columns", async () => {
  const { lines } = await runner.run(tool, { argv: ["-j"] });
  assert.match(lines.join("\n"), /'val_type': 'usecs'/);
  assert.not.match(lines.join("\n"), /distribution|Tracing/);
});

for (const argv of [[], ["-D"], ["-F", "-m"], ["-Q", "-e"], ["-d", "sda"]]) {
  test(`native clang's object gives the same: ${argv.join(" ") || "no options"}`, async () => {
    if (clang === undefined) return;
    const ours = await runner.run(tool, { argv });
    const native = await runner.run(tool, { argv, nativeClang: clang });
    assert.equal(ours.lines, native.lines);
  });
  test(`the interpreter gives the same: ${argv.join(" ") || "no options"}`, async () => {
    const jit = await runner.run(tool, { argv, seed: 11 });
    const interpreter = await runner.run(tool, { argv, seed: 11, engine: "interpreter" });
    assert.equal(interpreter.lines, jit.lines);
  });
}

test.run();
