/** Loops of every shape, calls, callbacks, tail calls, and the fuel that bounds them. */
import { MapType } from "@bpfkit/base/abi";
import { assemble, type Instruction, loadFunction } from "@bpfkit/elf/isa";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { BpfMap } from "../maps/map.ts";
import { engines, FIRST_FD, Lab, runBoth } from "../testdata/lab.ts";

test("nested loops with breaks and continues", () => {
  const text = `
    r0 = 0
    r6 = 0
outer:
    r7 = 0
inner:
    r7 += 1
    if r7 == 3 goto inner
    r0 += r7
    if r0 > 5000 goto out
    if r7 < 10 goto inner
    r6 += 1
    if r6 < 20 goto outer
out:
    exit`;
  // 1 .. 10 without 3 is 52; twenty times.
  assert.is(runBoth(text).r0, 1040n);
});

test("loops with two entries (irreducible) run in the dispatching form", () => {
  const text = `
    r6 = *(u64 *)(r1 +0)
    r0 = 0
    if r6 == 0 goto second
first:
    r0 += 1
    if r0 > 50 goto out
second:
    r0 += 100
    if r0 < 300 goto first
out:
    exit`;
  assert.is(runBoth(text).r0, 101n);
  assert.is(runBoth(text, { context: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) }).r0, 102n);
});

test("a switch with many ways into one end", () => {
  const ways = Array.from({ length: 300 }, (_, i) => `if r2 == ${i} goto case${i}`).join("\n");
  const cases = Array.from({ length: 300 }, (_, i) => `case${i}: r0 = ${i * 3}\ngoto end`).join("\n");
  const text = `r2 = *(u64 *)(r1 +0)\n${ways}\nr0 = -1\ngoto end\n${cases}\nend: r0 += 1\nexit`;
  for (const [input, output] of [
    [0, 1n],
    [77, 232n],
    [299, 898n],
    [300, 0n],
  ] as const) {
    const context = new Uint8Array(8);
    new DataView(context.buffer).setUint32(0, input, true);
    assert.is(runBoth(text, { context }).r0, output);
  }
});

test("thousands of branches after each other and inside each other", () => {
  const flat = Array.from({ length: 3000 }, (_, i) => `if r1 == ${i} goto +1\nr0 += 1`).join("\n");
  assert.is(runBoth(`r0 = 0\nr1 = 5\n${flat}\nexit`).r0, 2999n);
  // Each block can leave to an end of its own, in reverse order: the ends nest.
  const count = 2500;
  const down = Array.from({ length: count }, (_, i) => `if r1 == ${i} goto end${i}`).join("\n");
  const up = Array.from({ length: count }, (_, i) => `end${count - 1 - i}: r0 += 1`).join("\n");
  assert.is(runBoth(`r0 = 0\nr1 = ${count - 3}\n${down}\n${up}\nexit`).r0, BigInt(count - 2));
});

test("long jumps", () => {
  assert.is(runBoth("gotol over\nback: r0 = 7\nexit\nover: gotol back").r0, 7n);
});

test("may_goto falls through as often as the kernel counts (BPF_MAX_LOOPS), then always jumps", () => {
  const text = `
    r0 = 0
top:
    may_goto out
    r0 += 1
    goto top
out:
    may_goto end
    r0 = -1
end:
    exit`;
  assert.is(runBoth(text).r0, BigInt(8 << 20));
});

test("each call of a function has a may_goto count of its own", () => {
  // The loop of the first call uses up its count; neither the second call nor the caller notices.
  const text = `
    r1 = -1
    call count
    r6 = r0
    r1 = 5
    call count
    r0 += r6
    may_goto used
    exit
used:
    r0 = -1
    exit
count:
    r0 = 0
top:
    may_goto out
    r0 += 1
    if r0 < r1 goto top
out:
    exit`;
  assert.is(runBoth(text).r0, BigInt((8 << 20) + 5));
});

