/**
 * Tests of the port on this machine's kernel. Only loading, map operations and test runs: nothing is attached and no
 * event of the machine is watched. Attaching is tested in a virtual machine, by test/kernel/guest.test.ts.
 */
import { existsSync, readdirSync } from "node:fs";
import { Errno, MapCreateFlag, MapType, ProgramType } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import { type Fd, VerifierRejection } from "@bpfkit/base/kernel";
import { assemble, encodeInstructions } from "@bpfkit/elf/isa";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { kernelTest } from "../testdata/host-kernel.ts";
import { parseCpuList } from "./cpus.ts";
import { LinuxKernel } from "./linux-kernel.ts";
import { missingCapabilities } from "./privileges.ts";
import { structLayout } from "./struct-layout.ts";
import { mapCreateAttr, perfEventAttr, programLoadAttr, testRunAttr } from "./structs.ts";

test("structs are laid out as C does it", () => {
  const layout = structLayout({ a: "u32", b: "u64", c: "char16", d: "u32" });
  assert.equal(
    (["a", "b", "c", "d"] as const).map((name) => layout.offsetOf(name)),
    [0, 8, 16, 32],
  );
  assert.is(layout.sizeBytes, 40);
  const bytes = layout.encode({ a: 0x01020304, b: 5n, c: "a name that is too long", d: 7 }, () => 0n);
  assert.equal([...bytes.subarray(0, 9)], [4, 3, 2, 1, 0, 0, 0, 0, 5]);
  assert.is(layout.text(bytes, "c"), "a name that is ");
  assert.is(layout.u32(bytes, "d"), 7);
});

test("offsets of the kernel's structs", () => {
  // Facts: offsetof() of uapi linux/bpf.h and linux/perf_event.h, printed by a C compiler on x86-64.
  assert.equal([mapCreateAttr.offsetOf("mapName"), mapCreateAttr.offsetOf("btfFd")], [28, 48]);
  assert.equal(
    (["logBuffer", "name", "btfFd", "funcInfo", "lineInfo", "attachBtfId"] as const).map((name) =>
      programLoadAttr.offsetOf(name),
    ),
    [32, 48, 72, 80, 96, 108],
  );
  assert.equal([testRunAttr.offsetOf("dataIn"), testRunAttr.offsetOf("contextIn")], [16, 48]);
  assert.equal(
    (["config1", "config2", "clockId"] as const).map((name) => perfEventAttr.offsetOf(name)),
    [56, 64, 92],
  );
  assert.is(perfEventAttr.sizeBytes, 96);
});

test("CPU lists", () => {
  assert.equal(parseCpuList("0-3,8,10-11\n"), [0, 1, 2, 3, 8, 10, 11]);
  assert.equal(parseCpuList("0\n"), [0]);
});

test("missing capabilities are named", () => {
  assert.equal(missingCapabilities(0n), ["CAP_BPF", "CAP_PERFMON"]);
  assert.equal(missingCapabilities(1n << 39n), ["CAP_PERFMON"]);
  assert.equal(missingCapabilities(1n << 21n), []);
});

const word = (value: number): Uint8Array => Uint8Array.of(value, 0, 0, 0);

const load = (kernel: LinuxKernel, text: string, license = "GPL"): Fd =>
  kernel.programLoad({
    type: ProgramType.RawTracepoint,
    expectedAttachType: 0,
    name: "test",
    instructions: encodeInstructions(assemble(text)),
    license,
    logLevel: 0,
  });

const ringBuffer = (kernel: LinuxKernel): Fd =>
  kernel.mapCreate({
    type: MapType.Ringbuf,
    keySize: 0,
    valueSize: 0,
    maxEntries: 4096,
    flags: 0,
    name: "ring",
  });

