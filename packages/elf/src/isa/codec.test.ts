/** Tests of the instruction codec, against clang's code. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  assemble,
  clobbers,
  decodeInstructions,
  defines,
  encodeInstructions,
  type Instruction,
  isaLevel,
  programLevel,
  slotCount,
  totalSlots,
  uses,
} from "./index.ts";

const one = (text: string): Instruction => assemble(text)[0] as Instruction;

test("both byte orders", () => {
  const program = assemble("r3 = *(u32 *)(r7 -4)\nr1 = 0x1122334455667788 ll");
  const little = encodeInstructions(program);
  assert.equal([...little.subarray(0, 8)], [0x61, 0x73, 0xfc, 0xff, 0, 0, 0, 0]);
  assert.equal(
    [...little.subarray(8)],
    [0x18, 1, 0, 0, 0x88, 0x77, 0x66, 0x55, 0, 0, 0, 0, 0x44, 0x33, 0x22, 0x11],
  );
  const big = encodeInstructions(program, { littleEndian: false });
  assert.equal([...big.subarray(0, 8)], [0x61, 0x37, 0xff, 0xfc, 0, 0, 0, 0]);
  assert.equal(decodeInstructions(little), program);
  assert.equal(decodeInstructions(big, { littleEndian: false }), program);
  assert.is(totalSlots(program), 3);
  assert.equal(program.map(slotCount), [1, 2]);
});

test("any slots that are not 64-bit loads survive a round trip", () => {
  let seed = 1;
  const bytes = new Uint8Array(8 * 4096);
  for (let at = 0; at < bytes.length; at++) {
    seed = (Math.imul(seed, 1103515245) + 12345) | 0;
    bytes[at] = (seed >>> 16) & 0xff;
  }
  for (let at = 0; at < bytes.length; at += 8) if (bytes[at] === 0x18) bytes[at] = 0x07;
  assert.equal(encodeInstructions(decodeInstructions(bytes)), bytes);
});

const code = (wanted: string) => (error: unknown) => error instanceof BpfkitError && error.code === wanted;

test("cut off and damaged code is refused", () => {
  assert.throws(() => decodeInstructions(new Uint8Array(7)), code("EL201"));
  assert.throws(() => decodeInstructions(Uint8Array.of(0x18, 0, 0, 0, 0, 0, 0, 0)), code("EL202"));
  const bytes = new Uint8Array(16);
  bytes[0] = 0x18;
  bytes[9] = 1;
  assert.throws(() => decodeInstructions(bytes), code("EL203"));
});

test("fields that do not fit are refused", () => {
  const move = one("r1 = 1");
  for (const wrong of [
    { off: 32768 },
    { imm: 2 ** 32 },
    { dst: 16 },
    { src: -1 },
    { immHigh: 1 },
    { imm: 0.5 },
  ]) {
    assert.throws(() => encodeInstructions([{ ...move, ...wrong }]), code("EL204"), JSON.stringify(wrong));
  }
});

const registers: readonly (readonly [string, number[], number[], number[]])[] = [
  ["r1 = 5", [], [1], []],
  ["r1 = r2", [2], [1], []],
  ["r1 += r2", [1, 2], [1], []],
  ["r1 += r1", [1], [1], []],
  ["w1 = -w1", [1], [1], []],
  ["r1 = be16 r1", [1], [1], []],
  ["r1 = (s8)r2", [2], [1], []],
  ["r1 = *(u64 *)(r2 +0)", [2], [1], []],
  ["*(u64 *)(r1 +0) = r2", [1, 2], [], []],
  ["*(u64 *)(r1 +0) = 2", [1], [], []],
  ["r1 = 0x5 ll", [], [1], []],
  ["goto pc+1", [], [], []],
  ["gotol pc+1", [], [], []],
  ["may_goto pc+1", [], [], []],
  ["if r1 == 0 goto pc+1", [1], [], []],
  ["if w1 == w2 goto pc+1", [1, 2], [], []],
  ["exit", [0], [], []],
  ["call bpf_map_lookup_elem", [1, 2], [0], [1, 2, 3, 4, 5]],
  ["call bpf_ktime_get_ns", [], [0], [1, 2, 3, 4, 5]],
  ["call bpf_trace_printk", [1, 2, 3, 4, 5], [0], [1, 2, 3, 4, 5]],
  ["call pc+1", [1, 2, 3, 4, 5], [0], [1, 2, 3, 4, 5]],
  ["r0 = *(u8 *)skb[4]", [6], [0], [1, 2, 3, 4, 5]],
  ["r0 = *(u8 *)skb[r7 + 4]", [6, 7], [0], [1, 2, 3, 4, 5]],
  ["lock *(u64 *)(r1 +0) += r2", [1, 2], [], []],
  ["r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)", [1, 2], [2], []],
  ["r2 = atomic64_xchg((u64 *)(r1 +0), r2)", [1, 2], [2], []],
  ["r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r2)", [0, 1, 2], [0], []],
  ["r1 = load_acquire((u64 *)(r2 +0))", [2], [1], []],
  ["store_release((u64 *)(r1 +0), r2)", [1, 2], [], []],
];

for (const [text, read, written, lost] of registers) {
  test(`registers of ${text}`, () => {
    assert.equal(uses(one(text)), read);
    assert.equal(defines(one(text)), written);
    assert.equal(clobbers(one(text)), lost);
  });
}

test("levels", () => {
  const levels = {
    "r1 += r2": "v1",
    "lock *(u64 *)(r1 +0) += r2": "v1",
    "if r1 < r2 goto pc+1": "v2",
    "if w1 == w2 goto pc+1": "v3",
    "r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)": "v3",
    "gotol pc+1": "v4",
    "r1 = (s8)r2": "v4",
    "r1 = bswap16 r1": "v4",
    "r1 = be16 r1": "v1",
    "w1 s/= w2": "v4",
    "r1 = *(s8 *)(r2 +0)": "v4",
  };
  for (const [text, level] of Object.entries(levels)) assert.is(isaLevel(one(text)), level, text);
  assert.is(programLevel(assemble("r0 = 0\nif r1 < r2 goto pc+0\nexit")), "v2");
});

test.run();
