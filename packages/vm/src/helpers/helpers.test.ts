/** What each helper returns and stores, errors included, in both engines. */
import { helperById, MapType } from "@bpfkit/base/abi";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { engines, FIRST_FD, Lab, runBoth, runOnce } from "../testdata/lab.ts";
import { standardHelpers } from "./table.ts";

const negative = (errno: number): bigint => BigInt.asUintN(64, BigInt(-errno));
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("ids, names and licences are those of the kernel's table", () => {
  for (const [id, helper] of standardHelpers) {
    const row = helperById(id);
    assert.is(helper.name, row?.name, `helper ${id}`);
    assert.is(helper.gplOnly ?? false, row?.gplOnly, `${helper.name} gpl_only`);
    assert.ok(helper.arguments.length <= 5);
  }
});

for (const [name, expected] of [
  ["ktime_get_ns", 1_000_000_000n],
  ["ktime_get_boot_ns", 1_000_000_005n],
  ["ktime_get_coarse_ns", 1_000_000_000n],
  ["ktime_get_tai_ns", 38_000_000_000n],
  ["jiffies64", 4_294_967_296n],
  ["get_prandom_u32", 1n],
  ["get_smp_processor_id", 3n],
  ["get_numa_node_id", 0n],
  ["get_current_pid_tgid", (100n << 32n) | 101n],
  ["get_current_uid_gid", (1001n << 32n) | 0xffff_fffen],
  ["get_current_task", 0xffff_8881_2345_6780n],
  ["get_current_task_btf", 0xffff_8881_2345_6780n],
  ["get_current_cgroup_id", 0x1_0000_0007n],
  ["get_func_ip", 0xffff_ffff_8123_4560n],
  ["get_attach_cookie", 0xdead_beef_0000_0001n],
] as const) {
  test(`bpf_${name}`, () => {
    const outcome = runBoth(`call bpf_${name}\nexit`, {
      prepare: ({ world }) => {
        world.cpu = 3;
        const task = { uid: 0xffff_fffe, address: 0xffff_8881_2345_6780n, cgroupId: 0x1_0000_0007n };
        world.task = { ...world.task, ...task };
        world.attached = { functionAddress: 0xffff_ffff_8123_4560n, cookie: 0xdead_beef_0000_0001n };
      },
    });
    assert.is(outcome.r0, expected);
  });
}

test("times beyond 2^32 ns arrive whole", () => {
  const prepare = (lab: Lab): void => {
    lab.world.now = 2 ** 53 - 1;
  };
  assert.is(runBoth("call bpf_ktime_get_ns\nexit", { prepare }).r0, 2n ** 53n - 1n);
});

for (const [size, expected] of [
  [16, "7374696c6c0000000000000000000000"],
  [6, "7374696c6c00"],
  [5, "7374696c00"],
  [1, "00"],
] as const) {
  test(`bpf_get_current_comm into ${size} bytes`, () => {
    const context = new Uint8Array(size + 4).fill(0xee);
    const outcome = runBoth(`r2 = ${size}\ncall bpf_get_current_comm\nexit`, { context });
    assert.is(outcome.r0, 0n);
    assert.is(hex(outcome.context), `${expected}eeeeeeee`);
  });
}

/** Calls a probe helper: destination is the context from byte 8 on, source the address in its first 8 bytes. */
const probe = (helper: string, size: number): string =>
  `r3 = *(u64 *)(r1 +0)\nr1 += 8\nr2 = ${size}\ncall bpf_${helper}\nexit`;

interface ProbeResult {
  readonly r0: bigint | undefined;
  readonly copied: string;
}

function probeBoth(helper: string, size: number, source: (lab: Lab) => bigint): ProbeResult {
  const outcomes = engines.map((engine) => {
    const lab = new Lab(engine);
    const context = new Uint8Array(32).fill(0xee);
    new DataView(context.buffer).setBigUint64(0, source(lab), true);
    const outcome = runOnce(lab, probe(helper, size), { context });
    return { r0: outcome.r0, copied: hex(outcome.context.subarray(8, 8 + size + 2)) };
  });
  assert.equal(outcomes[1], outcomes[0]);
  return outcomes[0] as ProbeResult;
}

const kernel = (lab: Lab): bigint => lab.kernelBytes(text("abcdefgh"));
const user = (lab: Lab): bigint => {
  const space = lab.world.memory.createUserSpace();
  // Two pages; the string crosses the border.
  space.store(0x5555_0000_0ffcn, text("abcdefgh"));
  lab.world.memory.user = space;
  return 0x5555_0000_0ffcn;
};
const at = (address: bigint) => (): bigint => address;
const unmapped = at(0xffff_c900_0000_0000n);

