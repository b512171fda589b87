/**
 * What any Kernel must do, simulated or real: error numbers, names, descriptors. The numbers were taken from Debian's
 * 6.1.192 by the same calls in C.
 */
import { Errno, MapType, ProgramType } from "@bpfkit/base/abi";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import { VerifierRejection } from "@bpfkit/base/kernel";
import { BtfTable } from "@bpfkit/elf/btf";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  assertErrno,
  counters,
  countText,
  kprobe,
  load,
  perfBuffers,
  Tracing,
  tracepoint,
  word,
} from "./programs.ts";

const Nothing = "r0 = 0\nexit";
/** A function and a tracepoint that every kernel with kprobes has. */
const SomeFunction = "do_sys_openat2";
const SomeTracepoint = "sched/sched_process_exec";

/** Adds the suite for one kind of kernel. `make` gives a fresh kernel, which the suite shuts down. */
export function kernelSuite(name: string, make: () => Kernel): void {
  const test = suite<{ kernel: Kernel }>(`${name}: any kernel`);
  test.before.each((context) => {
    context.kernel = make();
  });
  test.after.each(({ kernel }) => kernel.shutdown());

  test("names of maps and programs", ({ kernel }) => {
    const create = (mapName: string) =>
      kernel.mapCreate({
        type: MapType.Array,
        keySize: 4,
        valueSize: 4,
        maxEntries: 1,
        flags: 0,
        name: mapName,
      });
    for (const good of ["", "a", "Some.name_15char"]) {
      if (good.length <= 15) create(good);
      else assertErrno(Errno.EINVAL, () => create(good), good);
    }
    for (const bad of ["with space", "dash-ed", "sixteen_letters_", "ümlaut"]) {
      assertErrno(Errno.EINVAL, () => create(bad), bad);
      assertErrno(Errno.EINVAL, () => load(kernel, Nothing, { name: bad }), bad);
    }
  });

  test("maps: creation, keys and values", ({ kernel }) => {
    const map = counters(kernel, 2);
    assert.equal(
      { ...kernel.mapInfo(map), id: 0 },
      {
        ...{
          id: 0,
          type: MapType.Array,
          keySize: 4,
          valueSize: 8,
          maxEntries: 2,
          flags: 0,
          name: "counters",
        },
        ...{ btfId: 0, btfKeyTypeId: 0, btfValueTypeId: 0, mapExtra: 0n, ifindex: 0 },
      },
    );
    kernel.mapUpdate(map, word(1), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 0);
    assert.equal(kernel.mapLookup(map, word(1)), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    assert.is(kernel.mapLookup(map, word(2)), undefined);
    assertErrno(Errno.E2BIG, () => kernel.mapUpdate(map, word(2), new Uint8Array(8), 0));
    assertErrno(Errno.EINVAL, () => kernel.mapUpdate(map, word(0), new Uint8Array(7), 0));
    assertErrno(Errno.EINVAL, () => kernel.mapLookup(map, new Uint8Array(3)));
    assertErrno(Errno.EEXIST, () => kernel.mapUpdate(map, word(0), new Uint8Array(8), 1));
    assert.equal(kernel.mapNextKey(map, undefined), word(0));
    assert.is(kernel.mapNextKey(map, word(1)), undefined);
    const definition = { type: MapType.Array, keySize: 8, valueSize: 4, maxEntries: 1, flags: 0, name: "" };
    assertErrno(Errno.EINVAL, () => kernel.mapCreate(definition), "array keys have four bytes");
    assertErrno(Errno.EINVAL, () => kernel.mapCreate({ ...definition, keySize: 4, maxEntries: 0 }));
    assertErrno(Errno.EINVAL, () => kernel.mapCreate({ ...definition, type: 9999 }));
  });

  test("descriptors of the wrong kind, and closed ones", ({ kernel }) => {
    const map = counters(kernel);
    const program = load(kernel, Nothing);
    const nobody = 999 as Fd;
    assertErrno(Errno.EBADF, () => kernel.mapLookup(nobody, word(0)));
    assertErrno(Errno.EINVAL, () => kernel.mapLookup(program, word(0)));
    assertErrno(Errno.EINVAL, () => kernel.programTestRun(map, {}));
    assertErrno(Errno.EBADF, () => kernel.close(nobody));
    kernel.close(map);
    assertErrno(Errno.EBADF, () => kernel.mapLookup(map, word(0)));
    assertErrno(Errno.EBADF, () => kernel.close(map));
  });

  test("the lowest free descriptor is given out", ({ kernel }) => {
    const [first, second] = [counters(kernel), counters(kernel)];
    assert.is(second, first + 1);
    kernel.close(first);
    assert.is(counters(kernel), first);
  });

  test("a program keeps its maps after they are closed", ({ kernel }) => {
    const map = counters(kernel);
    const program = load(kernel, countText(map), { type: ProgramType.RawTracepoint });
    kernel.close(map);
    assert.is(kernel.programTestRun(program, { context: new Uint8Array(8), repeat: 3 }).returnValue, 0);
  });

  test("programs that are refused say why", ({ kernel }) => {
    assertErrno(Errno.E2BIG, () => load(kernel, ""), "no instructions");
    assertErrno(Errno.EINVAL, () => load(kernel, Nothing, { type: 12345 }));
    const refusal = assertErrno(Errno.EINVAL, () =>
      load(kernel, "call bpf_ktime_get_ns\ncall bpf_get_current_task\nexit", { license: "Proprietary" }),
    );
    assert.instance(refusal.cause, VerifierRejection);
    assert.match(
      (refusal.cause as VerifierRejection).message,
      "cannot call GPL-restricted function from non-GPL compatible program",
    );
    for (const license of ["GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL"]) {
      load(kernel, "call bpf_get_current_task\nr0 = 0\nexit", { license });
    }
    assertErrno(Errno.EINVAL, () => load(kernel, "r0 = 0\ngoto +7\nexit"), "jump out of range");
  });

  test("tracing programs name a function or raw tracepoint by BTF id", ({ kernel }) => {
    const btf = BtfTable.decode(kernel.readKernelFile("/sys/kernel/btf/vmlinux"));
    const attachBtfId = btf.find(SomeFunction, "func");
    assert.ok(attachBtfId);
    const program = load(kernel, Nothing, { ...Tracing.fentry, attachBtfId });
    kernel.rawTracepointOpen("", program);
    assertErrno(Errno.EINVAL, () => load(kernel, Nothing, Tracing.fentry), "no id");
    const struct = btf.find("task_struct", "struct");
    assert.ok(struct);
    assertErrno(Errno.EINVAL, () => load(kernel, Nothing, { ...Tracing.fentry, attachBtfId: struct }));
    assertErrno(Errno.EINVAL, () => load(kernel, Nothing, { ...Tracing.rawTracepoint, attachBtfId: struct }));
    const typedef = btf.find("btf_trace_sched_switch", "typedef");
    assert.ok(typedef);
    const raw = load(kernel, Nothing, { ...Tracing.rawTracepoint, attachBtfId: typedef });
    kernel.close(kernel.rawTracepointOpen("", raw));
  });

  test("perf_event_open refuses what it does not know", ({ kernel }) => {
    const output = { kind: "bpf-output", wakeupEvents: 1 } as const;
    assertErrno(Errno.ENOENT, () => kernel.perfEventOpen(kprobe("no_such_function"), -1, 0));
    assertErrno(Errno.EINVAL, () => kernel.perfEventOpen(kprobe("do_syscall_64"), -1, 0), "not traceable");
    assertErrno(Errno.EINVAL, () => kernel.perfEventOpen({ kind: "tracepoint", id: 54321 }, -1, 0));
    assertErrno(Errno.EINVAL, () => kernel.perfEventOpen(output, -1, 9999));
    assertErrno(Errno.EINVAL, () => kernel.perfEventOpen(output, -1, -1));
  });

  test("programs go only to events of their type, one to each", ({ kernel }) => {
    const program = load(kernel, Nothing);
    const tracing = load(kernel, Nothing, { type: ProgramType.Tracepoint });
    const event = kernel.perfEventOpen(kprobe(SomeFunction), -1, 0);
    assertErrno(Errno.EINVAL, () => kernel.perfEventSetProgram(event, tracing));
    assertErrno(Errno.EBADF, () => kernel.perfEventSetProgram(event, 999 as Fd));
    kernel.perfEventSetProgram(event, program);
    assertErrno(Errno.EEXIST, () => kernel.perfEventSetProgram(event, program));
    const hit = kernel.perfEventOpen(tracepoint(kernel, SomeTracepoint), -1, 0);
    assertErrno(Errno.EINVAL, () => kernel.perfEventSetProgram(hit, program));
    kernel.perfEventSetProgram(hit, tracing);
    const output = kernel.perfEventOpen({ kind: "bpf-output", wakeupEvents: 1 }, -1, 0);
    assertErrno(Errno.EINVAL, () => kernel.perfEventSetProgram(output, program));
    assertErrno(Errno.EINVAL, () => kernel.rawTracepointOpen("sched_switch", program));
    const raw = load(kernel, Nothing, { type: ProgramType.RawTracepoint });
    assertErrno(Errno.ENOENT, () => kernel.rawTracepointOpen("no_such_tracepoint", raw));
    kernel.rawTracepointOpen("sched_switch", raw);
    const ENOTSUPP = 524;
    assertErrno(ENOTSUPP, () => kernel.programTestRun(program, {}));
    assertErrno(ENOTSUPP, () => kernel.programTestRun(tracing, {}));
  });

  test("perf rings have a power of two of pages", ({ kernel }) => {
    const event = kernel.perfEventOpen({ kind: "bpf-output", wakeupEvents: 1 }, -1, 0);
    assertErrno(Errno.EINVAL, () => kernel.mapPerfRing(event, 3));
    assert.is(kernel.mapPerfRing(event, 2).sizeBytes, 8192);
    assert.is(kernel.mapPerfRing(event, 2).sizeBytes, 8192, "the same ring again");
    assertErrno(Errno.EINVAL, () => kernel.mapPerfRing(event, 4), "another size");
    assertErrno(Errno.EINVAL, () => kernel.mapRingBuffer(counters(kernel)));
    assert.is(perfBuffers(kernel).drain().samples.length, 0);
  });

  test("a raw tracepoint program can be run by hand", ({ kernel }) => {
    const text = "r0 = *(u64 *)(r1 +0)\nr2 = *(u64 *)(r1 +8)\nr0 += r2\nexit";
    const program = load(kernel, text, { type: ProgramType.RawTracepoint });
    const context = new Uint8Array(new BigUint64Array([40n, 2n]).buffer);
    assert.is(kernel.programTestRun(program, { context }).returnValue, 42);
    assertErrno(Errno.E2BIG, () => kernel.programTestRun(program, { context: new Uint8Array(104) }));
    assertErrno(Errno.EINVAL, () => kernel.programTestRun(program, { data: new Uint8Array(14) }));
  });

  test("kernel files", ({ kernel }) => {
    const text = (path: string) => new TextDecoder().decode(kernel.readKernelFile(path));
    const format = text(`/sys/kernel/tracing/events/${SomeTracepoint}/format`);
    assert.match(format, /^name: sched_process_exec\nID: \d+\nformat:\n/);
    const id = text(`/sys/kernel/tracing/events/${SomeTracepoint}/id`);
    assert.match(format, `\nID: ${id}format:`);
    assert.match(text("/sys/kernel/tracing/available_filter_functions"), `\n${SomeFunction}\n`);
    assert.match(text("/proc/kallsyms"), /^[0-9a-f]{16} [TtDdRrBb] do_sys_openat2$/m);
    for (const path of [
      "/sys/kernel/tracing/events/no/such/id",
      "/sys/kernel/btf/nothing",
      "/proc/nothing",
    ]) {
      assertErrno(Errno.ENOENT, () => kernel.readKernelFile(path), path);
    }
  });

  test("damaged BTF is refused", ({ kernel }) => {
    assertErrno(Errno.EINVAL, () => kernel.btfLoad(Uint8Array.of(1, 2, 3)));
    assertErrno(Errno.EINVAL, () => kernel.btfLoad(new Uint8Array(64)));
  });

  test("waiting for what cannot be polled", async ({ kernel }) => {
    const failure = async (fds: readonly Fd[]) => {
      try {
        await kernel.wait(fds, 0);
      } catch (error) {
        return (error as { errno?: number }).errno;
      }
      return undefined;
    };
    assert.is(await failure([999 as Fd]), Errno.EBADF);
    assert.is(await failure([load(kernel, Nothing)]), Errno.EPERM);
  });

  test.run();
}