test("may_goto backward and to the next instruction", () => {
  const text = `
    r0 = 0
    r6 = 0
    goto start
again:
    r6 += 1
    if r6 == 3 goto out
start:
    may_goto +0
    r0 += 1
    if r0 < 9000000 goto start
    may_goto again
    r0 = -1
    exit
out:
    r0 += r6
    exit`;
  // Once used up, the backward may_goto is taken each time: r6 counts to 3, r0 goes on by one each time.
  assert.is(runBoth(text).r0, 9_000_005n);
});

test("an endless loop ends with a clear message", () => {
  const { fault } = runBoth("r0 = 0\ntop: r0 += 1\ngoto top\nexit", { fuel: 1000, rules: "isa" });
  assert.is(fault?.code, "VM011");
  assert.is(fault?.slot, 2);
  assert.match(fault?.message ?? "", /did not end after 1000 backward jumps and calls/);
});

test("fuel is exact: as many backward jumps as there are units", () => {
  const text = "r0 = 100\ntop: r0 += -1\nif r0 != 0 goto top\nexit";
  assert.is(runBoth(text, { fuel: 99 }).r0, 0n);
  assert.is(runBoth(text, { fuel: 98 }).fault?.code, "VM011");
});

test("functions: arguments, results, preserved registers, frames of their own", () => {
  const text = `
    r6 = 6
    r7 = 7
    r8 = 8
    r9 = 9
    *(u64 *)(r10 -8) = 1000
    r1 = 1
    r2 = 2
    r3 = 3
    r4 = 4
    r5 = 5
    call sum
    r1 = *(u64 *)(r10 -8)
    r0 += r1
    r0 += r6
    r0 += r7
    r0 += r8
    r0 += r9
    exit
sum:
    r6 = 0
    r7 = 0
    r8 = 0
    r9 = 0
    r0 = *(u64 *)(r10 -8)
    *(u64 *)(r10 -8) = 77
    r0 += r1
    r0 += r2
    r0 += r3
    r0 += r4
    r0 += r5
    exit`;
  assert.is(runBoth(text).r0, 15n + 1000n + 30n, "the callee's stack starts zeroed");
});

test("a function writes to its caller's stack through a pointer", () => {
  const text =
    "r1 = r10\nr1 += -8\ncall set\nr0 = *(u64 *)(r10 -8)\nexit\nset: *(u64 *)(r1 +0) = 42\nr0 = 0\nexit";
  assert.is(runBoth(text).r0, 42n);
});

test("calls cost fuel", () => {
  const text = "call f\ncall f\ncall f\nexit\nf: r0 = 1\nexit";
  assert.is(runBoth(text, { fuel: 3 }).r0, 1n);
  assert.is(runBoth(text, { fuel: 2 }).fault?.slot, 2);
});

/** bpf_loop(count, body, ctx = frame - 8, flags); r6 keeps the context, the callback is the second function. */
function loopProgram(count: number, flags: number, callback: string): Instruction[] {
  const before = assemble(`r6 = r1\n*(u64 *)(r10 -8) = 0\nr1 = ${count}`);
  const after = assemble(
    `r3 = r10\nr3 += -8\nr4 = ${flags}\ncall bpf_loop\nr1 = *(u64 *)(r10 -8)\n*(u64 *)(r6 +0) = r1\nexit`,
  );
  // The load takes two slots; distances count from the slot after its first.
  return [...before, loadFunction(2, after.length + 1), ...after, ...assemble(callback)];
}

const addIndex = "r3 = *(u64 *)(r2 +0)\nr3 += r1\n*(u64 *)(r2 +0) = r3\nr0 = 0\nexit";
const total = (context: Uint8Array): bigint => new DataView(context.buffer).getBigUint64(0, true);

test("bpf_loop calls back with the index until told to stop", () => {
  const all = runBoth(loopProgram(100, 0, addIndex));
  assert.is(all.r0, 100n);
  assert.is(total(all.context), 4950n);
  const stop =
    "r3 = *(u64 *)(r2 +0)\nr3 += r1\n*(u64 *)(r2 +0) = r3\nr0 = 0\nif r1 != 9 goto +1\nr0 = 1\nexit";
  const some = runBoth(loopProgram(100, 0, stop));
  assert.is(some.r0, 10n);
  assert.is(total(some.context), 45n);
  assert.is(runBoth(loopProgram(0, 0, addIndex)).r0, 0n);
});

