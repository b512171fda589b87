/** Loads, stores and atomics: what they do where the program may, and how the run ends where it may not. */
import { MapType } from "@bpfkit/base/abi";
import { assemble, encodeInstructions } from "@bpfkit/elf/isa";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { engines, FIRST_FD, type Lab, Lab as LabClass, runBoth } from "../testdata/lab.ts";
import { ProgramFault } from "./fault.ts";

const bytes = Uint8Array.of(0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 1, 2, 3, 4, 5, 6, 7, 8);

for (const [load, expected] of [
  ["u8", 0x81n],
  ["u16", 0x8281n],
  ["u32", 0x8483_8281n],
  ["u64", 0x8887_8685_8483_8281n],
  ["s8", 0xffff_ffff_ffff_ff81n],
  ["s16", 0xffff_ffff_ffff_8281n],
  ["s32", 0xffff_ffff_8483_8281n],
] as const) {
  test(`load ${load}`, () => {
    assert.is(runBoth(`r0 = *(${load} *)(r1 +0)\nexit`, { context: bytes }).r0, expected);
  });
}

test("loads need not be aligned, also across 8-byte borders", () => {
  assert.is(runBoth("r0 = *(u64 *)(r1 +5)\nexit", { context: bytes }).r0, 0x0504_0302_0188_8786n);
  assert.is(runBoth("r0 = *(u32 *)(r1 +7)\nexit", { context: bytes }).r0, 0x0302_0188n);
});

test("stores change exactly their bytes", () => {
  const text =
    "r2 = 0x1122334455667788 ll\n*(u16 *)(r1 +1) = r2\n*(u8 *)(r1 +15) = 255\n*(u32 *)(r1 +6) = -2\nr0 = 0\nexit";
  const { context } = runBoth(text, { context: bytes });
  assert.is(Buffer.from(context).toString("hex"), "81887784858 6feffffff030405060 7ff".replaceAll(" ", ""));
  const wide = runBoth("*(u64 *)(r1 +0) = -2\nr0 = 0\nexit", { context: bytes }).context;
  assert.is(Buffer.from(wide.subarray(0, 9)).toString("hex"), "feffffffffffffff01");
});

const atomics: readonly [text: string, memory: bigint, r2: bigint, r0: bigint][] = [
  ["lock *(u64 *)(r1 +0) += r2", 0xf0n + 0x0fn, 0x0fn, 1n],
  ["lock *(u64 *)(r1 +0) |= r2", 0xffn, 0x0fn, 1n],
  ["lock *(u64 *)(r1 +0) &= r2", 0n, 0x0fn, 1n],
  ["lock *(u64 *)(r1 +0) ^= r2", 0xffn, 0x0fn, 1n],
  ["r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)", 0xffn, 0xf0n, 1n],
  ["r2 = atomic64_fetch_and((u64 *)(r1 +0), r2)", 0n, 0xf0n, 1n],
  ["r2 = atomic_fetch_or((u32 *)(r1 +0), r2)", 0xffn, 0xf0n, 1n],
  ["r2 = atomic64_xchg((u64 *)(r1 +0), r2)", 0x0fn, 0xf0n, 1n],
  ["r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r2)", 0xf0n, 0x0fn, 0xf0n],
];
for (const [text, memory, r2, r0] of atomics) {
  test(text, () => {
    const context = new Uint8Array(24);
    context[0] = 0xf0;
    const program = `r0 = 1\nr2 = 15\n${text}\n*(u64 *)(r1 +8) = r2\n*(u64 *)(r1 +16) = r0\nr0 = 0\nexit`;
    const after = new BigUint64Array(runBoth(program, { context }).context.buffer);
    assert.equal([...after], [memory, r2, r0]);
  });
}

