/** A sample of LLVM's own tests of its BPF back end: bpfkit's objects are as llc's. `npm run corpus:llvm` runs all. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";
import { expectationOf, expectations } from "./llvm/expectations.ts";
import { measureAll } from "./llvm/measure.ts";
import { jobsOf } from "./llvm/runs.ts";
import { fetchTests, type LlvmTests, whyNoTests } from "./llvm/tests.ts";

/** One for each kind of construct. */
const sample = [
  ...["32-bit-subreg-alu.ll", "addr-space-auto-casts.ll", "addr-space-cast.ll", "addr-space-globals.ll"],
  ...["atomics.ll", "atomics_2.ll", "bswap.ll", "cc_args.ll", "elf-symbol-information.ll", "gotol.ll"],
  ...["i128.ll", "inline_asm.ll", "inlineasm-wreg.ll", "intrinsics.ll", "ldsx.ll", "many_args1.ll"],
  ...["memcmp.ll", "movsx.ll", "reloc-btf.ll", "rodata_1.ll", "sdiv_smod.ll", "sockex2.ll", "store_imm.ll"],
  ...["struct_ret1.ll", "vararg1.ll", "vla.ll", "xadd.ll", "BTF/extern-var-section.ll", "BTF/float.ll"],
  ...["BTF/map-def-3.ll", "BTF/static-func.ll", "BTF/tag-typedef.ll", "BTF/type-tag-var.ll"],
  ...["CORE/anon-union-localvar-attr.ll", "CORE/field-reloc-bitfield-record-align16.ll"],
  ...["CORE/intrinsic-fieldinfo-lshift-1.ll", "CORE/offset-reloc-typedef-union-2.ll"],
];

const tools = ["llc-19", "opt-19", "bpftool"].map(requireTool);
const [llc, opt, bpftool] = tools;

/** The tests; undefined after a loud line. In CI there must be some. */
function available(): LlvmTests | undefined {
  let reason = whyNoTests();
  if (reason === undefined) {
    try {
      return fetchTests((line) => console.log(line));
    } catch (error) {
      reason = `LLVM's tests could not be fetched: ${String(error).split("\n")[0]}`;
    }
  }
  if (process.env["CI"] !== undefined) throw new Error(reason);
  process.stderr.write(`SKIPPED: ${reason}\n`);
  return undefined;
}

const tests = tools.includes(undefined) ? undefined : available();
if (llc !== undefined && opt !== undefined && bpftool !== undefined && tests !== undefined) {
  test("the objects of a sample of LLVM's tests are as llc's", async () => {
    const outcomes = await measureAll(tests, { llc, opt, bpftool }, sample);
    const rows = expectations();
    const unexpected = outcomes
      .flatMap(({ differences }) => differences)
      .filter((difference) => expectationOf(difference, rows) === undefined);
    assert.equal(unexpected, []);
    assert.is(outcomes.length, sample.length);
    const compared = outcomes.reduce((sum, outcome) => sum + outcome.compared, 0);
    assert.ok(compared >= 4 * 30, `${compared} objects compared`);
  });
}

test("RUN lines become jobs", () => {
  const text = `; RUN: opt -O2 -mtriple=bpf-pc-linux %s | llvm-dis > %t1
; RUN: llc -mcpu=v3 -o - %t1 | FileCheck %s
; RUN: not llc -march=bpfel \\
; RUN:   -mattr=+alu32 < %s 2> %t2
; RUN: llc -march=bpfeb < %s | FileCheck %s`;
  assert.equal(jobsOf(text), [
    { opt: ["-O2", "-mtriple=bpf-pc-linux"], llc: [], cpu: "v3" },
    { opt: undefined, llc: ["-mattr=+alu32"], cpu: "v1" },
  ]);
});

test("every expected difference has a reason", () => {
  for (const { tests: names, checks, reason } of expectations())
    assert.ok(names.length > 0 && checks.length > 0 && reason.length > 20, names.join(", "));
});

test.run();