const probes: readonly [string, number, (lab: Lab) => bigint, bigint, string][] = [
  ["probe_read_kernel", 4, kernel, 0n, "61626364eeee"],
  ["probe_read", 4, kernel, 0n, "61626364eeee"],
  ["probe_read", 8, user, 0n, "6162636465666768eeee"],
  ["probe_read_user", 8, user, 0n, "6162636465666768eeee"],
  ["copy_from_user", 8, user, 0n, "6162636465666768eeee"],
  // Unmapped kernel addresses fault; what is no kernel address at all is out of range. Either way zeroes arrive.
  ["probe_read_kernel", 4, unmapped, negative(14), "00000000eeee"],
  ["probe_read_kernel", 4, at(0n), negative(34), "00000000eeee"],
  ["probe_read_kernel", 4, user, negative(34), "00000000eeee"],
  ["probe_read_kernel", 4, at(0x8000_0000_0000_0000n), negative(34), "00000000eeee"],
  ["probe_read_kernel", 4, at(0xffff_ffff_ffff_fffen), negative(14), "00000000eeee"],
  ["probe_read", 4, at(0n), negative(14), "00000000eeee"],
  ["probe_read_user", 4, kernel, negative(14), "00000000eeee"],
  ["probe_read_user", 4, at(8n), negative(14), "00000000eeee"],
  ["probe_read_kernel", 0, at(0n), 0n, "eeee"],
  // The second half is in an unmapped page: nothing arrives.
  ["probe_read_user", 8, (lab) => user(lab) + 0x1ffen, negative(14), "0000000000000000eeee"],
  ["probe_read_kernel_str", 8, (lab) => lab.kernelBytes(text("abc\0efgh")), 4n, "61626300eeeeeeeeeeee"],
  ["probe_read_kernel_str", 3, kernel, 3n, "616200eeee"],
  ["probe_read_kernel_str", 1, kernel, 1n, "00eeee"],
  ["probe_read_kernel_str", 4, unmapped, negative(14), "00000000eeee"],
  ["probe_read_kernel_str", 4, user, negative(34), "00000000eeee"],
  ["probe_read_str", 4, kernel, 4n, "61626300eeee"],
  ["probe_read_str", 12, user, 9n, "616263646566676800eeeeeeeeee"],
  ["probe_read_user_str", 12, user, 9n, "616263646566676800eeeeeeeeee"],
  ["probe_read_user_str", 4, kernel, negative(14), "00000000eeee"],
  ["probe_read_user_str", 4, at(0n), negative(14), "00000000eeee"],
];
probes.forEach(([helper, size, source, r0, copied], i) => {
  test(`bpf_${helper} of ${size} bytes (case ${i + 1})`, () => {
    assert.equal(probeBoth(helper, size, source), { r0, copied: copied.slice(0, (size + 2) * 2) });
  });
});

test("a probe into memory the program does not own ends the run", () => {
  const bad = [
    ["r1 = 0\nr2 = 4\nr3 = r10\ncall bpf_probe_read_kernel\nexit", /R1 does not point to 4 byte/],
    ["r1 = r10\nr1 += -4\nr2 = 8\nr3 = r10\ncall bpf_probe_read_kernel\nexit", /R1 does not point to 8 byte/],
    ["r1 = r10\nr1 += -4\nr2 = -1\nr3 = r10\ncall bpf_probe_read_kernel\nexit", /R2 min value is negative/],
  ] as const;
  for (const [program, message] of bad) {
    const { fault } = runBoth(program);
    assert.is(fault?.code, "VM012");
    assert.match(fault?.message ?? "", message);
  }
});

test("map helpers want a map and memory of the right size", () => {
  const prepare = (lab: Lab): void => {
    lab.map({ type: MapType.Hash, keySize: 16 });
  };
  const noMap = runBoth("r1 = 5\nr2 = r10\nr2 += -16\ncall bpf_map_lookup_elem\nexit", { prepare });
  assert.match(noMap.fault?.message ?? "", /bpf_map_lookup_elem: R1 is not a map/);
  const short = runBoth(`r1 = map[fd:${FIRST_FD}]\nr2 = r10\nr2 += -8\ncall bpf_map_lookup_elem\nexit`, {
    prepare,
  });
  assert.match(short.fault?.message ?? "", /R2 does not point to 16 byte\(s\) that the program may read/);
  const wrongKind = runBoth(`r1 = map[fd:${FIRST_FD}]\nr2 = 8\nr3 = 0\ncall bpf_ringbuf_reserve\nexit`, {
    prepare,
  });
  assert.match(wrongKind.fault?.message ?? "", /R1 is not a ring buffer/);
});