for (const [size, bytes] of [
  ["u8", 1],
  ["u16", 2],
  ["u32", 4],
  ["u64", 8],
] as const) {
  test(`load_acquire and store_release of ${size}`, () => {
    const context = new Uint8Array(24).fill(0x99);
    const program = `r2 = 0x1122334455667788 ll
      store_release((${size} *)(r1 +0), r2)
      r3 = -1
      r3 = load_acquire((${size} *)(r1 +0))
      *(u64 *)(r1 +8) = r3
      store_release((${size} *)(r10 -16), r2)
      r4 = load_acquire((${size} *)(r10 -16))
      *(u64 *)(r1 +16) = r4
      r0 = 0
      exit`;
    const after = new DataView(runBoth(program, { context }).context.buffer);
    const kept = BigInt.asUintN(bytes * 8, 0x1122334455667788n);
    const beside = (0x9999_9999_9999_9999n >> BigInt(bytes * 8)) << BigInt(bytes * 8);
    assert.is(after.getBigUint64(0, true), BigInt.asUintN(64, beside) | kept);
    assert.is(after.getBigUint64(8, true), kept);
    assert.is(after.getBigUint64(16, true), kept);
  });
}

test("compare and exchange of 32 bits looks at 32 bits of r0 and clears its upper half", () => {
  const context = new Uint8Array(16);
  context[0] = 5;
  context.fill(0xee, 4, 8);
  const text =
    "r0 = 0x700000005 ll\nr2 = 9\nr0 = atomic_cmpxchg((u32 *)(r1 +0), r0, r2)\n*(u64 *)(r1 +8) = r0\nexit";
  const after = new DataView(runBoth(text, { context }).context.buffer);
  assert.is(after.getUint32(0, true), 9);
  assert.is(after.getUint32(4, true), 0xeeee_eeee);
  assert.is(after.getBigUint64(8, true), 5n);
});

const prepare = (lab: Lab): void => {
  lab.map({ type: MapType.Array, valueSize: 12, maxEntries: 2 });
  lab.map({ type: MapType.Array, valueSize: 8, maxEntries: 1, flags: 1 << 7 });
};
const value = `*(u32 *)(r10 -4) = 0\nr2 = r10\nr2 += -4\nr1 = map[fd:${FIRST_FD}]\ncall bpf_map_lookup_elem\n`;

const faults: readonly [name: string, text: string, message: RegExp][] = [
  ["NULL", "r1 = 0\nr0 = *(u64 *)(r1 +0)\nexit", /read 8 byte\(s\) at 0x0, a NULL pointer/],
  ["NULL and an offset", "r1 = 0\nr0 = *(u8 *)(r1 +100)\nexit", /at 0x64, a NULL pointer/],
  [
    "NULL and a negative offset",
    "r1 = 0\nr0 = *(u8 *)(r1 -1)\nexit",
    /at 0xffffffffffffffff, memory it does not own/,
  ],
  [
    "a number",
    "r1 = 0x123456789abc ll\n*(u8 *)(r1 +0) = 1\nr0 = 0\nexit",
    /write 1 byte\(s\) at 0x123456789abc/,
  ],
  ["after the context", "r0 = *(u8 *)(r1 +64)\nexit", /memory it does not own/],
  ["half behind the context", "r0 = *(u64 *)(r1 +60)\nexit", /memory it does not own/],
  ["before the context", "r0 = *(u8 *)(r1 -1)\nexit", /memory it does not own/],
  [
    "start of the address space",
    "r1 = 0xffff888040000000 ll\nr0 = *(u64 *)(r1 +0)\nexit",
    /memory it does not own/,
  ],
  [
    "the ownership table",
    "r1 = 0xffff888040001000 ll\n*(u64 *)(r1 +0) = 0\nr0 = 0\nexit",
    /memory it does not own/,
  ],
  [
    "low words alike, high words not",
    "r1 <<= 32\nr1 >>= 32\nr0 = *(u64 *)(r1 +0)\nexit",
    /memory it does not own/,
  ],
  [
    "end of the address space",
    "r1 = 0xfffffffffffffffc ll\nr0 = *(u64 *)(r1 +0)\nexit",
    /memory it does not own/,
  ],
  ["above r10", "r1 = r10\nr0 = *(u8 *)(r1 +0)\nexit", /memory it does not own/],
  ["below the frame", "r1 = r10\nr1 += -513\nr0 = *(u8 *)(r1 +0)\nexit", /memory it does not own/],
  ["behind a map value", `${value}r0 = *(u32 *)(r0 +12)\nexit`, /memory it does not own/],
  ["partly behind a map value", `${value}r1 = *(u64 *)(r0 +8)\nexit`, /memory it does not own/],
  ["a map handle", `r1 = map[fd:${FIRST_FD}]\nr0 = *(u64 *)(r1 +0)\nexit`, /memory it does not own/],
  [
    "read-only data",
    `r1 = map[fd:${FIRST_FD + 1}][0]+0\n*(u8 *)(r1 +0) = 1\nr0 = 0\nexit`,
    /read-only memory/,
  ],
  [
    "an atomic on read-only data",
    `r1 = map[fd:${FIRST_FD + 1}][0]+0\nr2 = 1\nlock *(u64 *)(r1 +0) += r2\nr0 = 0\nexit`,
    /read-only memory/,
  ],
];
for (const [name, text, message] of faults) {
  test(`ends the run: ${name}`, () => {
    const { fault } = runBoth(text, { prepare, context: new Uint8Array(64) });
    assert.is(fault?.code, "VM010");
    assert.match(fault?.message ?? "", message);
  });
}