kernelTest("maps keep what they are given", (kernel) => {
  const shape = { keySize: 4, valueSize: 4, maxEntries: 8, flags: 0, name: "guest" };
  const map = kernel.mapCreate({ type: MapType.Hash, ...shape });
  kernel.mapUpdate(map, word(1), word(11), 0);
  assert.equal(kernel.mapLookup(map, word(1)), word(11));
  assert.is(kernel.mapLookup(map, word(2)), undefined);
  assert.equal(kernel.mapNextKey(map, undefined), word(1));
  assert.is(kernel.mapNextKey(map, word(1)), undefined);
  assert.throws(() => kernel.mapUpdate(map, word(1), new Uint8Array(3), 0), isErrno(Errno.EINVAL));
  assert.throws(() => kernel.mapLookup(map, new Uint8Array(0)), isErrno(Errno.EINVAL));
  assert.is(kernel.mapDelete(map, word(1)), true);
  assert.is(kernel.mapInfo(map).name, "guest");
  kernel.close(map);
  assert.throws(() => kernel.close(map), isErrno(Errno.EBADF));
});

kernelTest("a test run gives back what the program returns", (kernel) => {
  const context = new Uint8Array(16);
  context[8] = 41;
  const program = load(kernel, "r0 = *(u64 *)(r1 +8)\n r0 += 1\n exit");
  assert.is(kernel.programTestRun(program, { context }).returnValue, 42);
});

kernelTest("a refused program comes with the verifier's log", (kernel) => {
  let thrown: unknown;
  try {
    load(kernel, "r0 = *(u64 *)(r2 +0)\n exit");
  } catch (error) {
    thrown = error;
  }
  assert.ok(thrown instanceof SyscallError && thrown.cause instanceof VerifierRejection, String(thrown));
  assert.match(thrown.cause.log, /R2 !read_ok/);
});

kernelTest("records come out of a mapped ring buffer, round after round", async (kernel) => {
  const map = ringBuffer(kernel);
  const memory = kernel.mapRingBuffer(map);
  const program = load(
    kernel,
    `r6 = r1
     r1 = map[fd:${map}]
     r2 = 8
     r3 = 0
     call bpf_ringbuf_reserve
     if r0 == 0 goto full
     r2 = *(u64 *)(r6 +0)
     *(u64 *)(r0 +0) = r2
     r1 = r0
     r2 = 0
     call bpf_ringbuf_submit
     r0 = 0
     exit
   full:
     r0 = 1
     exit`,
  );
  const context = new Uint8Array(8);
  for (let number = 0; number < 1000; number++) {
    new DataView(context.buffer).setUint32(0, number, true);
    assert.is(kernel.programTestRun(program, { context }).returnValue, 0);
    const { ready } = await kernel.wait([map], 1000);
    assert.equal(ready, [map]);
    const at = memory.readConsumer();
    assert.is(memory.readProducer(), at + 16);
    const view = new DataView(memory.data().slice(at % 4096, (at % 4096) + 16).buffer);
    assert.equal([view.getUint32(0, true), view.getUint32(8, true)], [8, number]);
    memory.writeConsumer(at + 16);
  }
  let accepted = 0;
  while (kernel.programTestRun(program, { context }).returnValue === 0) accepted++;
  // One of the 256 places of 16 bytes stays free.
  assert.is(accepted, 255);
  memory.unmap();
  assert.is(memory.data().length, 0);
});

kernelTest("waiting ends with the time, with the signal and with data", async (kernel) => {
  const map = ringBuffer(kernel);
  kernel.mapRingBuffer(map);
  const started = performance.now();
  assert.equal(await kernel.wait([map], 30), { ready: [], ended: false });
  assert.equal(await kernel.wait([], 30), { ready: [], ended: false });
  assert.ok(performance.now() - started >= 55);
  const aborted = AbortSignal.timeout(30);
  assert.equal(await kernel.wait([map], Number.POSITIVE_INFINITY, aborted), { ready: [], ended: false });
  await kernel.wait([], Number.POSITIVE_INFINITY, AbortSignal.abort());
  const program = load(
    kernel,
    `*(u64 *)(r10 -8) = 7
     r1 = map[fd:${map}]
     r2 = r10
     r2 += -8
     r3 = 8
     r4 = 0
     call bpf_ringbuf_output
     exit`,
  );
  setTimeout(() => kernel.programTestRun(program, { context: new Uint8Array(8) }), 30);
  assert.equal((await kernel.wait([map], 5000)).ready, [map]);
  const refused = await kernel.wait([program], 1).catch((error: unknown) => error);
  assert.ok(isErrno(Errno.EBADF)(refused), "programs cannot be waited for");
});

