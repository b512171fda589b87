/** Records in perf rings are framed, padded, wrapped and lost as the kernel does it. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PerfRecord, PerfRing } from "./perf-ring.ts";

/** Takes one record out, as a reader does. */
function take(ring: PerfRing): { type: number; misc: number; body: Uint8Array } {
  const at = ring.readConsumer();
  const bytes = new Uint8Array(ring.readProducer() - at);
  bytes.forEach((_, index) => {
    bytes[index] = ring.data()[(at + index) & (ring.sizeBytes - 1)]!;
  });
  const view = new DataView(bytes.buffer);
  const size = view.getUint16(6, true);
  ring.writeConsumer(at + size);
  return { type: view.getUint32(0, true), misc: view.getUint16(4, true), body: bytes.slice(8, size) };
}

test("a sample's size counts the padding to eight bytes", () => {
  const ring = new PerfRing(4096, 1, () => {});
  for (const [length, rawSize] of [
    [1, 4],
    [4, 4],
    [5, 12],
    [12, 12],
    [13, 20],
  ] as const) {
    const data = Uint8Array.from({ length }, (_, index) => index + 1);
    assert.ok(ring.writeSample(data));
    const { type, misc, body } = take(ring);
    assert.is(type, PerfRecord.Sample);
    assert.is(misc, 1);
    assert.is(new DataView(body.buffer).getUint32(0, true), rawSize);
    assert.is(body.length, 4 + rawSize);
    assert.equal(body.slice(4, 4 + length), data);
    assert.ok(body.slice(4 + length).every((byte) => byte === 0));
  }
  assert.not(ring.hasData);
});

test("data wraps around the end", () => {
  const ring = new PerfRing(64, 1, () => {});
  for (let round = 0; round < 50; round++) {
    const data = Uint8Array.from({ length: 20 }, (_, index) => round + index);
    assert.ok(ring.writeSample(data), `round ${round}`);
    assert.equal(take(ring).body.slice(4, 24), data);
  }
  assert.is(ring.readProducer(), 50 * 32);
});

test("what does not fit is counted, and announced before the next record that fits", () => {
  const ring = new PerfRing(128, 77, () => {});
  const written = Array.from({ length: 5 }, () => ring.writeSample(new Uint8Array(28)));
  // 40 bytes each.
  assert.equal(written, [true, true, true, false, false]);
  take(ring);
  assert.not.ok(ring.writeSample(new Uint8Array(28)), "no room for the LOST record too");
  take(ring);
  assert.ok(ring.writeSample(new Uint8Array(28)));
  take(ring);
  const lost = take(ring);
  assert.is(lost.type, PerfRecord.Lost);
  const view = new DataView(lost.body.buffer);
  assert.is(view.getBigUint64(0, true), 77n);
  assert.is(view.getBigUint64(8, true), 3n);
  assert.is(take(ring).type, PerfRecord.Sample);
  assert.not(ring.hasData);
});

test("the last byte of a ring is never used", () => {
  const ring = new PerfRing(64, 1, () => {});
  assert.ok(ring.writeSample(new Uint8Array(20)));
  assert.not.ok(ring.writeSample(new Uint8Array(20)), "32 bytes are free, 31 can be used");
});

test("a record longer than its 16-bit size is lost", () => {
  const ring = new PerfRing(1 << 20, 1, () => {});
  assert.not.ok(ring.writeSample(new Uint8Array(0x10000)));
  assert.ok(ring.writeSample(new Uint8Array(0xffe0)));
});

test.run();