test("update flags beyond 32 bits are EINVAL", () => {
  const prepare = (lab: Lab): void => {
    lab.map({ type: MapType.Hash });
  };
  const program = `r1 = map[fd:${FIRST_FD}]\nr2 = r10\nr2 += -8\nr3 = r10\nr3 += -16\nr4 = 0x100000000 ll\ncall bpf_map_update_elem\nexit`;
  assert.is(runBoth(program, { prepare }).r0, negative(22));
});

test("queue helpers push, peek and pop", () => {
  for (const [type, expected] of [
    [MapType.Queue, [1n, 1n, 2n]],
    [MapType.Stack, [2n, 2n, 1n]],
  ] as const) {
    const prepare = (lab: Lab): void => {
      lab.map({ type, keySize: 0, valueSize: 8, maxEntries: 2 });
    };
    const push = (value: number): string =>
      `*(u64 *)(r10 -8) = ${value}\nr1 = map[fd:${FIRST_FD}]\nr2 = r10\nr2 += -8\nr3 = 0\ncall bpf_map_push_elem\n`;
    const take = (helper: string, to: number): string =>
      `r1 = map[fd:${FIRST_FD}]\nr2 = r6\nr2 += ${to}\ncall bpf_map_${helper}_elem\n`;
    const program = `r6 = r1\n${push(1)}${push(2)}${push(3)}r7 = r0\n${take("peek", 0)}${take("pop", 8)}${take("pop", 16)}${take("pop", 24)}r0 <<= 32\nr7 <<= 32\nr7 >>= 32\nr0 |= r7\nexit`;
    const outcome = runBoth(program, { prepare, context: new Uint8Array(32) });
    assert.equal([...new BigUint64Array(outcome.context.buffer)], [...expected, 0n]);
    // The last pop found nothing (ENOENT), the third push no room (E2BIG).
    assert.is(outcome.r0, BigInt.asUintN(64, (-2n << 32n) | BigInt.asUintN(32, -7n)));
  }
});

test("bpf_perf_event_output chooses the CPU and reports what is missing", () => {
  const received: string[] = [];
  const output = (flags: string): bigint | undefined => {
    const program = `r2 = map[fd:${FIRST_FD}]\nr3 = ${flags} ll\nr4 = r10\nr4 += -8\n*(u64 *)(r4 +0) = 0x11223344\nr5 = 8\ncall bpf_perf_event_output\nexit`;
    return runBoth(program, {
      prepare: (lab) => {
        const map = lab.map({ type: MapType.PerfEventArray, valueSize: 4, maxEntries: 4 });
        lab.world.cpu = 2;
        for (const cpu of [1, 2]) {
          lab.sinks.set(100 + cpu, {
            cpu,
            output: (data) => {
              received.push(`${cpu}:${hex(data)}`);
              return 0;
            },
          });
          map.write(Uint8Array.of(cpu, 0, 0, 0), Uint8Array.of(100 + cpu, 0, 0, 0), 0);
        }
      },
    }).r0;
  };
  assert.is(output("0xffffffff"), 0n);
  assert.is(output("0x2"), 0n);
  assert.equal(received, new Array(4).fill("2:4433221100000000"));
  assert.is(output("0x1"), negative(95));
  assert.is(output("0x3"), negative(2));
  assert.is(output("0x4"), negative(7));
  assert.is(output("0x100000000"), negative(22));
});

test("bpf_get_stackid and bpf_get_stack", () => {
  const addresses = [0xffff_ffff_8100_0010n, 0xffff_ffff_8100_0020n, 0xffff_ffff_8100_0030n];
  const prepare = (lab: Lab): void => {
    lab.map({ type: MapType.StackTrace, valueSize: 16, maxEntries: 8 });
    lab.world.kernelAddresses = addresses;
  };
  const stackid = (flags: string): string =>
    `r2 = map[fd:${FIRST_FD}]\nr3 = ${flags} ll\ncall bpf_get_stackid\n`;
  const twice = runBoth(`r6 = r1\n${stackid("0x0")}r7 = r0\nr1 = r6\n${stackid("0x0")}r0 -= r7\nexit`, {
    prepare,
  });
  assert.is(twice.r0, 0n, "the same stack has the same id");
  for (const engine of engines) {
    const lab = new Lab(engine);
    prepare(lab);
    const id = lab.load(`${stackid("0x1")}exit`).runAt(lab.context(new Uint8Array(8)));
    const stored = lab.maps[0]?.read(new Uint8Array(Uint32Array.of(id).buffer)) as Uint8Array;
    assert.equal([...new BigUint64Array(stored.buffer)], addresses.slice(1), "one frame skipped, two fit");
  }
  assert.is(runBoth(`${stackid("0x100")}exit`, { prepare }).r0, negative(14), "no user stack");
  assert.is(runBoth(`${stackid("0x1000")}exit`, { prepare }).r0, negative(22));
  assert.is(runBoth(`${stackid("0x3")}exit`, { prepare }).r0, negative(14), "nothing left after skipping");
  const getStack = (size: number, flags: number): string =>
    `r2 = r1\nr3 = ${size}\nr4 = ${flags}\ncall bpf_get_stack\nexit`;
  const context = new Uint8Array(40).fill(0xee);
  const whole = runBoth(getStack(32, 0), { prepare, context });
  assert.is(whole.r0, 24n);
  assert.equal([...new BigUint64Array(whole.context.slice(0, 32).buffer)], [...addresses, 0n]);
  assert.is(whole.context[32], 0xee);
  assert.is(runBoth(getStack(8, 1), { prepare, context }).r0, 8n);
  assert.is(runBoth(getStack(12, 0), { prepare, context }).r0, negative(22));
  assert.is(runBoth(getStack(8, 0x100), { prepare, context }).r0, negative(14));
});

