/** Tests of the BPF class and its tables on the simulated kernel, with a natively built object and counted events. */
import { UsageError } from "@bpfkit/base/diagnostics";
import type { BtfValue, RingReader } from "@bpfkit/loader";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compileNative } from "../../../test/support/compile-native.ts";
import { BPF } from "./bpf.ts";
import { genericTool } from "./generic/generic-tool.ts";
import { loadBundledProfile } from "./node/profile.ts";
import { simulatedKernel } from "./node/simulated.ts";
import type { Event } from "./table.ts";

const object = compileNative(new URL("testdata/tables.bpf.c", import.meta.url));
const never = new AbortController().signal;
const machine = (engine: "jit" | "interpreter" = "jit") =>
  simulatedKernel({ profile: loadBundledProfile(), scenario: "exec", engine });

const test = suite("BPF");
if (object !== undefined) {
  const open = async (engine: "jit" | "interpreter" = "jit") => {
    const kernel = machine(engine);
    const bpf = await BPF.open({ object, name: "tables.o", kernel });
    return { kernel, bpf, execs: kernel.groundTruth.execs };
  };

  for (const engine of ["jit", "interpreter"] as const) {
    test(`tables hold what happened, to the last count (${engine})`, async () => {
      const { bpf, execs } = await open(engine);
      assert.ok(execs.length > 10);
      const { ended } = await bpf.sleep(Number.POSITIVE_INFINITY);
      assert.is(ended, true);
      const wanted = new Map<number, bigint>();
      for (const { pid } of execs) wanted.set(pid, (wanted.get(pid) ?? 0n) + 1n);
      const byPid = bpf.table("by_pid");
      assert.equal(new Map(byPid.items() as [number, bigint][]), wanted);
      assert.is(byPid.length, wanted.size);
      assert.is(bpf.table("by_cpu").sum(0), BigInt(execs.length));
      assert.is((bpf.table("by_cpu").get(0) as BtfValue[]).length, 4);
      const slots = bpf.get("histogram").values().map(Number);
      const counts = new Array(64).fill(0);
      for (const { pid } of execs) counts[pid % 7] += 1;
      assert.equal(slots, counts);
      bpf.close();
    });
  }

  test("histograms are printed in BCC's columns, one for each group", async () => {
    const { bpf } = await open();
    await bpf.sleep(Number.POSITIVE_INFINITY);
    const lines: string[] = [];
    bpf.table("histogram").printLog2Hist((line) => lines.push(line), "pids");
    assert.is(lines[0], "     pids                : count     distribution");
    assert.match(lines[1] ?? "", /^ {9}0 -> 1 {10}: \d+ +\|\**/);
    lines.length = 0;
    bpf.table("grouped").printLog2Hist((line) => lines.push(line), "pids", {
      sectionHeader: "comm",
      compareSections: (a, b) => (String(a) < String(b) ? -1 : 1),
    });
    assert.equal(
      lines.filter((line) => line.startsWith("comm = ")),
      ["comm = bash", "comm = cron"],
    );
    assert.is(lines[0], "");
    lines.length = 0;
    bpf.table("histogram").printJsonHist((line) => lines.push(line), "pids");
    assert.match(lines[0] ?? "", /^\{'ts': '\d{4}-.*'val_type': 'pids', 'data': \[\{'interval-start': 0, /);
    bpf.close();
  });

  test("perf and ring buffers hand over every event, decoded", async () => {
    const { bpf, execs } = await open();
    const seen: string[] = [];
    const ringSeen: string[] = [];
    const [events, ring] = [bpf.table("events"), bpf.table("ring")];
    events.openPerfBuffer((_cpu, data) => {
      const { pid, comm } = events.event(data);
      seen.push(`${pid} ${comm}`);
    });
    ring.openRingBuffer((data) => ringSeen.push(`${ring.event(data)["pid"]} ${ring.event(data)["comm"]}`));
    for (let ended = false; !ended; ) ({ ended } = await bpf.poll());
    const wanted = execs.map(({ pid, comm }) => `${pid} ${comm}`);
    assert.equal(ringSeen, wanted);
    assert.equal(seen.sort(), wanted.sort());
    bpf.close();
  });

  test("events decoded in place are those of their bytes, and stay what they were", async () => {
    const { bpf, execs } = await open();
    const [events, ring] = [bpf.table("events"), bpf.table("ring")];
    const seen: Event[] = [];
    const ofBytes: Event[] = [];
    events.openEvents((event, cpu) => seen.push({ ...event, cpu }));
    ring.openEvents((event) => seen.push(event));
    const bytes: Uint8Array[] = [];
    const twin = await open();
    twin.bpf.table("events").openPerfBuffer((cpu, data) => ofBytes.push({ ...events.event(data), cpu }));
    twin.bpf.table("ring").openRingBuffer((data) => bytes.push(data));
    for (const one of [bpf, twin.bpf]) for (let ended = false; !ended; ) ({ ended } = await one.poll());
    assert.is(seen.length, 2 * execs.length);
    ofBytes.push(...bytes.map((data) => ring.event(data)));
    const text = (list: readonly Event[]): string[] => list.map((event) => JSON.stringify(event)).sort();
    assert.equal(text(seen), text(ofBytes));
    assert.throws(
      () => bpf.table("by_pid").openEvents(() => {}),
      /what events of by_pid look like|no buffer/,
    );
    bpf.close();
    twin.bpf.close();
  });

  test("a poll takes a part of what is there, so that others have their turn; the last takes everything", async () => {
    const { bpf } = await open();
    const asked: number[] = [];
    const endless = { fds: [], consume: (most: number) => asked.push(most), close() {} };
    bpf.addRingReader(endless as unknown as RingReader);
    await bpf.poll(0);
    assert.ok((asked[0] ?? 0) >= 1 && (asked[0] ?? 0) <= 10_000, `${asked}`);
    for (let ended = false; !ended; ) ({ ended } = await bpf.poll());
    assert.is(asked.at(-1), Number.POSITIVE_INFINITY);
    bpf.close();
  });

  test("a reader that is not woken is looked at again and again until the time is up", async () => {
    const { bpf, kernel } = await open();
    let looks = 0;
    const silent = {
      fds: [],
      mustLook: true,
      consume: () => {
        looks += 1;
        return looks === 7 ? 1 : 0;
      },
      close() {},
    };
    bpf.addRingReader(silent as unknown as RingReader);
    const start = kernel.monotonicNs();
    assert.is((await bpf.ringBufferPoll(50)).events, 0);
    assert.is(kernel.monotonicNs() - start, 50_000_000n);
    assert.is(looks, 5);
    assert.is((await bpf.ringBufferPoll(50)).events, 1, "an event ends it");
    assert.is(kernel.monotonicNs() - start, 70_000_000n);
    bpf.close();
  });

  test("while whoever prints is behind, events stay where they are", async () => {
    const kernel = machine();
    let catchUp: () => void = () => {};
    const asked: number[] = [];
    const beforeEvents = (timeoutMs: number): Promise<void> | undefined => {
      asked.push(timeoutMs);
      return asked.length > 1 ? undefined : new Promise((resolve) => (catchUp = resolve));
    };
    const bpf = await BPF.open({ object, name: "tables.o", kernel, beforeEvents });
    let count = 0;
    bpf.table("ring").openEvents(() => {
      count += 1;
    });
    const startNs = kernel.monotonicNs();
    const polled = bpf.ringBufferPoll(5000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal([asked, kernel.monotonicNs(), count], [[5000], startNs, 0]);
    catchUp();
    await polled;
    for (let ended = false; !ended; ) ({ ended } = await bpf.poll());
    assert.is(count, kernel.groundTruth.execs.length);
    bpf.close();
  });

  test("trace lines come as fields and as text", async () => {
    const { bpf, execs } = await open();
    const messages: string[] = [];
    const lines: string[] = [];
    for await (const fields of bpf.traceFields()) {
      messages.push(fields.message);
      assert.is(fields.message, `exec ${fields.pid}`);
      lines.push(fields.task);
    }
    assert.equal(
      messages,
      execs.map(({ pid }) => `exec ${pid}`),
    );
    assert.ok(lines.includes("bash"));
    bpf.close();
  });

  test("programs can be attached by hand, detached by closing the link", async () => {
    const { bpf, execs } = await open();
    assert.is(bpf.links.length, 1);
    const link = bpf.attachKprobe({ event: bpf.syscallFunction("execve"), program: "by_hand" });
    link.close();
    await bpf.sleep(Number.POSITIVE_INFINITY);
    const bss = bpf.collection.maps.get(".bss")?.lookupBytes(new Uint8Array(4)) ?? new Uint8Array();
    const calls = bpf.collection.spec.variables.get("calls");
    const value = new DataView(bss.buffer, bss.byteOffset).getBigUint64(calls?.offset ?? 0, true);
    assert.is(value, BigInt(execs.length));
    bpf.close();
  });

  test("stacks have names of kernel functions", async () => {
    const { bpf } = await open();
    await bpf.sleep(Number.POSITIVE_INFINITY);
    const bss = bpf.collection.maps.get(".bss")?.lookupBytes(new Uint8Array(4)) ?? new Uint8Array();
    const variable = bpf.collection.spec.variables.get("last_stack");
    const id = new DataView(bss.buffer, bss.byteOffset).getInt32(variable?.offset ?? 0, true);
    const frames = bpf
      .table("stacks")
      .walk(id)
      .map((address) => bpf.ksym(address));
    assert.is(frames[0], "__x64_sys_execve");
    assert.equal(bpf.table("stacks").walk(-14), []);
    bpf.close();
  });

  test("clearing empties hashes and zeroes arrays; set, delete and negative indexes work", async () => {
    const { bpf } = await open();
    await bpf.sleep(Number.POSITIVE_INFINITY);
    const [byPid, histogram] = [bpf.table("by_pid"), bpf.table("histogram")];
    byPid.clear();
    assert.is(byPid.length, 0);
    byPid.set(7, 9n);
    assert.is(byPid.get(7), 9n);
    byPid.zero();
    assert.equal(byPid.items(), [[7, 0n]]);
    assert.is(byPid.delete(7), true);
    assert.is(byPid.delete(7), false);
    assert.is(byPid.get(7), undefined);
    histogram.set(-1, 5n);
    assert.is(histogram.get(63), 5n);
    assert.throws(
      () => histogram.get(64),
      (error: unknown) => error instanceof UsageError,
    );
    histogram.clear();
    assert.ok(histogram.values().every((value) => value === 0n));
    bpf.table("by_cpu").clear();
    assert.is(bpf.table("by_cpu").sum(0), 0n);
    bpf.close();
  });

  test("wrong names are usage errors that list the right ones", async () => {
    const { bpf } = await open();
    assert.throws(
      () => bpf.table("by_pud"),
      (error: unknown) => error instanceof UsageError && /by_pid/.test(error.hint ?? ""),
    );
    assert.throws(
      () => bpf.attachKprobe({ event: "x", program: "nope" }),
      (error: unknown) => error instanceof UsageError && /on_execve, by_hand/.test(error.hint ?? ""),
    );
    assert.throws(
      () => bpf.attachKprobe({ event: "no_such_function", program: "by_hand" }),
      /no_such_function/,
    );
    assert.is(bpf.hasKprobeFunction("__x64_sys_execve"), true);
    assert.is(bpf.hasKprobeFunction("__x64_sys_exec"), false);
    bpf.close();
  });

  test("the generic front end prints events, trace lines and every map", async () => {
    const kernel = machine();
    const lines: string[] = [];
    const host = {
      write: (line: string) => lines.push(line),
      kernel,
      signal: never,
      open: () => assert.unreachable(),
    };
    const tool = genericTool({ name: "tables.o", object });
    assert.is(await tool.run([], host as never), 0);
    const { execs } = kernel.groundTruth;
    const first = execs[0];
    assert.ok(lines.includes(`events: pid=${first?.pid} comm=${first?.comm}`), lines.slice(0, 5).join("\n"));
    assert.is(lines.filter((line) => line.startsWith("ring: pid=")).length, execs.length);
    assert.is(lines.filter((line) => /bpf_trace_printk: exec \d+$/.test(line)).length, execs.length);
    const pids = new Set(execs.map(({ pid }) => pid));
    assert.ok(lines.includes(`map by_pid (hash, ${pids.size} entries)`));
    assert.ok(lines.includes("     histogram           : count     distribution"));
    assert.ok(lines.includes("comm = bash"));
    assert.ok(lines.includes(`variable calls = ${execs.length}`));
    assert.ok(lines.some((line) => line.trim() === "__x64_sys_execve"));
  });

  test("the generic front end's JSON is one object a line", async () => {
    const lines: string[] = [];
    const host = { write: (line: string) => lines.push(line), kernel: machine(), signal: never };
    await genericTool({ name: "tables.o", object }).run(["--json", "--duration", "1000"], host as never);
    const objects = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.ok(objects.some((each) => each["map"] === "by_pid" && Array.isArray(each["entries"])));
    assert.ok(objects.some((each) => each["map"] === "events" && typeof each["cpu"] === "number"));
    assert.ok(objects.some((each) => typeof each["trace"] === "string"));
  });

  test("the generic front end refuses words that it does not know", async () => {
    const host = { write: () => {}, kernel: machine(), signal: never };
    for (const words of [["-x"], ["--duration", "soon"], ["1"]]) {
      try {
        await genericTool({ name: "tables.o", object }).run(words, host as never);
        assert.unreachable();
      } catch (error) {
        assert.ok(error instanceof UsageError, String(error));
      }
    }
  });
}

test.run();
