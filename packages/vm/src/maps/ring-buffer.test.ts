/** Ring buffers: reserving, committing, wrapping, running full, and waking the reader. */
import { Errno, MapType } from "@bpfkit/base/abi";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { engines, FIRST_FD, Lab, runBoth } from "../testdata/lab.ts";
import { Dice } from "../testdata/random-program.ts";
import { RingBufferMap, RingFlag, RingQuery } from "./ring-buffer.ts";

function ringOf(lab: Lab, size = 4096): RingBufferMap {
  const map = lab.map({ type: MapType.Ringbuf, keySize: 0, valueSize: 0, maxEntries: size });
  assert.instance(map, RingBufferMap);
  return map as RingBufferMap;
}

/** Reads all committed records as a consumer does, with wrapping. */
function drain(ring: RingBufferMap): Uint8Array[] {
  const records: Uint8Array[] = [];
  const at = (position: number, length: number): Uint8Array => {
    const data = ring.data();
    return Uint8Array.from({ length }, (_, i) => data[(position + i) & (ring.sizeBytes - 1)] as number);
  };
  let position = ring.consumerPosition();
  while (position < ring.producerPosition()) {
    const header = new DataView(at(position, 8).buffer);
    const length = header.getUint32(0, true);
    if (length >>> 31 === 1) break;
    const size = length & 0x3fff_ffff;
    if ((length & 0x4000_0000) === 0) records.push(at(position + 8, size));
    position += Math.ceil((size + 8) / 8) * 8;
  }
  ring.setConsumerPosition(position);
  return records;
}

test("records of all sizes come out as they went in, over many rounds of the ring", () => {
  const lab = new Lab("jit");
  const ring = ringOf(lab);
  const dice = new Dice(11);
  const source = lab.context(new Uint8Array(2048));
  const { memory } = lab.world;
  const pending: string[] = [];
  for (let i = 0; i < 5000; i++) {
    const size = dice.below(600);
    for (let b = 0; b < size; b++) memory.u8[source + b] = (i + b) & 0xff;
    const result = ring.output(source, size, 0);
    if (result === 0) pending.push(Buffer.from(memory.u8.subarray(source, source + size)).toString("hex"));
    else assert.is(result, -Errno.EAGAIN);
    if (result !== 0 || dice.oneIn(9)) {
      assert.equal(
        drain(ring).map((record) => Buffer.from(record).toString("hex")),
        pending.splice(0),
      );
    }
  }
  assert.ok(ring.producerPosition() > 100 * ring.sizeBytes);
});

test("a record holds size - 1 bytes at most between reader and writer", () => {
  const ring = ringOf(new Lab("jit"));
  assert.is(ring.reserve(4096), 0);
  assert.is(ring.reserve(4088), 0, "the ring may not become completely full");
  assert.ok(ring.reserve(4080) !== 0);
  assert.is(ring.reserve(0), 0);
});

test("the reader is woken when it has caught up, when forced, and not when told not to", () => {
  const lab = new Lab("jit");
  const ring = ringOf(lab);
  const source = lab.context(new Uint8Array(8));
  ring.output(source, 8, 0);
  assert.equal(lab.world.wakeups, [ring.id]);
  ring.output(source, 8, 0);
  assert.equal(lab.world.wakeups, [ring.id], "the reader has not caught up: it is still awake");
  ring.output(source, 8, RingFlag.ForceWakeup);
  assert.equal(lab.world.wakeups, [ring.id, ring.id]);
  drain(ring);
  ring.output(source, 8, RingFlag.NoWakeup);
  assert.is(lab.world.wakeups.length, 2);
  assert.is(ring.output(source, 8, 4), -Errno.EINVAL);
  assert.is(ring.query(RingQuery.AvailableData), 16);
  assert.is(ring.query(RingQuery.RingSize), 4096);
  assert.is(ring.query(9), 0);
});

const reserveAndSubmit = `
  r6 = r1
  r1 = map[fd:${FIRST_FD}]
  r2 = 12
  r3 = 0
  call bpf_ringbuf_reserve
  if r0 == 0 goto full
  r1 = *(u64 *)(r6 +0)
  *(u64 *)(r0 +0) = r1
  *(u32 *)(r0 +8) = 7
  r1 = r0
  r2 = 0
  call bpf_ringbuf_submit
  r0 = 0
  exit
full:
  r0 = 1
  exit`;

for (const engine of engines) {
  test(`programs (${engine}) reserve, fill and submit, also across the end`, () => {
    const lab = new Lab(engine);
    const ring = ringOf(lab);
    const program = lab.load(reserveAndSubmit);
    const context = lab.context(new Uint8Array(8));
    let read = 0;
    for (let i = 0; i < 1000; i++) {
      lab.world.memory.view.setUint32(context, i, true);
      if (program.runAt(context) !== 0) {
        for (const record of drain(ring)) {
          assert.is(new DataView(record.buffer).getUint32(0, true), read++);
          assert.is(new DataView(record.buffer).getUint32(8, true), 7);
        }
        assert.is(program.runAt(context), 0);
      }
    }
    assert.ok(read > 800);
  });
}

const prepare = (lab: Lab): void => {
  ringOf(lab);
};

test("a record may not be written beyond its end, nor after it was submitted", () => {
  const overrun = reserveAndSubmit.replace("*(u32 *)(r0 +8) = 7", "*(u64 *)(r0 +8) = 7");
  assert.is(runBoth(overrun, { prepare }).fault?.code, "VM010");
  const late = reserveAndSubmit
    .replace("r1 = r0\n  r2 = 0", "r7 = r0\n  r1 = r0\n  r2 = 0")
    .replace("r0 = 0\n  exit", "*(u8 *)(r7 +0) = 1\n  r0 = 0\n  exit");
  assert.is(runBoth(late, { prepare }).fault?.code, "VM010");
});

test("a record that is never submitted ends the run, and its space is given back as discarded", () => {
  const lab = new Lab("jit");
  const ring = ringOf(lab);
  const leak = lab.load(reserveAndSubmit.replace("call bpf_ringbuf_submit", "r1 = 0"));
  const context = lab.context(new Uint8Array(8));
  assert.throws(() => leak.runAt(context), /Unreleased reference/);
  assert.equal(drain(ring), []);
  assert.is(ring.query(RingQuery.AvailableData), 0);
});

test("submitting what was not reserved ends the run", () => {
  const text = "r1 = r10\nr1 += -8\nr2 = 0\ncall bpf_ringbuf_submit\nr0 = 0\nexit";
  const outcome = runBoth(text, { prepare });
  assert.is(outcome.fault?.code, "VM012");
  assert.match(outcome.fault?.message ?? "", /bpf_ringbuf_submit: R1 is not the start of a reserved/);
});

test.run();