test("stacks that collide are EEXIST unless ids may be reused; a full map is ENOMEM", () => {
  const lab = new Lab("jit");
  lab.map({ type: MapType.StackTrace, valueSize: 8, maxEntries: 1 });
  const program = (flags: number) =>
    lab.load(`r2 = map[fd:${FIRST_FD}]\nr3 = ${flags}\ncall bpf_get_stackid\nexit`);
  const context = lab.context(new Uint8Array(8));
  lab.world.kernelAddresses = [1n];
  assert.is(program(0).runAt(context), 0);
  lab.world.kernelAddresses = [2n];
  assert.is(program(0).runAt(context), -17);
  assert.is(program(1 << 10).runAt(context), 0);
  assert.equal(lab.maps[0]?.read(new Uint8Array(4)), Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0));
});

for (const [input, flags, expected, value] of [
  ["123", 0, 3n, 123n],
  ["  -77x", 10, 5n, BigInt.asUintN(64, -77n)],
  ["0x1F!", 0, 4n, 31n],
  ["0x1f", 16, 4n, 31n],
  ["017", 0, 3n, 15n],
  ["1f", 16, 2n, 31n],
  ["9", 8, negative(22), 0n],
  ["12", 2, negative(22), 0n],
  ["   ", 0, negative(22), 0n],
  ["-", 0, negative(22), 0n],
  ["9223372036854775808", 0, negative(34), 0n],
  ["-9223372036854775808", 0, 20n, 1n << 63n],
  ["99999999999999999999", 0, negative(34), 0n],
] as const) {
  test(`bpf_strtol of "${input}", base ${flags}`, () => {
    const context = new Uint8Array(40);
    context.set(text(input), 8);
    const program = `r4 = r1\nr1 += 8\nr2 = ${input.length}\nr3 = ${flags}\ncall bpf_strtol\nexit`;
    const outcome = runBoth(program, { context });
    assert.is(outcome.r0, expected);
    assert.is(new DataView(outcome.context.buffer).getBigUint64(0, true), value);
  });
}

test("bpf_strtoul knows no sign", () => {
  const context = new Uint8Array(40);
  context.set(text("18446744073709551615"), 8);
  const program = (size: number): string => `r4 = r1\nr1 += 8\nr2 = ${size}\nr3 = 0\ncall bpf_strtoul\nexit`;
  const outcome = runBoth(program(20), { context });
  assert.is(outcome.r0, 20n);
  assert.is(new DataView(outcome.context.buffer).getBigUint64(0, true), 2n ** 64n - 1n);
  context.set(text("-1"), 8);
  assert.is(runBoth(program(2), { context }).r0, negative(22));
});

for (const [first, second, size, expected] of [
  ["abc", "abc", 4, 0n],
  ["abd", "abc", 4, 1n],
  ["abb", "abc", 4, negative(1)],
  ["abcX", "abcY", 3, 0n],
  ["ab", "abc", 8, negative(1)],
] as const) {
  test(`bpf_strncmp("${first}", ${size}, "${second}")`, () => {
    const context = new Uint8Array(32);
    context.set(text(first), 0);
    context.set(text(second), 16);
    const program = `r3 = r1\nr3 += 16\nr2 = ${size}\ncall bpf_strncmp\nexit`;
    assert.is(runBoth(program, { context }).r0, expected);
  });
}

test("spin locks do nothing, but only to the program's own memory", () => {
  assert.is(runBoth("r6 = r1\ncall bpf_spin_lock\nr1 = r6\ncall bpf_spin_unlock\nr0 = 4\nexit").r0, 4n);
  assert.is(runBoth("r1 = 0\ncall bpf_spin_lock\nr0 = 0\nexit").fault?.code, "VM012");
});

test.run();
