/** profile against the cpu-profile workload's ground truth: every sample, with the names on its stack. */
import { toolByName } from "@bpfkit/tools";
import type { CpuPhase } from "@bpfkit/vm/kernel";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";
import { ToolRunner } from "../support/tool-run.ts";

const tool = toolByName("profile");
if (tool === undefined) throw new Error("profile is not registered");
const runner = new ToolRunner();
const clang = requireTool("clang-19");
const test = suite("profile");
test.after(() => runner.close());

const DurationNs = 5_000_000_000;

interface Expectation {
  readonly hertz?: number;
  readonly periodNs?: number;
  readonly untilNs?: number;
  readonly matches?: (phase: CpuPhase) => boolean;
}

/** Samples by their folded stacks: a tick of the clock on each CPU, counted in the phase that it falls into. */
function folded(
  phases: readonly CpuPhase[],
  expectation: Expectation,
  name: (phase: CpuPhase) => string,
): Map<string, number> {
  const { hertz = 49, untilNs = DurationNs, matches = () => true } = expectation;
  const periodNs = expectation.periodNs ?? Math.round(1e9 / hertz);
  const counts = new Map<string, number>();
  for (let tickNs = periodNs; tickNs <= untilNs; tickNs += periodNs) {
    for (const phase of phases) {
      assert.ok(phase.timeNs !== tickNs && phase.endNs !== tickNs, "a tick between two phases is in neither");
      if (phase.timeNs > tickNs || phase.endNs < tickNs || !matches(phase)) continue;
      counts.set(name(phase), (counts.get(name(phase)) ?? 0) + 1);
    }
  }
  return counts;
}

const whole = ({ comm, user, kernel }: CpuPhase) => [comm, ...user, ...kernel].join(";");

/** Lines of -f as stacks and counts. */
function counts(lines: readonly string[]): Map<string, number> {
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

const sorted = (map: ReadonlyMap<string, number>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

test("-f counts every sample under its functions", async () => {
  const { lines, truth, status, warnings } = await runner.run(tool, { argv: ["-f"] });
  assert.is(status, 0);
  assert.equal(warnings, []);
  const expected = folded(truth.cpuPhases, {}, whole);
  assert.ok(expected.size >= 9);
  assert.equal(sorted(counts(lines)), sorted(expected));
  const numbers = [...counts(lines).values()];
  assert.equal(
    numbers,
    numbers.toSorted((a, b) => a - b),
    "the rarest first",
  );
});

const variants: readonly (readonly [readonly string[], Expectation, (phase: CpuPhase) => string])[] = [
  [["-F", "997"], { hertz: 997 }, whole],
  [["-c", "3000000"], { periodNs: 3_000_000 }, whole],
  [["-F", "499", "2"], { hertz: 499, untilNs: 2_000_000_000 }, whole],
  [["-F", "499", "-C", "2"], { hertz: 499, matches: ({ cpu }) => cpu === 2 }, whole],
  [["-F", "499", "-U"], { hertz: 499 }, ({ comm, user }) => [comm, ...user].join(";")],
  [["-F", "499", "-K"], { hertz: 499 }, ({ comm, kernel }) => [comm, ...kernel].join(";")],
  [
    ["-F", "499", "-a", "-d"],
    { hertz: 499 },
    ({ comm, user, kernel }) => {
      const marked = kernel.map((name) => `${name}_[k]`);
      const divider = user.length > 0 && kernel.length > 0 ? ["-"] : [];
      return [comm, ...user, ...divider, ...marked].join(";");
    },
  ],
];
for (const [argv, expectation, name] of variants) {
  test(`-f ${argv.join(" ")}`, async () => {
    const { lines, truth } = await runner.run(tool, { argv: ["-f", ...argv] });
    const expected = folded(truth.cpuPhases, expectation, name);
    assert.ok(expected.size > 2);
    assert.equal(sorted(counts(lines)), sorted(expected));
  });
}

for (const option of ["-p", "-L"]) {
  test(`${option} samples some tasks only`, async () => {
    const { truth } = await runner.run(tool, { argv: ["-f", "1"] });
    const pidOf = (comm: string) => truth.cpuPhases.find((phase) => phase.comm === comm)?.pid;
    const argv = ["-f", "-F", "499", option, `${pidOf("search")},${pidOf("kcompactd0")},1`];
    const { lines } = await runner.run(tool, { argv });
    const matches = ({ comm }: CpuPhase) => comm !== "encode";
    assert.equal(sorted(counts(lines)), sorted(folded(truth.cpuPhases, { hertz: 499, matches }, whole)));
  });
}

test("-I counts idle CPUs too: with them every tick of every CPU is there", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-f", "-I"] });
  const all = counts(lines);
  const total = [...all.values()].reduce((sum, count) => sum + count, 0);
  assert.is(total, 4 * Math.floor(DurationNs / Math.round(1e9 / 49)));
  const idle = "secondary_startup_64_no_verify;start_secondary;cpu_startup_entry;do_idle";
  assert.ok((all.get(`swapper/0;${idle}`) ?? 0) > 200, lines.join("\n"));
  const busy = folded(truth.cpuPhases, {}, whole);
  assert.equal(sorted(new Map([...all].filter(([name]) => !name.startsWith("swapper/")))), sorted(busy));
});

test("without -f a stack has a line for each function, innermost first", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-d"] });
  assert.is(lines[0], "Sampling at 49 Hertz of all threads by user + kernel stack... Hit Ctrl-C to end.");
  const text = lines.slice(1).join("\n");
  const blocks = new Map(
    text
      .trim()
      .split(/\n\n+/)
      .map((block) => {
        const at = block.lastIndexOf("\n");
        return [block.slice(0, at).replace(/^ +/gm, ""), Number(block.slice(at))];
      }),
  );
  const expected = folded(truth.cpuPhases, {}, ({ comm, pid, user, kernel }) => {
    const divider = user.length > 0 && kernel.length > 0 ? ["--"] : [];
    return [
      ...kernel.toReversed(),
      ...divider,
      ...user.toReversed(),
      `${"-".padEnd(16)} ${comm} (${pid})`,
    ].join("\n");
  });
  assert.equal(sorted(blocks), sorted(expected));
  assert.match(text, /^ {4}dct$/m);
  assert.match(text, /^ {8}\d+$/m);
});

