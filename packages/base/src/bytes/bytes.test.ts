/** Tests of the byte cursors. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BpfkitError } from "../diagnostics/index.ts";
import { ByteReader, ByteWriter, fitsInt32, fromWords, fromWordsSigned, hexdump, toWords } from "./index.ts";

const tooShort = (text: RegExp) => (error: unknown) =>
  error instanceof BpfkitError && error.code === "BY001" && text.test(error.message);

for (const littleEndian of [true, false]) {
  test(`numbers come back, ${littleEndian ? "little" : "big"}-endian`, () => {
    const writer = new ByteWriter({ littleEndian });
    writer
      .u8(0xfe)
      .u16(0xfedc)
      .u32(0xfedcba98)
      .i32(-2)
      .u64(0xfedcba9876543210n)
      .u64(-1)
      .u64(2 ** 40);
    const reader = new ByteReader(writer.finish(), { littleEndian });
    assert.is(reader.u8(), 0xfe);
    assert.is(reader.u16(), 0xfedc);
    assert.is(reader.u32(), 0xfedcba98);
    assert.is(reader.i32(), -2);
    assert.is(reader.u64(), 0xfedcba9876543210n);
    assert.is(reader.i64(), -1n);
    assert.is(reader.u64Number(), 2 ** 40);
    assert.is(reader.remaining, 0);
  });
}

test("byte order is what it says", () => {
  assert.equal([...new ByteWriter().u32(0x01020304).finish()], [4, 3, 2, 1]);
  assert.equal([...new ByteWriter({ littleEndian: false }).u32(0x01020304).finish()], [1, 2, 3, 4]);
});

test("signed readers", () => {
  const reader = new ByteReader(Uint8Array.of(0xff, 0xfe, 0xff));
  assert.is(reader.i8(), -1);
  assert.is(reader.i16(), -2);
});

test("strings, alignment, views and seeking", () => {
  const bytes = new ByteWriter().cString("größe").align(8).bytes(Uint8Array.of(1, 2)).zeros(2).finish();
  assert.is(bytes.length, 12);
  const reader = new ByteReader(bytes);
  assert.is(reader.cString(), "größe");
  reader.align(4);
  assert.is(reader.offset, 8);
  const view = reader.bytes(2);
  bytes[8] = 9;
  assert.equal([...view], [9, 2]);
  reader.seek(12);
  assert.throws(() => reader.seek(13), tooShort(/offset 13/));
});

test("reading past the end names place and size, and stays where it was", () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3, 4, 5), { name: "header of x.o" });
  reader.u16();
  assert.throws(() => reader.u32(), tooShort(/^header of x\.o ends too early: wanted 4 bytes at offset 2/));
  assert.is(reader.offset, 2);
  for (const size of [4, -1, 0.5, Number.NaN, 2 ** 60])
    assert.throws(() => reader.bytes(size), tooShort(/wanted/));
  assert.throws(() => reader.cString(), tooShort(/no end/));
  assert.throws(() => reader.align(8), tooShort(/wanted/));
});

test("64-bit numbers beyond 2^53 are not rounded in silence", () => {
  const reader = new ByteReader(new ByteWriter().u64(2n ** 53n).finish());
  assert.throws(() => reader.u64Number(), tooShort(/9007199254740992/));
  assert.is(reader.u64(), 2n ** 53n);
});

test("growing and patching", () => {
  const writer = new ByteWriter();
  for (let count = 0; count < 1000; count++) writer.u32(count);
  writer.patchU32(400, 7);
  assert.throws(() => writer.patchU32(3997, 1), tooShort(/patch/));
  const reader = new ByteReader(writer.finish());
  reader.seek(396);
  assert.equal([reader.u32(), reader.u32(), reader.u32()], [99, 7, 101]);
  assert.is(writer.length, 4000);
});

test("words", () => {
  for (const value of [
    0n,
    1n,
    -1n,
    0x7fffffffn,
    0x80000000n,
    -(2n ** 63n),
    2n ** 63n - 1n,
    0xffffffff00000000n,
  ]) {
    const { low, high } = toWords(value);
    assert.is(fromWords(low, high), BigInt.asUintN(64, value));
    assert.is(fromWordsSigned(low, high), BigInt.asIntN(64, value));
    assert.ok(low === (low | 0) && high === (high | 0));
  }
  assert.ok(fitsInt32(-1n) && fitsInt32(0x7fffffffn) && fitsInt32(0xffffffffffffffffn));
  assert.not.ok(fitsInt32(0x80000000n));
});

test("hexdump", () => {
  const bytes = Uint8Array.from({ length: 20 }, (_, index) => index + 60);
  assert.is(
    hexdump(bytes, { base: 0x100 }),
    "00000100  3c 3d 3e 3f 40 41 42 43  44 45 46 47 48 49 4a 4b  |<=>?@ABCDEFGHIJK|\n" +
      "00000110  4c 4d 4e 4f                                       |LMNO|",
  );
  assert.match(hexdump(bytes, { limit: 16 }), /\n\.\.\. 4 more bytes$/);
  assert.is(hexdump(new Uint8Array()), "");
});

test.run();
