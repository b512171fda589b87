/** Tests of the event readers on rings filled by hand: wrapping records, lost counts, unfinished records. */
import { Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, RingMemory } from "@bpfkit/base/kernel";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BpfMap } from "../object/bpf-map.ts";
import { emptyMapSpec } from "../spec/map-spec.ts";
import { RecordingKernel } from "../testdata/recording-kernel.ts";
import { PerfReader } from "./perf-reader.ts";
import { copying, type TakeRecord } from "./ring-cursor.ts";
import { RingReader } from "./ring-reader.ts";

/** A ring of 64 bytes whose positions start just before the end, so that records wrap. */
class HandRing implements RingMemory {
  readonly sizeBytes = 64;
  readonly #bytes = new Uint8Array(64);
  producer = 40;
  consumer = 40;

  data(): Uint8Array {
    return this.#bytes;
  }
  readProducer(): number {
    return this.producer;
  }
  readConsumer(): number {
    return this.consumer;
  }
  writeConsumer(position: number): void {
    this.consumer = position;
  }
  unmap(): void {}

  put(record: Uint8Array): void {
    assert.ok(this.producer - this.consumer + record.length <= 64, "the test overfills its ring");
    for (const byte of record) {
      this.#bytes[this.producer % 64] = byte;
      this.producer += 1;
    }
  }
}

function words(...values: number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, index) => {
    view.setUint32(index * 4, value, true);
  });
  return new Uint8Array(view.buffer);
}

function mapOf(kernel: RecordingKernel): BpfMap {
  const spec = { ...emptyMapSpec("events", "definition"), type: 4, keySize: 4, valueSize: 4 };
  const fd = kernel.mapCreate({ type: 4, keySize: 4, valueSize: 4, maxEntries: 4, flags: 0, name: "events" });
  return new BpfMap(kernel, fd, spec, { maxEntries: 4, btf: undefined, reused: false });
}

/** A kernel whose every ring is a hand-filled one, in order of mapping. */
class RingKernel extends RecordingKernel {
  readonly hand: HandRing[] = [];
  override mapPerfRing(): RingMemory {
    const ring = new HandRing();
    this.hand.push(ring);
    return ring;
  }
  override mapRingBuffer(): RingMemory {
    return this.mapPerfRing();
  }
}

/** Its rings have times; the clock is set by the test. */
class TimedKernel extends RingKernel {
  now = 100n;
  override mapPerfRing(): RingMemory {
    const ring = Object.assign(new HandRing(), { timestamped: true });
    this.hand.push(ring);
    return ring;
  }
  override monotonicNs(): bigint {
    return this.now;
  }
}

/** A sample with a size of 24, a time of 64 bits, a raw size of 4 and the data. */
const sample = (time: number, value: number) => words(9, 24 << 16, time, 0, 4, value);

test("perf samples and lost counts come out in order, across the end of the ring", () => {
  const kernel = new RingKernel();
  const map = mapOf(kernel);
  const seen: string[] = [];
  const reader = new PerfReader(kernel, map, {
    take: copying((data, cpu) => seen.push(`${cpu}:${[...data].join(",")}`)),
    onLost: (cpu, count) => seen.push(`${cpu} lost ${count}`),
  });
  assert.is(kernel.hand.length, 2, "one ring for each online CPU");
  const [first, second] = kernel.hand;
  // Header: type 9, misc and size 24; then a raw size of 12 and the data.
  first?.put(words(9, 24 << 16, 12, 1, 2, 3));
  // Type 2 (lost), size 24; id and count of 64 bits each.
  first?.put(words(2, 24 << 16, 5, 0, 7, 0));
  second?.put(words(9, 16 << 16, 4, 0xff));
  assert.is(reader.consume(), 2);
  assert.equal(seen, ["0:1,0,0,0,2,0,0,0,3,0,0,0", "0 lost 7", "1:255,0,0,0"]);
  assert.is(reader.consume(), 0);
  assert.is(first?.consumer, first?.producer);
  for (const [cpu, event] of reader.fds.entries()) {
    assert.is(kernel.mapLookup(map.fd, words(cpu))?.[0], event);
    assert.is(kernel.events.get(event as Fd)?.enabled, true);
  }
  reader.close();
  assert.is(kernel.open.size, 1, "only the map is left open");
});

