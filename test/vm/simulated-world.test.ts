/** What only a simulation can promise: time that stands still, repeatable worlds, scenarios that keep their word. */
import { Errno, ProgramType } from "@bpfkit/base/abi";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { SimulatedKernel, scenarioByName, scenarios } from "@bpfkit/vm/kernel";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { boot, profile, runToEnd, startNs } from "./boot.ts";
import { attach, counter, counters, countText, kprobe, load, outputText, perfBuffers } from "./programs.ts";

const only = suite("simulated kernel");

only("time passes only while someone waits, and stops at the end", async () => {
  const kernel = boot("mixed", "interpreter");
  const wall = kernel.wallClockMs();
  assert.equal(await kernel.wait([], 1500.5), { ready: [], ended: false });
  assert.is(kernel.monotonicNs() - startNs, 1_500_500_000n);
  assert.is(kernel.wallClockMs() - wall, 1500.5);
  assert.equal(await kernel.wait([], 0), { ready: [], ended: false });
  assert.equal(await kernel.wait([], 10_000), { ready: [], ended: true });
  assert.is(kernel.monotonicNs() - startNs, 5_000_000_000n, "a sleep is cut short by the end");
  assert.equal(await kernel.wait([], Number.POSITIVE_INFINITY), { ready: [], ended: true });
  assert.equal(await kernel.wait([], 250), { ready: [], ended: true });
  assert.is(kernel.monotonicNs() - startNs, 5_250_000_000n);
  const aborted = AbortSignal.abort();
  const fresh = boot("mixed", "interpreter");
  assert.equal(await fresh.wait([], 1000, aborted), { ready: [], ended: false });
  assert.is(fresh.monotonicNs(), startNs);
});

only("the same seed gives the same world; another one another", async () => {
  const record = async (seed: number, engine: "interpreter" | "jit") => {
    const kernel = boot("mixed", engine, seed);
    const pipe = kernel.openTracePipe();
    const hello = `
      *(u32 *)(r10 -4) = 0x78
      r1 = r10
      r1 += -4
      r2 = 4
      call bpf_trace_printk
      r0 = 0
      exit`;
    for (const name of ["submit_bio", "do_sys_openat2", "finish_task_switch.isra.0"]) {
      attach(kernel, kprobe(name), load(kernel, hello));
    }
    await kernel.wait([], Number.POSITIVE_INFINITY);
    return { output: pipe.read(), truth: JSON.stringify(kernel.groundTruth) };
  };
  const [first, again, other] = [
    await record(5, "interpreter"),
    await record(5, "jit"),
    await record(6, "jit"),
  ];
  assert.is(first.output, again.output);
  assert.is(first.truth, again.truth);
  assert.is.not(first.truth, other.truth);
  assert.ok(first.output.split("\n").length > 12_000);
});

only("scenarios fit their time for every seed, with the counts they promise", () => {
  for (let seed = 0; seed < 50; seed++) {
    const plan = scenarioByName("mixed")?.plan(seed);
    assert.ok(plan);
    const { blockIo, execs, opens, transfers, exits } = plan.groundTruth;
    const ends = [
      ...blockIo.map((io) => io.timeNs + io.queuedNs + io.serviceNs),
      ...transfers.map(({ timeNs, durationNs }) => timeNs + durationNs),
      ...[...execs, ...opens, ...exits].map(({ timeNs }) => timeNs),
    ];
    assert.ok(Math.max(...ends) < plan.durationNs - 10_000_000, `seed ${seed}`);
    assert.ok(blockIo.every((io, index) => index === 0 || io.timeNs >= blockIo[index - 1]!.timeNs));
    assert.is(blockIo.length, 1604);
    assert.is(opens.length, 955);
    const ids = new Set(exits.map(({ pid }) => pid));
    assert.is(ids.size, exits.length, "no process id is used twice");
  }
});

