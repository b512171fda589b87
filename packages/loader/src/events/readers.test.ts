/** Tests of the event readers on rings filled by hand: wrapping records, lost counts, unfinished records. */
import type { Fd, RingMemory } from "@bpfkit/base/kernel";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BpfMap } from "../object/bpf-map.ts";
import { emptyMapSpec } from "../spec/map-spec.ts";
import { RecordingKernel } from "../testdata/recording-kernel.ts";
import { PerfReader } from "./perf-reader.ts";
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
    onEvent: (cpu, data) => seen.push(`${cpu}:${[...data].join(",")}`),
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
  const reader = new PerfReader(kernel, mapOf(kernel), { onEvent: (_cpu, data) => seen.push(data[0] ?? 0) });
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
    onEvent: (cpu, data) => seen.push(`${data[0]}:${cpu}`),
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
    onEvent: () => {
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
  const take = (data: Uint8Array): void => {
    seen.push(data[0] ?? 0);
    if (seen.length === 1) throw new Error("from the callback");
  };
  const perf = new PerfReader(kernel, mapOf(kernel), { onEvent: (_cpu, data) => take(data) });
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
    onEvent: (_cpu, data) => seen.push(data[0] ?? 0, perf.consume(), kernel.hand[0]?.consumer ?? 0),
  });
  kernel.hand[0]?.put(words(9, 16 << 16, 4, 1));
  kernel.hand[0]?.put(words(9, 16 << 16, 4, 2));
  assert.is(perf.consume(), 2);
  assert.equal(seen.splice(0), [1, 0, 56, 2, 0, 72]);
  const ring: RingReader = new RingReader(kernel, mapOf(kernel), (data) =>
    seen.push(data[0] ?? 0, ring.consume(), kernel.hand[2]?.consumer ?? 0),
  );
  kernel.hand[2]?.put(words(4, 0, 1, 0));
  kernel.hand[2]?.put(words(4, 0, 2, 0));
  assert.is(ring.consume(), 2);
  assert.equal(seen, [1, 0, 56, 2, 0, 72]);
});

test("page counts are powers of two", () => {
  const kernel = new RecordingKernel();
  for (const pageCount of [0, 3, -1, 1.5]) {
    assert.throws(() => new PerfReader(kernel, mapOf(kernel), { onEvent() {}, pageCount }), /power of two/);
  }
});

test("ring buffer records: discarded ones are skipped, unfinished ones wait", () => {
  const kernel = new RingKernel();
  const seen: string[] = [];
  const reader = new RingReader(kernel, mapOf(kernel), (data) => seen.push([...data].join(",")));
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
