/** syscount against the system-calls workload's ground truth, to the last call and nanosecond. */
import { toolByName } from "@bpfkit/tools";
import type { PlainSystemCall } from "@bpfkit/vm/kernel";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";
import { ToolRunner } from "../support/tool-run.ts";

const tool = toolByName("syscount");
if (tool === undefined) throw new Error("syscount is not registered");
const runner = new ToolRunner();
const clang = requireTool("clang-19");
const test = suite("syscount");
test.after(() => runner.close());

interface Total {
  readonly name: string;
  readonly count: number;
  readonly ns: number;
}

/** Totals by a key of the call, largest first. */
function totals(
  calls: readonly PlainSystemCall[],
  key: (call: PlainSystemCall) => string,
  by: "count" | "ns",
): Total[] {
  const sums = new Map<string, { count: number; ns: number }>();
  for (const call of calls) {
    const sum = sums.get(key(call)) ?? { count: 0, ns: 0 };
    sums.set(key(call), { count: sum.count + 1, ns: sum.ns + call.durationNs });
  }
  return [...sums].map(([name, sum]) => ({ name, ...sum })).sort((a, b) => b[by] - a[by]);
}

const byCall = ({ call }: PlainSystemCall) => call;
const byProcess = (call: PlainSystemCall) => {
  const ended = call.comm === "find";
  return `${String(call.pid).padEnd(6)} ${(ended ? "[unknown]" : call.comm).padEnd(15)}`;
};

const countLine = ({ name, count }: Total) => `${name.padEnd(22)} ${String(count).padStart(8)}`;
const latencyLine = (total: Total, milliseconds = false) => {
  const time = milliseconds ? (total.ns / 1e6).toFixed(6) : (total.ns / 1e3).toFixed(3);
  return `${countLine(total)} ${time.padStart(16)}`;
};

const clock = /^\[\d\d:\d\d:\d\d\]$/;

/** The rows of every table that was printed. */
function tables(lines: readonly string[]): string[][] {
  const found: string[][] = [];
  lines.forEach((line, index) => {
    if (!clock.test(line)) return;
    const end = lines.indexOf("", index);
    found.push(lines.slice(index + 2, end));
  });
  return found;
}

test("counts system calls, the ten most frequent ones", async () => {
  const { lines, truth, status } = await runner.run(tool, { argv: [] });
  assert.is(status, 0);
  const expected = totals(truth.systemCalls, byCall, "count");
  assert.ok(expected.length > 10);
  assert.is(lines[0], "Tracing syscalls, printing top 10... Ctrl+C to quit.");
  assert.match(lines[1] ?? "", clock);
  assert.is(lines[2], `${"SYSCALL".padEnd(22)} ${"COUNT".padStart(8)}`);
  assert.equal(lines.slice(3, 13), expected.slice(0, 10).map(countLine));
  assert.equal(lines.slice(13), ["", "Detaching..."]);
});

test("-L adds the time of calls, to the nanosecond; -m in milliseconds; -T how many", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-L", "-T", "99"] });
  const expected = totals(truth.systemCalls, byCall, "ns");
  assert.is(lines[2], `${"SYSCALL".padEnd(22)} ${"COUNT".padStart(8)} ${"TIME (us)".padStart(16)}`);
  assert.equal(tables(lines), [expected.map((total) => latencyLine(total))]);
  const short = await runner.run(tool, { argv: ["-mL", "-T", "3"] });
  assert.is(short.lines[2], `${"SYSCALL".padEnd(22)} ${"COUNT".padStart(8)} ${"TIME (ms)".padStart(16)}`);
  assert.equal(tables(short.lines), [expected.slice(0, 3).map((total) => latencyLine(total, true))]);
});

test("-P counts by process; one that has ended has no name", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-P"] });
  const expected = totals(truth.systemCalls, byProcess, "count");
  assert.is(expected.length, 5);
  assert.is(lines[2], `${"PID    COMM".padEnd(22)} ${"COUNT".padStart(8)}`);
  assert.equal(tables(lines), [expected.map(countLine)]);
  const timed = await runner.run(tool, { argv: ["-PL"] });
  assert.equal(tables(timed.lines), [
    totals(truth.systemCalls, byProcess, "ns").map((total) => latencyLine(total)),
  ]);
});

