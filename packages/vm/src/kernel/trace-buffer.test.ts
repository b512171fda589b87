/** Lines of trace_pipe, compared with lines that Debian's 6.1.192 printed. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TraceBuffer, traceLine } from "./trace-buffer.ts";

test("lines look as the kernel's", () => {
  const cases: [line: string, parts: Parameters<typeof traceLine>][] = [
    [
      "           probe-91      [001] ...21     2.102448: bpf_trace_printk: k\n",
      [{ comm: "probe", pid: 91, cpu: 1, timeNs: 2_102_448_999, flags: "...21" }, "k"],
    ],
    [
      " rcu_tasks_trace-13      [000] d..41     2.312323: bpf_trace_printk: s\n",
      [{ comm: "rcu_tasks_trace", pid: 13, cpu: 0, timeNs: 2_312_323_000, flags: "d..41" }, "s"],
    ],
    [
      "          <idle>-0       [000] d..4.     2.312247: bpf_trace_printk: S\n",
      [{ comm: "<idle>", pid: 0, cpu: 0, timeNs: 2_312_247_500, flags: "d..4." }, "S"],
    ],
    [
      "            bash-4194304 [063] ...21 123456.000001: bpf_trace_printk: Hello, World!\n\n",
      [
        { comm: "bash", pid: 4194304, cpu: 63, timeNs: 123_456_000_001_000, flags: "...21" },
        "Hello, World!\n",
      ],
    ],
  ];
  for (const [line, parts] of cases) assert.is(traceLine(...parts), line);
});

test("lines wait for a reader; the oldest of too many are lost and counted", () => {
  const buffer = new TraceBuffer();
  assert.not(buffer.hasLines);
  assert.is(buffer.take(), "");
  for (let line = 0; line < 65_536 + 3; line++) buffer.add(`${line}\n`);
  assert.ok(buffer.hasLines);
  const lines = buffer.take().split("\n");
  assert.is(lines[0], "CPU:0 [LOST 3 EVENTS]");
  assert.is(lines[1], "3");
  assert.is(lines.at(-2), "65538");
  assert.not(buffer.hasLines);
  for (let line = 0; line < 3 * 65_536 + 5; line++) buffer.add(`${line}\n`);
  const kept = buffer.take().split("\n").slice(0, -1);
  assert.is(kept.length, 65_537);
  assert.equal(
    kept.slice(1).map(Number),
    Array.from({ length: 65_536 }, (_, index) => 2 * 65_536 + 5 + index),
  );
});

test.run();