only("the same seed gives the same plan in every scenario, and everything is over in time", () => {
  for (const scenario of scenarios) {
    for (let seed = 0; seed < 12; seed++) {
      const plan = scenario.plan(seed);
      assert.is(JSON.stringify(plan.groundTruth), JSON.stringify(scenario.plan(seed).groundTruth));
      const { systemCalls, runQueueWaits, tcpSessions, cpuPhases } = plan.groundTruth;
      const ends = [
        ...systemCalls.map(({ timeNs, durationNs }) => timeNs + durationNs),
        ...runQueueWaits.map(({ timeNs, waitNs }) => timeNs + waitNs),
        ...tcpSessions.map(({ timeNs }) => timeNs),
        ...cpuPhases.map(({ endNs }) => endNs),
      ];
      assert.ok(Math.max(0, ...ends) < plan.durationNs - 5_000_000, `${scenario.name}, seed ${seed}`);
      for (const list of Object.values(plan.groundTruth)) {
        for (let index = 1; index < list.length; index++) {
          assert.ok(list[index].timeNs >= list[index - 1].timeNs, scenario.name);
        }
      }
    }
    assert.is.not(
      JSON.stringify(scenario.plan(1).groundTruth),
      JSON.stringify(scenario.plan(2).groundTruth),
      scenario.name,
    );
  }
});

only("one CPU or sixty-four: the same counts, and every call at its time", async () => {
  for (const cpus of [1, 2, 64]) {
    const kernel = boot("mixed", "interpreter", 1, cpus);
    const map = counters(kernel, 2);
    attach(kernel, kprobe("submit_bio"), load(kernel, countText(map, 0)));
    attach(kernel, kprobe("__x64_sys_execve"), load(kernel, countText(map, 1)));
    const buffers = perfBuffers(kernel, 64);
    const time = `r6 = r1\ncall bpf_ktime_get_ns\n*(u64 *)(r10 -8) = r0\n${outputText(buffers.map, -8, 8)}`;
    attach(kernel, kprobe("do_sys_openat2"), load(kernel, time));
    const times: number[] = [];
    await runToEnd(kernel, buffers.fds, () => {
      for (const bytes of buffers.drain().samples) {
        times.push(Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true) - startNs));
      }
    });
    const { blockIo, execs, opens } = kernel.groundTruth;
    assert.equal(
      [counter(kernel, map, 0), counter(kernel, map, 1)],
      [blockIo.length, execs.length],
      `${cpus} CPUs`,
    );
    assert.equal(
      times,
      opens.map(({ timeNs }) => timeNs),
    );
    assert.is(kernel.onlineCpus.length, cpus);
  }
  for (const cpus of [0, 65, 1.5]) assert.throws(() => boot("mixed", "jit", 1, cpus), /VM042|1 to 64 CPUs/);
});

only("starting a kernel is quick", () => {
  const scenario = scenarioByName("mixed");
  assert.ok(scenario);
  const times = Array.from({ length: 5 }, () => {
    const before = performance.now();
    const kernel = new SimulatedKernel({ profile, scenario, engine: "jit" });
    const time = performance.now() - before;
    kernel.shutdown();
    return time;
  });
  assert.ok(Math.min(...times) < 60, `${times.map((time) => time.toFixed(1)).join(" ")} ms`);
});

only("what is not simulated is refused by name", () => {
  const kernel = boot("mixed", "jit");
  const refused: [what: RegExp, call: () => unknown][] = [
    [/uprobes/, () => kernel.perfEventOpen({ kind: "uprobe", path: "/bin/bash", offset: 16 }, -1, 0)],
    [
      /inside a function/,
      () => kernel.perfEventOpen({ kind: "kprobe", function: "submit_bio", offset: 8 }, -1, 0),
    ],
    [/software perf event 2/, () => kernel.perfEventOpen({ kind: "software", config: 2 }, -1, 0)],
    [/LSM/, () => load(kernel, "r0 = 0\nexit", { type: ProgramType.Lsm, attachBtfId: 1 })],
    [
      /packet programs/,
      () => kernel.programTestRun(load(kernel, "r0 = 0\nexit", { type: ProgramType.Xdp }), {}),
    ],
  ];
  for (const [what, call] of refused) {
    assert.throws(
      call,
      (error: unknown) => error instanceof BpfkitError && error.code === "NS001" && what.test(error.message),
      String(what),
    );
  }
  assert.throws(
    () => kernel.perfEventOpen({ kind: "hardware", config: 0 }, -1, 0),
    (error: { errno?: number }) => error.errno === Errno.ENOENT,
  );
});

only.run();
