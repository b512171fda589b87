/** Tests of codecs against BTF made by hand: shapes, bit-fields, hostile graphs. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { BtfBuilder, BtfTable, type BtfType } from "@bpfkit/elf/btf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeText, stringCodec } from "./aggregate.ts";
import { integerCodec, readBits } from "./scalar.ts";
import { codecFor } from "./type-codec.ts";

const int = (name: string, size: number, signed = false, bool = false): BtfType => ({
  kind: "int",
  name,
  size,
  bits: size * 8,
  bitOffset: 0,
  signed,
  char: false,
  bool,
});

function member(name: string, type: number, bitOffset: number, bitSize = 0) {
  return { name, type, bitOffset, bitSize };
}

function sample(): { table: BtfTable; event: number; union: number } {
  const b = new BtfBuilder();
  const u8 = b.add(int("unsigned char", 1));
  const char = b.add(int("char", 1, true));
  const u32 = b.add(int("unsigned int", 4));
  const s32 = b.add(int("int", 4, true));
  const u64 = b.add(int("unsigned long long", 8));
  const bool = b.add(int("_Bool", 1, false, true));
  const pid = b.add({ kind: "typedef", name: "pid_t", type: s32 });
  const text = b.add({ kind: "array", elementType: char, indexType: u32, count: 16 });
  const texts = b.add({ kind: "array", elementType: text, indexType: u32, count: 2 });
  const bytes = b.add({ kind: "array", elementType: u8, indexType: u32, count: 4 });
  const pointer = b.add({ kind: "ptr", type: u32 });
  const colour = b.add({
    kind: "enum",
    name: "colour",
    size: 4,
    signed: true,
    values: [
      { name: "RED", value: -1 },
      { name: "BLUE", value: 2 },
    ],
  });
  const anonymous = b.add({
    kind: "struct",
    name: "",
    size: 8,
    members: [member("inner", u32, 0), member("deep", bool, 32)],
  });
  const event = b.add({
    kind: "struct",
    name: "event",
    size: 112,
    members: [
      member("pid", pid, 0),
      member("ok", bool, 32),
      member("flags", u8, 40, 3),
      member("small", s32, 43, 5),
      member("ts", u64, 64),
      member("comm", text, 128),
      member("", anonymous, 256),
      member("names", texts, 320),
      member("raw", bytes, 576),
      member("tint", colour, 608),
      member("next", pointer, 640),
      member("wide", u64, 704, 40),
    ],
  });
  const union = b.add({
    kind: "union",
    name: "both",
    size: 8,
    members: [member("low", u32, 0), member("all", u64, 0)],
  });
  return { table: BtfTable.decode(b.encode()), event, union };
}

const value = {
  pid: -7,
  ok: true,
  flags: 5,
  small: -3,
  ts: 0x1122334455667788n,
  comm: "bash ü",
  inner: 9,
  deep: true,
  names: ["one", "two"],
  raw: [1, 2, 3, 255],
  tint: -1,
  next: 0xffff888000000001n,
  wide: 0xff_1234_5678n,
};

test("a struct with every shape survives encoding and decoding", () => {
  const { table, event } = sample();
  const codec = codecFor(table, event);
  assert.is(codec.typeName, "struct event");
  assert.equal(codec.decode(codec.encode(value)), value);
});

test("decoding starts at an offset and leaves neighbours alone when encoding", () => {
  const { table, event } = sample();
  const codec = codecFor(table, event);
  const bytes = new Uint8Array(codec.size + 10).fill(0xee);
  codec.encodeInto(value, bytes, 3);
  assert.equal(codec.decode(bytes, 3), value);
  assert.equal([...bytes.subarray(0, 3)], [0xee, 0xee, 0xee]);
  assert.equal([...bytes.subarray(3 + codec.size)], new Array(7).fill(0xee));
});

test("absent members become zero, unknown ones are refused", () => {
  const { table, event } = sample();
  const codec = codecFor(table, event);
  const decoded = codec.decode(codec.encode({ pid: 1 })) as Record<string, unknown>;
  assert.is(decoded["ts"], 0n);
  assert.is(decoded["comm"], "");
  assert.throws(() => codec.encode({ pit: 1 }), /no member "pit"/);
});

test("text of every length ends at its NUL, as UTF-8", () => {
  const char = integerCodec("char", "int", 1, true);
  const check = (bytes: Uint8Array, text: string) => {
    assert.is(decodeText(bytes), text);
    assert.is(stringCodec("char[]", char, bytes.length).decode(bytes), text);
  };
  const texts = ["", "bash", "a".repeat(64), "b".repeat(65), "naïve", "é".repeat(40), "\u{1f41d} and ascii"];
  const many = Array.from({ length: 600 }, (_, index) => `kworker/u8:${index}`);
  // Twice, as names come: what is remembered of a text may not answer for another one.
  for (const text of [...texts, ...many, ...texts, ...many]) {
    const bytes = new TextEncoder().encode(text);
    check(bytes, text);
    check(new Uint8Array([...bytes, 0, 65, 0xff]), text);
  }
  check(new Uint8Array([65, 0xff, 66]), "A\ufffdB");
});

test("bit-fields of every width and place are read as C reads them", () => {
  for (const signed of [false, true]) {
    for (let place = 0; place < 20; place += 1) {
      for (let bits = 1; place + bits <= 64; bits += 1) {
        const bytes = Uint8Array.from({ length: 8 }, (_, index) => (index * 0x9d + place * 7 + bits) ^ 0xa5);
        const view = new DataView(bytes.buffer);
        const word = view.getBigUint64(0, true) >> BigInt(place);
        const expected = signed ? BigInt.asIntN(bits, word) : BigInt.asUintN(bits, word);
        assert.is(BigInt(readBits(view, place, bits, signed)), expected, `${bits} bits at ${place}`);
      }
    }
  }
});

test("unions show every view of their bytes", () => {
  const { table, union } = sample();
  const codec = codecFor(table, union);
  const bytes = codec.encode({ all: 0x1_0000_0002n });
  assert.equal(codec.decode(bytes), { low: 2, all: 0x1_0000_0002n });
});

test("values that do not fit are refused with the type's name", () => {
  const { table, event } = sample();
  const codec = codecFor(table, event);
  assert.throws(() => codec.encode({ pid: 2 ** 31 }), /pid_t|int/);
  assert.throws(() => codec.encode({ flags: 8 }), /flags:3/);
  assert.throws(() => codec.encode({ comm: "seventeen letters" }), /char\[16\]/);
  assert.throws(() => codec.encode({ raw: [1, 2, 3, 4, 5] }), /5 elements/);
  assert.throws(() => codec.decode(new Uint8Array(20)), /112 bytes, but only 20/);
});

const isRefusal = (error: unknown): boolean => error instanceof BpfkitError && error.code === "LD062";

test("a struct that contains itself is refused", () => {
  const b = new BtfBuilder();
  const id = b.reserve();
  b.set(id, { kind: "struct", name: "loop", size: 8, members: [member("self", id, 0)] });
  assert.throws(() => codecFor(BtfTable.decode(b.encode()), id), isRefusal);
});

test("a union of unions that doubles at every level is refused, not decoded", () => {
  const b = new BtfBuilder();
  let last = b.add(int("unsigned int", 4));
  for (let level = 0; level < 40; level += 1) {
    last = b.add({
      kind: "union",
      name: `level${level}`,
      size: 4,
      members: [member("a", last, 0), member("b", last, 0)],
    });
  }
  assert.throws(() => codecFor(BtfTable.decode(b.encode()), last), isRefusal);
});

test("members outside of their struct, absurd sizes and functions are refused", () => {
  const b = new BtfBuilder();
  const u32 = b.add(int("unsigned int", 4));
  const outside = b.add({ kind: "struct", name: "s", size: 4, members: [member("a", u32, 16)] });
  const odd = b.add({ kind: "struct", name: "o", size: 8, members: [member("a", u32, 3)] });
  const proto = b.add({ kind: "func_proto", returnType: 0, params: [] });
  const huge = b.add({ kind: "array", elementType: u32, indexType: u32, count: 0xffff_ffff });
  const table = BtfTable.decode(b.encode());
  for (const id of [outside, odd, proto, huge]) assert.throws(() => codecFor(table, id), isRefusal);
});

test.run();