test("events with times come in their order across CPUs, and none overtakes what led to it", () => {
  const kernel = new TimedKernel();
  const seen: number[] = [];
  const reader = new PerfReader(kernel, mapOf(kernel), { take: copying((data) => seen.push(data[0] ?? 0)) });
  const [first, second] = kernel.hand;
  second?.put(sample(10, 1));
  first?.put(sample(20, 2));
  second?.put(sample(30, 3));
  first?.put(sample(101, 5));
  assert.is(reader.consume(), 3);
  assert.equal(seen, [1, 2, 3]);
  kernel.now = 101n;
  second?.put(sample(99, 4));
  assert.is(reader.consume(), 2);
  assert.equal(seen, [1, 2, 3, 4, 5]);
});

test("however the times of four CPUs interleave, events come out sorted, those of one time by CPU", () => {
  class FourCpus extends TimedKernel {
    override readonly onlineCpus = [0, 1, 2, 3];
  }
  const kernel = new FourCpus();
  const seen: string[] = [];
  const reader = new PerfReader(kernel, mapOf(kernel), {
    take: copying((data, cpu) => seen.push(`${data[0]}:${cpu}`)),
  });
  // A small generator, so that a failure comes again.
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
  for (let round = 0; round < 500; round += 1) {
    const sent: { time: number; cpu: number }[] = [];
    for (const [cpu, ring] of kernel.hand.entries()) {
      let time = 1 + random(4);
      for (let count = random(3); count > 0; count -= 1, time += random(4)) {
        ring.put(sample(time, time));
        sent.push({ time, cpu });
      }
    }
    sent.sort((a, b) => a.time - b.time || a.cpu - b.cpu);
    assert.is(reader.consume(), sent.length);
    assert.equal(
      seen.splice(0),
      sent.map(({ time, cpu }) => `${time}:${cpu}`),
    );
  }
});

test("a perf reader may be closed from its own callback", () => {
  const kernel = new RingKernel();
  let count = 0;
  const reader: PerfReader = new PerfReader(kernel, mapOf(kernel), {
    take: () => {
      count += 1;
      reader.close();
    },
  });
  kernel.hand[0]?.put(words(9, 16 << 16, 4, 1));
  kernel.hand[0]?.put(words(9, 16 << 16, 4, 2));
  kernel.hand[1]?.put(words(9, 16 << 16, 4, 3));
  reader.consume();
  assert.is(count, 1);
});

test("what callbacks throw ends a call, and the next one goes on behind that event", () => {
  const kernel = new RingKernel();
  const seen: number[] = [];
  const take: TakeRecord = (view, offset) => {
    seen.push(view.getUint8(offset));
    if (seen.length === 1) throw new Error("from the callback");
  };
  const perf = new PerfReader(kernel, mapOf(kernel), { take });
  kernel.hand[0]?.put(words(9, 16 << 16, 4, 1));
  kernel.hand[0]?.put(words(9, 16 << 16, 4, 2));
  assert.throws(() => perf.consume(), /from the callback/);
  assert.is(perf.consume(), 1);
  assert.equal(seen.splice(0), [1, 2]);
  const ring = new RingReader(kernel, mapOf(kernel), take);
  kernel.hand[2]?.put(words(4, 0, 1, 0));
  kernel.hand[2]?.put(words(4, 0, 2, 0));
  assert.throws(() => ring.consume(), /from the callback/);
  assert.is(ring.consume(), 1);
  assert.equal(seen, [1, 2]);
});