kernelTest("batches give every entry once, and remove them", (kernel) => {
  const shape = { keySize: 4, valueSize: 4, maxEntries: 4096, flags: 0, name: "batched" };
  const map = kernel.mapCreate({ type: MapType.Hash, ...shape });
  const keys = new Uint8Array(Uint32Array.from({ length: 3000 }, (_, index) => index).buffer);
  const values = new Uint8Array(Uint32Array.from({ length: 3000 }, (_, index) => index * 7).buffer);
  kernel.batches.updateBatch(map, keys, values, 3000);
  assert.throws(() => kernel.batches.updateBatch(map, keys, values, 2999), isErrno(Errno.EINVAL));
  const seen = new Map<number, number>();
  let from: Uint8Array | undefined;
  do {
    const batch = kernel.batches.lookupBatch(map, from, 1000, true);
    const words = (bytes: Uint8Array) => new Uint32Array(bytes.slice().buffer);
    for (const [index, key] of words(batch.keys).entries()) {
      assert.not.ok(seen.has(key));
      seen.set(key, words(batch.values)[index] ?? -1);
    }
    from = batch.next;
  } while (from !== undefined);
  assert.is(seen.size, 3000);
  assert.ok([...seen].every(([key, value]) => value === key * 7));
  assert.is(kernel.mapNextKey(map, undefined), undefined, "the map is empty");
});

kernelTest("an mmapable array is shared memory, until it is unmapped", (kernel) => {
  const shape = { keySize: 4, valueSize: 12, maxEntries: 1, flags: MapCreateFlag.Mmapable, name: "shared" };
  const map = kernel.mapCreate({ type: MapType.Array, ...shape });
  const memory = kernel.mapArray(map, 12, true);
  memory.bytes()[3] = 77;
  assert.is(kernel.mapLookup(map, word(0))?.[3], 77);
  kernel.mapUpdate(map, word(0), new Uint8Array(12).fill(5), 0);
  assert.equal(memory.bytes(), new Uint8Array(12).fill(5));
  assert.throws(() => kernel.mapFreeze(map), isErrno(Errno.EBUSY));
  memory.unmap();
  memory.unmap();
  assert.is(memory.bytes().length, 0);
  kernel.mapFreeze(map);
  assert.throws(() => kernel.mapArray(map, 12, true), isErrno(Errno.EPERM));
  assert.equal(kernel.mapArray(map, 12, false).bytes(), new Uint8Array(12).fill(5));
});

kernelTest("nothing is left open", (kernel) => {
  const count = (): number => readdirSync("/proc/self/fd").length;
  const before = count();
  for (let cycle = 0; cycle < 200; cycle++) {
    const one = new LinuxKernel();
    const map = ringBuffer(one);
    one.mapRingBuffer(map);
    load(one, "r0 = 0\n exit");
    assert.throws(() => load(one, "exit"), isErrno(Errno.EACCES));
    one.shutdown();
  }
  assert.is(count(), before);
  assert.ok(kernel.name.startsWith("Linux "));
});

kernelTest("probes that this kernel does not have are refused before anything is opened", (kernel) => {
  if (existsSync("/sys/bus/event_source/devices/kprobe")) return; // Never opened on a machine that has them.
  assert.throws(
    () => kernel.perfEventOpen({ kind: "kprobe", function: "do_nanosleep", offset: 0 }, -1, 0),
    (error: unknown) => error instanceof BpfkitError && error.code === "LK005",
  );
});

kernelTest("files that are not there are explained", (kernel) => {
  assert.throws(() => kernel.readKernelFile("/sys/kernel/btf/no_such_module"), isErrno(Errno.ENOENT));
  if (existsSync("/sys/kernel/tracing/events") || existsSync("/sys/kernel/debug/tracing/events")) return;
  const isExplained = (error: unknown) => error instanceof BpfkitError && error.code === "LK007";
  assert.throws(() => kernel.openTracePipe(), isExplained);
  assert.throws(() => kernel.readKernelFile("/sys/kernel/tracing/events/sched/sched_switch/id"), isExplained);
});

function isErrno(errno: number): (error: unknown) => boolean {
  return (error) => error instanceof SyscallError && error.errno === errno;
}

test.run();