const filters: readonly (readonly [
  readonly string[],
  (call: PlainSystemCall, one: PlainSystemCall) => boolean,
])[] = [
  [["-x"], ({ ret }) => ret < 0],
  [["-e", "ENOENT"], ({ ret }) => ret === -2],
  [["-e", "110"], ({ ret }) => ret === -110],
  [["--syscall", "read"], ({ call }) => call === "read"],
  [["-p", "PID"], ({ pid }, one) => pid === one.pid],
  [["-t", "PID"], ({ pid }, one) => pid === one.pid],
  [["-c", "PPID"], ({ ppid }, one) => ppid === one.ppid],
  [["-x", "-L", "-p", "PID"], ({ pid, ret }, one) => pid === one.pid && ret < 0],
];
for (const [argv, matches] of filters) {
  test(`${argv.join(" ")} filters`, async () => {
    const { truth } = await runner.run(tool, { argv: ["-l"] });
    const one = truth.systemCalls.find(({ comm, ret }) => comm === "python3" && ret < 0) as PlainSystemCall;
    const words = argv.map((word) =>
      word === "PID" ? String(one.pid) : word === "PPID" ? String(one.ppid) : word,
    );
    const { lines } = await runner.run(tool, { argv: words });
    const wanted = truth.systemCalls.filter((call) => matches(call, one));
    assert.ok(wanted.length > 10 && wanted.length < truth.systemCalls.length);
    const timed = argv.includes("-L");
    const expected = totals(wanted, byCall, timed ? "ns" : "count");
    assert.equal(tables(lines), [expected.map((total) => (timed ? latencyLine(total) : countLine(total)))]);
  });
}

test("the first line says what is traced", async () => {
  const { lines } = await runner.run(tool, { argv: ["-x", "--syscall", "kill"] });
  assert.is(lines[0], "Tracing failed syscall 'kill'... Ctrl+C to quit.");
  assert.equal(tables(lines), [[countLine({ name: "kill", count: 28, ns: 0 })]]);
});

test("-i prints again and again, -d ends it", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-i", "1", "-d", "3", "-T", "99"] });
  const printed = tables(lines);
  assert.is(printed.length, 3);
  printed.forEach((rows, second) => {
    const returned = truth.systemCalls.filter(({ timeNs, durationNs }) => {
      const endNs = timeNs + durationNs;
      return endNs >= second * 1e9 && endNs < (second + 1) * 1e9;
    });
    assert.equal(rows.slice().sort(), totals(returned, byCall, "count").map(countLine).sort());
  });
  assert.is(lines.at(-1), "Detaching...");
  const once = await runner.run(tool, { argv: ["-d", "2"] });
  assert.is(tables(once.lines).length, 1);
});

test("-l lists every system call, four to a line", async () => {
  const { lines } = await runner.run(tool, { argv: ["-l"] });
  const names = lines.flatMap((line) => line.trim().split(/\s+/));
  assert.ok(names.length > 350);
  assert.equal(names, names.toSorted());
  assert.is(new Set(names).size, names.length);
  assert.ok(["read", "openat2", "clone3", "futex"].every((name) => names.includes(name)));
  assert.match(lines[0] ?? "", /^_sysctl {18}accept {19}accept4 {18}access$/);
});

test("what makes no sense is refused before anything is loaded", async () => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["-e", "EWHAT"], /no error number/],
    [["-e", "1.5"], /no error number/],
    [["--syscall", "reed"], /no system call 'reed'/],
    [["-p", "x"], /whole number/],
    [["-i", "0"], /at least 1/],
    [["-d", "-3"], /'-d' needs a value/],
    [["extra"], /unexpected argument/],
  ];
  for (const [argv, pattern] of wrong) {
    let error: unknown;
    await runner.run(tool, { argv }).catch((thrown: unknown) => {
      error = thrown;
    });
    assert.match(error instanceof Error ? error.message : "nothing was thrown", pattern);
  }
});

for (const argv of [[], ["-L", "-P"], ["-x", "-c", "1893"]]) {
  test(`native clang's object and the interpreter give the same: ${argv.join(" ") || "no options"}`, async () => {
    const ours = await runner.run(tool, { argv, seed: 3 });
    assert.equal((await runner.run(tool, { argv, seed: 3, engine: "interpreter" })).lines, ours.lines);
    if (clang === undefined) return;
    assert.equal((await runner.run(tool, { argv, seed: 3, nativeClang: clang })).lines, ours.lines);
  });
}

test.run();