test("bpf_loop refuses flags and more than 2^23 iterations; what is no function ends the run", () => {
  assert.is(runBoth(loopProgram(5, 1, addIndex)).r0, BigInt.asUintN(64, -22n));
  assert.is(runBoth(loopProgram((1 << 23) + 1, 0, addIndex)).r0, BigInt.asUintN(64, -7n));
  const { fault } = runBoth("r1 = 1\nr2 = 5\nr3 = 0\nr4 = 0\ncall bpf_loop\nexit");
  assert.is(fault?.code, "VM012");
  assert.match(fault?.message ?? "", /bpf_loop: R2 is not a function/);
});

test("callbacks cost fuel and loops in them count on", () => {
  assert.is(runBoth(loopProgram(50, 0, addIndex), { fuel: 50 }).r0, 50n);
  assert.is(runBoth(loopProgram(51, 0, addIndex), { fuel: 50 }).fault?.code, "VM011");
  const spinning = "r3 = 10\ntop: r3 += -1\nif r3 != 0 goto top\nr0 = 0\nexit";
  assert.is(runBoth(loopProgram(5, 0, spinning), { fuel: 50 }).r0, 5n);
  assert.is(runBoth(loopProgram(5, 0, spinning), { fuel: 49 }).fault?.code, "VM011");
});

test("bpf_for_each_map_elem visits elements with map, key, value and context", () => {
  const before = assemble(`r6 = r1\n*(u64 *)(r10 -8) = 0\nr1 = map[fd:${FIRST_FD}]`);
  const after = assemble(
    "r3 = r10\nr3 += -8\nr4 = 0\ncall bpf_for_each_map_elem\nr1 = *(u64 *)(r10 -8)\n*(u64 *)(r6 +0) = r1\nexit",
  );
  const callback = assemble(
    `r5 = *(u32 *)(r2 +0)
    r1 = *(u32 *)(r3 +0)
    r5 *= r1
    r1 = *(u64 *)(r4 +0)
    r1 += r5
    *(u64 *)(r4 +0) = r1
    *(u32 *)(r3 +0) = 0
    r0 = 0
    exit`,
  );
  const program = [...before, loadFunction(2, after.length + 1), ...after, ...callback];
  for (const type of [MapType.Hash, MapType.Array, MapType.PercpuArray, MapType.LruHash]) {
    const outcome = runBoth(program, {
      prepare: (lab) => {
        const map = lab.map({ type, keySize: 4, valueSize: 8, maxEntries: 5 });
        const at = lab.context(new Uint8Array(16));
        for (let i = 0; i < 5; i++) {
          lab.world.memory.view.setUint32(at, i, true);
          lab.world.memory.view.setUint32(at + 8, 10 + i, true);
          assert.is(map.update(at, at + 8, 0), 0);
        }
      },
    });
    assert.is(outcome.r0, 5n);
    assert.is(total(outcome.context), 0n * 10n + 11n + 24n + 39n + 56n);
  }
  const queue = (lab: Lab): void => {
    lab.map({ type: MapType.Queue, keySize: 0, valueSize: 8 });
  };
  assert.is(runBoth(program, { prepare: queue }).r0, BigInt.asUintN(64, -22n));
});

test("calls by register, where the rules are those of the ISA", () => {
  const call = { opcode: 0x8d, dst: 2, src: 0, off: 0, imm: 0, immHigh: 0 };
  const program = (id: number): Instruction[] => [...assemble(`r2 = ${id}`), call, ...assemble("exit")];
  assert.is(runBoth(program(5), { rules: "isa" }).r0, 1_000_000_000n);
  assert.is(runBoth(program(14), { rules: "isa" }).r0, (100n << 32n) | 101n);
  const { fault } = runBoth(program(9999), { rules: "isa" });
  assert.match(fault?.message ?? "", /instruction 1: there is no helper 9999/);
});

const tailCall = (index: number): string =>
  `r6 = r1\nr2 = map[fd:${FIRST_FD}]\nr3 = ${index}\ncall bpf_tail_call\n`;

