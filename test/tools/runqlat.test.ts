/** runqlat against the run-queue workload's ground truth, to the last wait. */
import { toolByName } from "@bpfkit/tools";
import type { RunQueueWait } from "@bpfkit/vm/kernel";
import { log2HistogramLines } from "bpfkit";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";
import { ToolRunner } from "../support/tool-run.ts";

const tool = toolByName("runqlat");
if (tool === undefined) throw new Error("runqlat is not registered");
const runner = new ToolRunner();
const clang = requireTool("clang-19");
const test = suite("runqlat");
test.after(() => runner.close());

const endOf = ({ timeNs, waitNs }: RunQueueWait) => timeNs + waitNs;

/** The histogram of waits, whole units rounded down, as bpf_log2l counts them. */
function histogram(waits: readonly RunQueueWait[], label: "usecs" | "msecs"): string[] {
  const slots: number[] = [];
  for (const { waitNs } of waits) {
    const value = Math.floor(waitNs / (label === "usecs" ? 1e3 : 1e6));
    const slot = value < 2 ? 1 : Math.floor(Math.log2(value)) + 1;
    while (slots.length <= slot) slots.push(0);
    slots[slot] = (slots[slot] ?? 0) + 1;
  }
  return log2HistogramLines(slots, label);
}

/** Lines of grouped histograms by their titles. */
function sections(lines: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of lines) {
    if (/^\w+ = \d+$/.test(line)) {
      current = [];
      found.set(line, current);
    } else if (line !== "") current.push(line);
  }
  return found;
}

const grouped = (
  waits: readonly RunQueueWait[],
  title: (wait: RunQueueWait) => string,
): Map<string, string[]> => {
  const groups = new Map<string, RunQueueWait[]>();
  for (const wait of waits) groups.set(title(wait), [...(groups.get(title(wait)) ?? []), wait]);
  return new Map([...groups].map(([name, list]) => [name, histogram(list, "usecs")]));
};

const sorted = (map: ReadonlyMap<string, string[]>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

test("counts every wait: of woken, new and preempted tasks", async () => {
  const { lines, truth, status } = await runner.run(tool, { argv: [] });
  assert.is(status, 0);
  const waits = truth.runQueueWaits;
  assert.ok(waits.length > 1600);
  for (const reason of ["woken", "new", "preempted"] as const) {
    assert.ok(waits.filter((wait) => wait.reason === reason).length > 40, reason);
  }
  assert.equal(lines, ["Tracing run queue latency... Hit Ctrl-C to end.", "", ...histogram(waits, "usecs")]);
});

test("-m counts milliseconds, -T says when", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-mT"] });
  assert.match(lines[2] ?? "", /^\d\d:\d\d:\d\d$/);
  assert.equal(lines.slice(3), histogram(truth.runQueueWaits, "msecs"));
});

test("-P and -L have a histogram for each task", async () => {
  for (const [option, title] of [
    ["-P", "pid"],
    ["-L", "tid"],
  ] as const) {
    const { lines, truth } = await runner.run(tool, { argv: [option] });
    const expected = grouped(truth.runQueueWaits, ({ pid }) => `${title} = ${pid}`);
    assert.ok(expected.size > 40);
    assert.equal(sorted(sections(lines)), sorted(expected));
  }
});

test("--pidnss tells the container's tasks from the others", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["--pidnss"] });
  const inContainer = ["redis-server", "worker"];
  const expected = grouped(
    truth.runQueueWaits,
    ({ comm }) => `pidns = ${inContainer.includes(comm) ? 0xf000_01c2 : 0xefff_fffc}`,
  );
  assert.is(expected.size, 2);
  assert.equal(sorted(sections(lines)), sorted(expected));
});

test("-p counts one process", async () => {
  const { truth } = await runner.run(tool, { argv: ["1", "1"] });
  const one = truth.runQueueWaits.find(({ comm }) => comm === "postgres") as RunQueueWait;
  const { lines } = await runner.run(tool, { argv: ["-p", String(one.pid)] });
  const own = truth.runQueueWaits.filter(({ pid }) => pid === one.pid);
  assert.is(own.length, 101);
  assert.equal(lines.slice(2), histogram(own, "usecs"));
});

test("with an interval and a count it prints and starts again", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["1", "3"] });
  const outputs = lines
    .slice(1)
    .join("\n")
    .split("\n\n")
    .map((text) => text.trim());
  const expected = [0, 1, 2].map((second) =>
    histogram(
      truth.runQueueWaits.filter((wait) => endOf(wait) >= second * 1e9 && endOf(wait) < (second + 1) * 1e9),
      "usecs",
    )
      .join("\n")
      .trim(),
  );
  assert.equal(outputs, expected);
});

test("a process that never waits gives no histogram", async () => {
  const { lines, status } = await runner.run(tool, { argv: ["-p", "999999"] });
  assert.is(status, 0);
  assert.equal(lines, ["Tracing run queue latency... Hit Ctrl-C to end.", ""]);
});

test("every seed keeps its word", async () => {
  for (const seed of [2, 3, 4, 5, 6]) {
    const { lines, truth } = await runner.run(tool, { argv: [], seed });
    assert.equal(lines.slice(2), histogram(truth.runQueueWaits, "usecs"), `seed ${seed}`);
    assert.ok(Math.max(...truth.runQueueWaits.map(endOf)) < 4_990_000_000, `seed ${seed}`);
  }
});

test("what makes no sense is refused", async () => {
  for (const [argv, pattern] of [
    [["0"], /at least 1/],
    [["1", "x"], /whole number/],
    [["-p", "nginx"], /whole number/],
    [["1", "2", "3"], /unexpected argument/],
    [["--nope"], /nope/],
  ] as const) {
    let message = "nothing was thrown";
    await runner.run(tool, { argv }).catch((error: Error) => {
      message = error.message;
    });
    assert.match(message, pattern);
  }
});

for (const argv of [[], ["-P"], ["--pidnss"]]) {
  test(`native clang's object and the interpreter give the same: ${argv.join(" ") || "no options"}`, async () => {
    const ours = await runner.run(tool, { argv });
    assert.equal((await runner.run(tool, { argv, engine: "interpreter" })).lines, ours.lines);
    if (clang === undefined) return;
    assert.equal((await runner.run(tool, { argv, nativeClang: clang })).lines, ours.lines);
  });
}

test.run();
