/** Selftests of the kernel, one for each kind of construct: bpfkit's object is as clang's, and the kernel takes it where it takes clang's. */
import { release } from "node:os";
import { BtfTable } from "@bpfkit/elf/btf";
import { loadBundledProfile } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";
import { typeDifference } from "./codegen/compare.ts";
import { expectationOf, expectations, unexplained } from "./codegen/expectations.ts";
import { traceDifference } from "./codegen/kernel/compare-runs.ts";
import { canAskKernel } from "./codegen/kernel/oracle.ts";
import { meanRatio, measureAll, type Outcome } from "./codegen/measure.ts";
import { fetchSelftests, type Selftests, whyNoSelftests } from "./codegen/selftests.ts";

/** `npm run corpus:codegen` measures all of them. */
const sample = [
  ...["atomics", "bind4_prog", "bpf_dctcp", "bpf_iter_task_file", "btf_type_tag", "core_kern_overflow"],
  ...[
    "dynptr_success",
    "for_each_array_map_elem",
    "freplace_get_constant",
    "kfunc_call_test",
    "user_ringbuf_success",
  ],
  ...["linked_funcs1", "local_storage", "loop3", "map_kptr", "strncmp_test", "test_bpf_cookie"],
  ...["test_core_extern", "test_core_reloc_kernel", "test_core_reloc_enum64val", "test_global_data"],
  ...["test_l4lb_noinline", "test_ringbuf", "test_xdp", "test_usdt", "timer"],
  // What once ran into the verifier's limit, what it could not see the bounds of, and what the optimiser made too large.
  ...["strobemeta_subprogs", "test_seg6_loop", "test_core_reloc_bitfields_direct", "map_ptr_kern"],
  // Samples, one with the kernel's names.
  ...["tcp_basertt_kern", "xdp1_kern", "xdp_router_ipv4.bpf"],
];

const clang = requireTool("clang-19");
const bpftool = requireTool("bpftool");

/** The selftests; undefined after a loud line. In CI there must be some. */
function available(): Selftests | undefined {
  let reason = whyNoSelftests();
  if (reason === undefined) {
    try {
      return fetchSelftests(BtfTable.decode(loadBundledProfile().btf), (line) => console.log(line));
    } catch (error) {
      reason = `the kernel's selftests could not be fetched: ${String(error).split("\n")[0]}`;
    }
  }
  if (process.env["CI"] !== undefined) throw new Error(reason);
  process.stderr.write(`SKIPPED: ${reason}\n`);
  return undefined;
}

const tests = clang === undefined || bpftool === undefined ? undefined : available();
if (clang !== undefined && bpftool !== undefined && tests !== undefined) {
  const load = canAskKernel();
  if (!load) process.stderr.write("SKIPPED: the kernel's word on the objects needs root, BPF and libbpf\n");
  let running: Promise<Outcome[]> | undefined;
  const measured = (): Promise<Outcome[]> => {
    running ??= measureAll(tests, { clang, bpftool, load }, sample);
    return running;
  };
  const known = expectations().failures;
  for (const name of sample) {
    test(`${name} is as clang's`, async () => {
      const outcome = (await measured()).find((other) => other.name === name);
      assert.is(outcome?.nativeError, undefined);
      const failures = outcome?.failures ?? [];
      assert.equal(
        failures.filter((failure) => expectationOf(failure, release(), known) === undefined),
        [],
      );
      assert.ok(outcome?.built || failures.length > 0);
    });
  }
  test("the sample's code is not larger, and the kernel loaded some of it", async () => {
    const outcomes = await measured();
    const ratio = meanRatio(outcomes);
    assert.ok(ratio <= expectations().meanRatio, `${ratio.toFixed(4)} times clang's size`);
    if (load)
      assert.ok(
        outcomes.filter(({ programs }) => programs?.some(({ loads }) => loads)).length >= 10,
        "at least 10 are loaded",
      );
  });
}

const int = { id: 1, kind: "INT", name: "int", size: 4 };
const pointer = { id: 2, kind: "PTR", name: "(anon)", type_id: 3 };
const node = { id: 3, kind: "STRUCT", name: "node", members: [{ name: "next", type_id: 2, bits_offset: 0 }] };
const dump = (...types: readonly object[]): string => JSON.stringify({ types });

test("numbering and order are no differences of BTF", () => {
  const moved = dump(
    { ...node, id: 1, members: [{ name: "next", type_id: 3, bits_offset: 0 }] },
    { ...int, id: 2 },
    { ...pointer, id: 3, type_id: 1 },
  );
  assert.is(typeDifference(moved, dump(int, pointer, node)), undefined);
});

test("another size, another target and a type too many are differences of BTF", () => {
  const differs = (...others: readonly object[]): boolean =>
    typeDifference(dump(...others), dump(int, pointer, node)) !== undefined;
  assert.ok(differs({ ...int, size: 8 }, pointer, node));
  assert.ok(differs(int, { ...pointer, type_id: 1 }, node));
  assert.ok(differs(int, pointer, node, { ...int, id: 4 }));
  assert.ok(differs(int, pointer));
});

test("a data section is the same in any order of its list, but not with other offsets", () => {
  const first = { type_id: 1, offset: 0, size: 4 };
  const second = { type_id: 2, offset: 8, size: 8 };
  const section = (...vars: readonly object[]): string =>
    dump(int, { ...pointer, type_id: 1 }, { id: 3, kind: "DATASEC", name: ".data", size: 16, vars });
  assert.is(typeDifference(section(second, first), section(first, second)), undefined);
  assert.ok(typeDifference(section(first, { ...second, offset: 4 }), section(first, second)));
});

test("a run differs from clang's only where clang's own runs agree", () => {
  const first = ["p on input 0: returns 1", "m[00]: 00000000000000010000000000000002", "q[01]: 05"];
  const second = ["p on input 0: returns 1", "m[00]: 00000000000000090000000000000002"];
  const differs = (...ours: readonly string[]): boolean =>
    traceDifference(ours, [first, second]) !== undefined;
  assert.not.ok(differs(...first));
  assert.not.ok(differs("p on input 0: returns 1", "m[00]: 00000000000000550000000000000002"));
  assert.ok(differs("p on input 0: returns 2", "m[00]: 00000000000000010000000000000002"));
  assert.ok(differs("p on input 0: returns 1", "m[00]: 00000000000000010000000000000003"));
  assert.ok(differs("p on input 0: returns 1"));
  assert.ok(differs(...first, "r[00]: 01"));
});

test("every expected difference has a reason", () => {
  for (const { reason, programs } of expectations().failures)
    assert.ok(
      reason.length > 20 && !reason.includes(unexplained) && programs.length > 0,
      programs.join(", "),
    );
});

test.run();