test("callbacks that read themselves get nothing twice, and room is made while a call goes on", () => {
  const kernel = new RingKernel();
  const seen: number[] = [];
  const perf: PerfReader = new PerfReader(kernel, mapOf(kernel), {
    take: (view, offset) => seen.push(view.getUint8(offset), perf.consume(), kernel.hand[0]?.consumer ?? 0),
  });
  kernel.hand[0]?.put(words(9, 16 << 16, 4, 1));
  kernel.hand[0]?.put(words(9, 16 << 16, 4, 2));
  assert.is(perf.consume(), 2);
  assert.equal(seen.splice(0), [1, 0, 40, 2, 0, 56]);
  const ring: RingReader = new RingReader(kernel, mapOf(kernel), (view, offset) =>
    seen.push(view.getUint8(offset), ring.consume(), kernel.hand[2]?.consumer ?? 0),
  );
  kernel.hand[2]?.put(words(4, 0, 1, 0));
  kernel.hand[2]?.put(words(4, 0, 2, 0));
  assert.is(ring.consume(), 2);
  assert.equal(seen, [1, 0, 40, 2, 0, 56]);
});

/** What was published is the kernel's: it writes over it at once. */
class EagerRing extends HandRing {
  override writeConsumer(position: number): void {
    for (let at = this.consumer; at < position; at += 1) this.data()[at % 64] = 0xee;
    super.writeConsumer(position);
  }
}

class EagerKernel extends RingKernel {
  override mapPerfRing(): RingMemory {
    const ring = new EagerRing();
    this.hand.push(ring);
    return ring;
  }
}

test("nothing is read after it was published, whether records wrap or not", () => {
  const kernel = new EagerKernel();
  const seen: string[] = [];
  const inPlace: boolean[] = [];
  const take: TakeRecord = (view, offset, length) => {
    const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, length);
    seen.push([...bytes].join(","));
    inPlace.push(kernel.hand.some((ring) => ring.data().buffer === view.buffer));
  };
  const perf = new PerfReader(kernel, mapOf(kernel), { take });
  const ring = new RingReader(kernel, mapOf(kernel), take);
  const [first, , last] = kernel.hand;
  for (let round = 0; round < 20; round += 1) {
    first?.put(words(9, 16 << 16, 4, round));
    first?.put(words(9, 24 << 16, 12, round, 0x0101_0101, 0x0202_0202));
    last?.put(words(4, 0, round, 0));
    last?.put(words(12, 0, round, 0x0101_0101, 0x0202_0202, 0));
    for (const reader of [perf, ring]) {
      assert.is(reader.consume(), 2);
      assert.equal(seen.splice(0), [`${round},0,0,0`, `${round},0,0,0,1,1,1,1,2,2,2,2`]);
    }
  }
  assert.ok(inPlace.includes(true) && inPlace.includes(false), "some wrap and some do not");
});

/** The header of a record is seen before what is behind it, until reads are put into their order. */
class UnorderedRing extends HandRing {
  late: (() => void)[] = [];
  orderReads(): void {
    for (const arrive of this.late.splice(0)) arrive();
  }
}

test("records of a ring buffer are read after all headers that say that they are finished", () => {
  const memory = new UnorderedRing();
  class UnorderedKernel extends RecordingKernel {
    override mapRingBuffer(): RingMemory {
      return memory;
    }
  }
  const kernel = new UnorderedKernel();
  const seen: number[] = [];
  const reader = new RingReader(kernel, mapOf(kernel), (view, offset) =>
    seen.push(view.getUint32(offset, true)),
  );
  for (const value of [7, 8]) {
    const at = memory.producer;
    memory.put(words(4, 0, 0xffff_ffff, 0));
    memory.late.push(() => memory.data().set(words(value), (at + 8) % 64));
  }
  assert.is(reader.consume(), 2);
  assert.equal(seen, [7, 8]);
});