test("the first line says what is sampled", async () => {
  for (const [argv, line] of [
    [["-F", "99", "-p", "7,8", "1"], "Sampling at 99 Hertz of PID [7, 8] by user + kernel stack for 1 secs."],
    [
      ["-c", "20000000", "-U", "-C", "1"],
      "Sampling at every 20000000 events of all threads by user stack on CPU#1... Hit Ctrl-C to end.",
    ],
    [["-L", "9", "-K"], "Sampling at 49 Hertz of TID [9] by kernel stack... Hit Ctrl-C to end."],
  ] as const) {
    assert.is((await runner.run(tool, { argv })).lines[0], line);
  }
});

test("stacks for which there is no room are told of", async () => {
  const { lines, warnings } = await runner.run(tool, { argv: ["-f", "--stack-storage-size", "2"] });
  assert.ok(lines.length <= 2);
  const text = warnings.join("\n");
  assert.match(
    text,
    /^WARNING: \d+ samples could not be counted\. Consider increasing --stack-storage-size\.$/m,
  );
  assert.match(lines.join("\n") + text, /Missed|could not be counted/);
});

test("--flamegraph writes a picture with the counts of the folded output", async () => {
  for (const [path, start] of [
    ["cpu.svg", "<?xml"],
    ["cpu.html", "<!DOCTYPE html>"],
  ] as const) {
    const { files, truth } = await runner.run(tool, { argv: ["-f", "--flamegraph", path] });
    const graph = files.get(path) ?? "";
    assert.ok(graph.startsWith(start));
    const expected = folded(truth.cpuPhases, {}, whole);
    const total = [...expected.values()].reduce((sum, count) => sum + count, 0);
    assert.match(graph, `<title>all (${total} samples, 100.0%)</title>`);
    const dct = [...expected]
      .filter(([name]) => name.endsWith(";dct"))
      .reduce((sum, [, count]) => sum + count, 0);
    assert.match(graph, `<title>dct (${dct} samples, `);
    assert.match(graph, 'data-name="hash&lt;char const*&gt;"');
    assert.match(graph, 'data-name="compare &amp; copy"');
  }
});

test("what makes no sense is refused before anything is loaded", async () => {
  for (const [argv, pattern] of [
    [["-p", "1", "-L", "2"], /-p and -L cannot/],
    [["-U", "-K"], /-U and -K cannot/],
    [["-F", "9", "-c", "9"], /-F and -c cannot/],
    [["-p", "1,x"], /numbers separated by commas/],
    [["-F", "0"], /at least 1/],
    [["-C", "64"], /no CPU 64/],
    [["--stack-storage-size", "0"], /at least 1/],
    [["0"], /at least 1/],
    [["--flamegraph", "cpu.png"], /\.svg or \.html/],
    [["--cgroupmap", "x"], /whole path/],
  ] as const) {
    let message = "nothing was thrown";
    await runner.run(tool, { argv }).catch((error: Error) => {
      message = error.message;
    });
    assert.match(message, pattern, argv.join(" "));
  }
});

test("every seed keeps its word", async () => {
  for (const seed of [2, 3, 4]) {
    const { lines, truth } = await runner.run(tool, { argv: ["-f", "-F", "499"], seed });
    assert.equal(
      sorted(counts(lines)),
      sorted(folded(truth.cpuPhases, { hertz: 499 }, whole)),
      `seed ${seed}`,
    );
  }
});

for (const argv of [["-f"], ["-f", "-K", "-I"]]) {
  test(`native clang's object and the interpreter give the same: ${argv.join(" ")}`, async () => {
    const ours = await runner.run(tool, { argv });
    const interpreted = await runner.run(tool, { argv, engine: "interpreter" });
    assert.equal(sorted(counts(interpreted.lines)), sorted(counts(ours.lines)));
    if (clang === undefined) return;
    const native = await runner.run(tool, { argv, nativeClang: clang });
    assert.equal(sorted(counts(native.lines)), sorted(counts(ours.lines)));
  });
}

test.run();