for (const engine of engines) {
  const tailLab = (): Lab => {
    const lab = new Lab(engine);
    lab.map({ type: MapType.ProgArray, valueSize: 4, maxEntries: 4 });
    return lab;
  };
  const store = (lab: Lab, index: number, fd: number): void => {
    lab.maps[0]?.write(
      new Uint8Array(Uint32Array.of(index).buffer),
      new Uint8Array(Uint32Array.of(fd).buffer),
      0,
    );
  };

  test(`${engine}: a tail call does not come back, a failed one goes on`, () => {
    const lab = tailLab();
    lab.programs.set(50, lab.load("r0 = *(u64 *)(r1 +0)\nr0 += 5\nexit"));
    store(lab, 1, 50);
    const context = lab.context(Uint8Array.of(100, 0, 0, 0, 0, 0, 0, 0));
    assert.is(lab.load(`${tailCall(1)}r0 = 1\nexit`).runAt(context), 105);
    assert.is(lab.load(`${tailCall(0)}r0 = 1\nexit`).runAt(context), 1);
    assert.is(lab.load(`${tailCall(4)}r0 = 2\nexit`).runAt(context), 2);
    assert.is(lab.load(`${tailCall(-1)}r0 = 3\nexit`).runAt(context), 3);
    const [map] = lab.maps as [BpfMap];
    const id = map.read(Uint8Array.of(1, 0, 0, 0)) as Uint8Array;
    assert.is(new DataView(id.buffer).getUint32(0, true), lab.programs.get(50)?.id);
    assert.equal(lab.held, [50], "the map keeps its program alive");
    store(lab, 1, 50);
    assert.equal(lab.held, [50]);
    assert.ok(map.erase(Uint8Array.of(1, 0, 0, 0)));
    assert.equal(lab.held, []);
    store(lab, 2, 50);
    map.destroy();
    assert.equal(lab.held, []);
  });

  test(`${engine}: at most 33 tail calls`, () => {
    const lab = tailLab();
    const counting = lab.load(
      `r2 = *(u64 *)(r1 +0)\nr2 += 1\n*(u64 *)(r1 +0) = r2\n${tailCall(0)}r0 = *(u64 *)(r6 +0)\nexit`,
    );
    lab.programs.set(50, counting);
    store(lab, 0, 50);
    assert.is(counting.runAt(lab.context(new Uint8Array(8))), 34);
  });

  test(`${engine}: a tail call in a function returns to the function's caller`, () => {
    const lab = tailLab();
    lab.programs.set(50, lab.load("r0 = 20\nexit"));
    store(lab, 0, 50);
    const text = `call f\nr0 += 1\nexit\nf: ${tailCall(0)}r0 = 99\nexit`;
    assert.is(lab.load(text).runAt(lab.context(new Uint8Array(8))), 21);
  });

  test(`${engine}: endless tail recursion from functions stays inside the stack`, () => {
    const lab = tailLab();
    const nest = Array.from({ length: 6 }, (_, i) => `f${i}: call f${i + 1}\nexit`).join("\n");
    const deep = lab.load(`call f0\nexit\n${nest}\nf6: ${tailCall(0)}r0 = 1\nexit`);
    lab.programs.set(50, deep);
    store(lab, 0, 50);
    assert.is(deep.runAt(lab.context(new Uint8Array(8))), 1);
  });

  test(`${engine}: program arrays keep one type of program`, () => {
    const lab = tailLab();
    lab.programs.set(50, lab.load("r0 = 0\nexit", { type: 2 }));
    lab.programs.set(51, lab.load("r0 = 0\nexit", { type: 5 }));
    store(lab, 0, 50);
    assert.throws(() => store(lab, 1, 51), /EINVAL/);
    assert.throws(() => lab.load(`${tailCall(0)}r0 = 0\nexit`, { type: 5 }), /another type/);
    assert.throws(() => store(lab, 1, 52), /EBADF/);
    assert.throws(() => store(lab, 9, 50), /E2BIG/);
  });
}

test.run();