test("a call takes no more than it is asked for, and the next ones go on there", () => {
  const kernel = new TimedKernel();
  const seen: number[] = [];
  const take: TakeRecord = (view, offset) => seen.push(view.getUint8(offset));
  const perf = new PerfReader(kernel, mapOf(kernel), { take });
  const ring = new RingReader(kernel, mapOf(kernel), take);
  const [first, second, last] = kernel.hand;
  for (const time of [1, 3]) first?.put(sample(time, time));
  for (const time of [2, 4]) second?.put(sample(time, time));
  assert.equal([perf.consume(3), perf.consume(3), perf.consume(3)], [3, 1, 0]);
  for (const value of [5, 6, 7]) last?.put(words(4, 0, value, 0));
  assert.equal([ring.consume(2), ring.consume(2), ring.consume(2)], [2, 1, 0]);
  assert.equal(seen, [1, 2, 3, 4, 5, 6, 7]);
});

test("headers that cannot be are refused, and nothing outside of their records is handed over", () => {
  for (const size of [0, 4, 12, 48]) {
    const kernel = new RingKernel();
    const perf = new PerfReader(kernel, mapOf(kernel), { take: () => assert.unreachable() });
    kernel.hand[0]?.put(words(9, size << 16, 4, 1));
    assert.throws(() => perf.consume(), /perf record of/);
  }
  const kernel = new RingKernel();
  const seen: string[] = [];
  const take = copying((data) => seen.push([...data].join(",")));
  const perf = new PerfReader(kernel, mapOf(kernel), { take });
  // Its data would be longer than the record; the next has no room for a length, and so no data.
  kernel.hand[0]?.put(words(9, 16 << 16, 0xffff_fff0, 1));
  kernel.hand[0]?.put(words(9, 8 << 16));
  assert.is(perf.consume(), 2);
  assert.equal(seen.splice(0), ["1,0,0,0", ""]);
  const ring = new RingReader(kernel, mapOf(kernel), take);
  kernel.hand[2]?.put(words(4, 0, 1, 0));
  kernel.hand[2]?.put(words(0x3fff_ffff, 0));
  assert.is(ring.consume(), 1, "what is finished comes first");
  assert.throws(() => ring.consume(), /ring buffer record of 1073741823 bytes/);
  assert.equal(seen, ["1,0,0,0"]);
});

test("a ring buffer may be closed from its own callback: its memory is not there any more", () => {
  class ClosedRing extends HandRing {
    isMapped = true;
    override data(): Uint8Array {
      assert.ok(this.isMapped);
      return super.data();
    }
    override writeConsumer(position: number): void {
      assert.ok(this.isMapped);
      super.writeConsumer(position);
    }
    override unmap(): void {
      this.isMapped = false;
    }
  }
  const memory = new ClosedRing();
  class ClosingKernel extends RecordingKernel {
    override mapRingBuffer(): RingMemory {
      return memory;
    }
  }
  const kernel = new ClosingKernel();
  const reader: RingReader = new RingReader(kernel, mapOf(kernel), () => reader.close());
  memory.put(words(4, 0, 1, 0));
  memory.put(words(4, 0, 2, 0));
  assert.is(reader.consume(), 1);
});

/** As Linux: the output of one event can go into the ring of another. */
class RedirectingKernel extends TimedKernel {
  readonly outputs: [event: Fd, target: Fd][] = [];
  refuses = false;
  perfEventSetOutput(event: Fd, target: Fd): void {
    if (this.refuses) throw new SyscallError("PERF_EVENT_IOC_SET_OUTPUT", Errno.EINVAL);
    this.outputs.push([event, target]);
  }
}