for (const engine of engines) {
  test(`${engine}: kernel memory is refused to loads, with advice, except for programs with typed pointers`, () => {
    const lab = new LabClass(engine);
    const address = lab.kernelBytes(Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0));
    const context = lab.context(new Uint8Array(8));
    lab.world.memory.view.setBigUint64(context, address, true);
    const text = "r1 = *(u64 *)(r1 +0)\nr0 = *(u64 *)(r1 +0)\nexit";
    assert.throws(
      () => lab.load(text).runAt(context),
      /kernel memory it does not own \(use bpf_probe_read_kernel\)/,
    );
    const tracing = 26;
    assert.is(lab.load(text, { type: tracing }).runAt(context), 7);
    lab.world.memory.view.setBigUint64(context, 0xffff_c000_0000_0000n, true);
    assert.is(lab.load(text, { type: tracing }).runAt(context), 0, "a bad typed pointer reads zero");
    lab.world.memory.view.setBigUint64(context, address, true);
    const store = "r1 = *(u64 *)(r1 +0)\n*(u64 *)(r1 +0) = 1\nr0 = 0\nexit";
    assert.throws(() => lab.load(store, { type: tracing }).runAt(context), /kernel memory it does not own/);
    const task = `call bpf_get_current_task_btf\nr0 = *(u64 *)(r0 +0)\nexit`;
    lab.world.task = { ...lab.world.task, address };
    assert.is(lab.load(task).runAt(context), 7);
  });

  test(`${engine}: a fault names program, instruction and source line, and carries a diagnostic`, () => {
    const lab = new LabClass(engine);
    const program = lab.machine.loadProgram({
      name: "tool",
      type: 2,
      instructions: encodeInstructions(assemble("r0 = 0\nr0 = *(u64 *)(r0 +0)\nexit")),
      license: "GPL",
      mapByFd: () => undefined,
      engine,
      sourceLine: (slot) =>
        slot === 1 ? { file: "tool.c", line: 9, column: 5, text: "  x = *p;" } : undefined,
    });
    try {
      program.run(lab.world.memory.addressOf(lab.context(new Uint8Array(8))));
      assert.unreachable();
    } catch (error) {
      assert.instance(error, ProgramFault);
      const fault = error as ProgramFault;
      assert.match(fault.message, /^program tool, instruction 1 \(tool\.c:9\): invalid access/);
      assert.equal(fault.diagnostics[0]?.range, { file: "tool.c", line: 9, column: 5 });
      assert.is(fault.diagnostics[0]?.sourceLine, "  x = *p;");
    }
  });
}

test.run();
