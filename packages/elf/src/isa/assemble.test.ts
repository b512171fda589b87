/** Tests of assembling what was printed. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assemble, printInstruction, printListing } from "./index.ts";

const texts = (source: string): string[] => assemble(source).map(printInstruction);

test("labels count slots, two for a 64-bit load", () => {
  assert.equal(
    texts(`
      ; a comment
      r1 = 0x1122334455 ll
    again:
      r1 += -1        // another
      if r1 != 0 goto again
      r2 = 7 ll       # and another
      goto end
      call sub
    end: exit
    sub:
      w0 = 1
      exit`),
    [
      "r1 = 0x1122334455",
      "r1 += -1",
      "if r1 != 0x0 goto pc-2",
      "r2 = 0x7",
      "goto pc+1",
      "call pc+1",
      "exit",
      "w0 = 1",
      "exit",
    ],
  );
});

test("what the verifier logs can be pasted", () => {
  assert.equal(texts("0: (b7) r0 = 0        ; R0_w=0\n1: (95) exit"), ["r0 = 0", "exit"]);
});

test("helpers by name, by number, with and without prefix", () => {
  assert.equal(texts("call bpf_ktime_get_ns\ncall ktime_get_ns\ncall 5\ncall bpf_ktime_get_ns#5"), [
    "call bpf_ktime_get_ns#5",
    "call bpf_ktime_get_ns#5",
    "call bpf_ktime_get_ns#5",
    "call bpf_ktime_get_ns#5",
  ]);
});

test("immediates may be written unsigned", () => {
  assert.equal(texts("w1 &= 0xff00ff00\nif r1 == 4294967295 goto +0\nr1 = -0x10"), [
    "w1 &= -16711936",
    "if r1 == 0xffffffff goto pc+0",
    "r1 = -16",
  ]);
});

const refused: readonly (readonly [string, string, RegExp])[] = [
  ["r1 = w2", "EL205", /line 1/],
  ["\nr11 = 1", "EL205", /line 2: 11 is not a number from 0 to 10/],
  ["r1 += 4294967296", "EL205", /4294967296/],
  ["r1 = 0x10000000000000000 ll", "EL205", /not an instruction/],
  ["goto nowhere", "EL206", /nowhere/],
  ["call nothing", "EL206", /nothing/],
  ["a: exit\na: exit", "EL206", /twice/],
  ["goto pc+40000", "EL205", /40000/],
  ["r1 = be16 r2", "EL205", /not an instruction/],
  ["r1 = *(u7 *)(r2 +0)", "EL205", /not an instruction/],
  ["lock *(u8 *)(r1 +0) += r2", "EL205", /not an instruction/],
  ["w1 = (s32)w2", "EL205", /not an instruction/],
  ["r1 s+= r2", "EL205", /not an instruction/],
];

for (const [source, code, message] of refused) {
  test(`refuses ${JSON.stringify(source)}`, () => {
    assert.throws(
      () => assemble(source),
      (error: unknown) => error instanceof BpfkitError && error.code === code && message.test(error.message),
    );
  });
}

test("a listing shows labels, sources once, and bytes", () => {
  const program = assemble("if r1 == 0 goto +2\nr1 = 0x5 ll\nr0 = 0\nexit").map((instruction, index) => ({
    ...instruction,
    meta: {
      file: "/src/a.bpf.c",
      line: index < 2 ? 3 : 4,
      sourceLine: index < 2 ? "  if (!x)" : "  return 0;",
    },
  }));
  assert.is(
    printListing(program, { bytes: true, labels: new Map([[0, "main"]]) }),
    [
      "main:",
      "     ; if (!x) @ a.bpf.c:3",
      "   0: 15 01 02 00 00 00 00 00                          if r1 == 0x0 goto pc+2 <L1>",
      "   1: 18 01 00 00 05 00 00 00 00 00 00 00 00 00 00 00  r1 = 0x5",
      "   L1:",
      "     ; return 0; @ a.bpf.c:4",
      "   3: b7 00 00 00 00 00 00 00                          r0 = 0",
      "   4: 95 00 00 00 00 00 00 00                          exit",
    ].join("\n"),
  );
});

test("junk neither hangs nor throws anything but BpfkitError", () => {
  const pieces = [
    "r1",
    "w2",
    " = ",
    "*(u64 *)",
    "(r1 +0)",
    "goto",
    " pc+1",
    "if ",
    "0x",
    "lock ",
    "[",
    "ll",
    ":",
    "call ",
  ];
  let seed = 7;
  for (let round = 0; round < 3000; round++) {
    let source = "";
    for (let count = 0; count < 5; count++) {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      source += pieces[(seed >> 8) % pieces.length];
    }
    try {
      assemble(source);
    } catch (error) {
      assert.instance(error, BpfkitError, source);
    }
  }
});

test.run();