test("in a flood the kernel is asked not to wake for each event, and after it to do so again", () => {
  const kernel = new RedirectingKernel();
  const map = mapOf(kernel);
  const reader = new PerfReader(kernel, map, { take() {} });
  const [event = 0 as Fd] = reader.fds;
  const placed = (cpu: number): number => kernel.mapLookup(map.fd, words(cpu))?.[0] ?? 0;
  const [first] = kernel.hand;
  const consume = (...times: number[]): void => {
    for (const time of times) first?.put(sample(time, 1));
    assert.is(reader.consume(), times.length);
  };
  consume(1);
  assert.equal([placed(0), kernel.outputs, reader.mustLook], [event, [], false]);
  // Two samples are more than half of the ring.
  consume(2, 3);
  const silent = placed(0) as Fd;
  assert.equal(kernel.outputs, [[silent, event]]);
  const { kind, wakeupEvents, enabled, cpu } = kernel.events.get(silent) as never as Record<string, unknown>;
  assert.equal([kind, wakeupEvents, enabled, cpu], ["bpf-output", 0, true, 0]);
  assert.is(reader.mustLook, true);
  // One is more than an eighth.
  consume(4);
  assert.equal([placed(0), placed(1)], [silent, reader.fds[1]]);
  consume();
  assert.equal([placed(0), reader.mustLook], [event, true]);
  kernel.now += 100_000_000n;
  assert.is(reader.mustLook, false);
  consume(5, 6);
  assert.equal([placed(0), kernel.outputs.length], [silent, 1], "the silent event is kept");
  reader.close();
  assert.is(kernel.open.size, 1, "only the map is left open");
});

test("where wake-ups cannot be turned off, or were chosen, or the map is also another's, they stay", () => {
  const kernel = new RedirectingKernel();
  const flood = (map: BpfMap, wakeupEvents?: number): void => {
    const options = { take() {}, ...(wakeupEvents === undefined ? {} : { wakeupEvents }) };
    const reader = new PerfReader(kernel, map, options);
    const ring = kernel.hand.at(-2);
    for (let round = 0; round < 2; round += 1) {
      ring?.put(sample(1, 1));
      ring?.put(sample(2, 2));
      assert.is(reader.consume(), 2);
    }
    assert.is(kernel.mapLookup(map.fd, words(0))?.[0], reader.fds[0]);
    assert.is(reader.mustLook, false);
    reader.close();
  };
  flood(mapOf(kernel), 2);
  const { fd, spec } = mapOf(kernel);
  flood(new BpfMap(kernel, fd, spec, { maxEntries: 4, btf: undefined, reused: true }));
  kernel.refuses = true;
  flood(mapOf(kernel));
  assert.equal(kernel.outputs, []);
  assert.is(kernel.open.size, 3, "only maps are left open");
});

test("page counts are powers of two", () => {
  const kernel = new RecordingKernel();
  for (const pageCount of [0, 3, -1, 1.5]) {
    assert.throws(() => new PerfReader(kernel, mapOf(kernel), { take() {}, pageCount }), /power of two/);
  }
});

test("ring buffer records: discarded ones are skipped, unfinished ones wait", () => {
  const kernel = new RingKernel();
  const seen: string[] = [];
  const take = copying((data) => seen.push([...data].join(",")));
  const reader = new RingReader(kernel, mapOf(kernel), take);
  const ring = kernel.hand[0];
  if (ring === undefined) throw new Error("no ring");
  ring.put(words(8, 0, 1, 2));
  ring.put(words(4 | 0x4000_0000, 0, 99, 0));
  const unfinished = ring.producer;
  ring.put(words(4 | 0x8000_0000, 0, 3, 0));
  ring.put(words(3, 0, 0x00050505, 0));
  assert.is(reader.consume(), 1);
  assert.equal(seen, ["1,0,0,0,2,0,0,0"]);
  assert.is(ring.consumer, unfinished, "the discarded record is consumed too");
  ring.data()[(unfinished + 3) % 64] = 0;
  assert.is(reader.consume(), 2);
  assert.equal(seen.slice(1), ["3,0,0,0", "5,5,5"]);
  reader.close();
  assert.equal(reader.fds, []);
});

test.run();
