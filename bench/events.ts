/**
 * `npm run bench:events`: events in a second of processor time that `Table.openEvents` reads and decodes, from
 * rings filled beforehand as a kernel fills them. The peer is the least that any reader can do: walk the records of the
 * same rings in place and add up one field, without order across CPUs, copies or decoding.
 */
import type { Fd, RingMemory } from "@bpfkit/base/kernel";
import type { BPF, Event } from "bpfkit";
import { Builder } from "bpfkit/node";
import { RecordingKernel } from "../packages/loader/src/testdata/recording-kernel.ts";
import { floods, ringPages } from "../test/kernel/guest/bench/flood.ts";

/** What `npm run build` made, as users run it. */
const { BPF: Program } = (await import(
  new URL("../packages/bpfkit/dist/index.js", import.meta.url).href
)) as typeof import("bpfkit");

const ringBytes = ringPages * 4096;
/** u64, u32 and char[16], padded to 32 bytes. */
const eventBytes = 32;
const pid = 4242;
const comm = "python3";

/** Records from the middle of the ring to its end and on from its beginning; read until `refill` is called. */
class FullRing implements RingMemory {
  readonly sizeBytes = ringBytes;
  readonly timestamped: boolean;
  /** Of records. */
  readonly count: number;
  readonly #bytes = new Uint8Array(ringBytes);
  /** As of mapped rings, 64 bits that are shared with the kernel: where the producer and the consumer are. */
  readonly #positions = new BigUint64Array(2);

  constructor(
    timestamped: boolean,
    recordBytes: number,
    write: (view: DataView, at: number, index: number) => void,
  ) {
    this.timestamped = timestamped;
    this.count = Math.floor((ringBytes - 1) / recordBytes);
    const records = new Uint8Array(this.count * recordBytes);
    const view = new DataView(records.buffer);
    for (let index = 0; index < this.count; index += 1) write(view, index * recordBytes, index);
    this.#bytes.set(records.subarray(0, ringBytes / 2), ringBytes / 2);
    this.#bytes.set(records.subarray(ringBytes / 2));
    this.#positions.fill(BigInt(ringBytes / 2 + records.length));
  }

  data(): Uint8Array {
    return this.#bytes;
  }
  readProducer(): number {
    return Number(Atomics.load(this.#positions, 0));
  }
  readConsumer(): number {
    return Number(Atomics.load(this.#positions, 1));
  }
  writeConsumer(position: number): void {
    Atomics.store(this.#positions, 1, BigInt(position));
  }
  unmap(): void {}

  refill(): void {
    this.writeConsumer(ringBytes / 2);
  }
}

function writeEvent(view: DataView, at: number, index: number): void {
  view.setBigUint64(at, BigInt(index), true);
  view.setUint32(at + 8, pid, true);
  for (const [offset, code] of [...Buffer.from(comm)].entries()) view.setUint8(at + 12 + offset, code);
}

/** Header, time, length, event: struct perf_event_header and PERF_SAMPLE_TIME | PERF_SAMPLE_RAW of perf_event_open(2). */
const perfRing = (cpu: number): FullRing =>
  new FullRing(true, 56, (view, at, index) => {
    view.setUint32(at, 9, true);
    view.setUint16(at + 6, 56, true);
    view.setBigUint64(at + 8, BigInt(2 * index + cpu), true);
    view.setUint32(at + 16, 36, true);
    writeEvent(view, at + 20, index);
  });

const bpfRing = (): FullRing =>
  new FullRing(false, 40, (view, at, index) => {
    view.setUint32(at, eventBytes, true);
    writeEvent(view, at + 8, index);
  });

/** Gives filled rings to whoever maps one. */
class FullRings extends RecordingKernel {
  readonly full: FullRing[] = [];
  override mapPerfRing(): RingMemory {
    const ring = perfRing(this.full.length);
    this.full.push(ring);
    return ring;
  }
  override mapRingBuffer(_map: Fd): RingMemory {
    const ring = bpfRing();
    this.full.push(ring);
    return ring;
  }
  override monotonicNs(): bigint {
    return 1n << 40n;
  }
}

/** The sum of a field of all unread records. */
function scan(ring: FullRing, headerBytes: number): number {
  const view = new DataView(ring.data().buffer);
  const producer = ring.readProducer();
  let sum = 0;
  for (let at = ring.readConsumer(); at < producer; ) {
    const size =
      headerBytes === 8
        ? 8 + view.getUint32(at % ringBytes, true)
        : view.getUint16((at + 6) % ringBytes, true);
    sum += view.getUint32((at + headerBytes + 8) % ringBytes, true);
    at += size;
  }
  ring.writeConsumer(producer);
  return sum;
}

/** Events in a second of processor time. */
function rate(seconds: number, fill: () => number, read: () => void): number {
  let events = 0;
  let spent = 0;
  // The first half warms up.
  for (const counted of [false, true]) {
    for (let until = 0; until < (seconds * 1e6) / 2; ) {
      const filled = fill();
      const before = process.cpuUsage();
      read();
      const { user, system } = process.cpuUsage(before);
      until += user + system;
      if (counted) {
        events += filled;
        spent += user + system;
      }
    }
  }
  return (events / spent) * 1e6;
}

async function open(kind: keyof typeof floods, kernel: FullRings): Promise<BPF> {
  const builder = new Builder();
  const { object } = await builder.build({ file: "flood.c", text: floods[kind] });
  await builder.close();
  return Program.open({ object, name: "flood", kernel, autoAttach: false });
}

/** @param say told what was read, events a second of the reader and of the mere scan */
export async function benchEvents(
  say: (what: string, rate: number, scanned: number) => void,
  seconds = 3,
): Promise<void> {
  for (const [kind, busy] of [
    ["perf", 1],
    ["perf", 2],
    ["ring", 1],
  ] as const) {
    const kernel = new FullRings();
    const bpf = await open(kind, kernel);
    const events = bpf.table("events");
    let [received, pids] = [0, 0];
    // Kept, so that no engine leaves members out.
    let last: Event = {};
    events.openEvents(
      (event) => {
        received += 1;
        pids += Number(event["pid"]);
        last = event;
      },
      { pageCount: ringPages },
    );
    const rings = kernel.full.slice(0, busy);
    let expected = 0;
    const fill = (): number => {
      for (const ring of rings) ring.refill();
      return rings.reduce((sum, ring) => sum + ring.count, 0);
    };
    const whole = rate(
      seconds,
      () => {
        const filled = fill();
        expected += filled;
        return filled;
      },
      () => void (kind === "ring" ? bpf.ringBufferConsume() : bpf.perfBufferConsume()),
    );
    if (received !== expected || pids !== pid * expected)
      throw new Error(`${received} events of ${expected} came out`);
    if (last["comm"] !== comm) throw new Error("the text is not decoded");
    let sum = 0;
    const scanned = rate(seconds / 3, fill, () => {
      for (const ring of rings) sum += scan(ring, kind === "ring" ? 8 : 20);
    });
    if (sum % pid !== 0) throw new Error("the scan reads something else");
    say(kind === "ring" ? "ring buffer" : `perf buffers, ${busy} of 2 CPUs busy`, whole, scanned);
    bpf.close();
  }
}

if (process.argv[1] === import.meta.filename) {
  console.log("events a second of processor time | reader and decoder | mere scan | ratio");
  await benchEvents((what, whole, scanned) => {
    console.log(`${what} | ${Math.round(whole)} | ${Math.round(scanned)} | ${(whole / scanned).toFixed(3)}`);
  });
}
