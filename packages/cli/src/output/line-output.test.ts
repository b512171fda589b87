/** Tests of writing lines: together, in order, and never more than a slow reader takes. */
import { Writable } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LineOutput } from "./line-output.ts";

/** Keeps what is written; finishes a write at once, or when `read` is called. */
class Reader extends Writable {
  readonly chunks: string[] = [];
  #finish: (() => void) | undefined;
  readonly #isSlow: boolean;

  constructor(isSlow: boolean) {
    super({ decodeStrings: false });
    this.#isSlow = isSlow;
  }

  override _write(chunk: string, _encoding: string, finish: () => void): void {
    this.chunks.push(chunk);
    if (this.#isSlow) this.#finish = finish;
    else finish();
  }

  read(): void {
    this.#finish?.();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("lines of one turn are one write, before anything else happens", async () => {
  const reader = new Reader(false);
  const output = new LineOutput(reader);
  output.write("a");
  output.write("b");
  assert.equal(reader.chunks, []);
  await Promise.resolve();
  assert.equal(reader.chunks, ["a\nb\n"]);
  output.write("c");
  output.flush();
  output.flush();
  assert.equal(reader.chunks, ["a\nb\n", "c\n"]);
  await turn();
  assert.is(reader.chunks.length, 2);
});

test("a flood of lines is written in parts, each whole lines", () => {
  const reader = new Reader(false);
  const output = new LineOutput(reader);
  const line = "x".repeat(99);
  for (let count = 0; count < 10_000; count += 1) output.write(line);
  output.flush();
  assert.ok(reader.chunks.length >= 10 && reader.chunks.length <= 20, `${reader.chunks.length} writes`);
  assert.ok(reader.chunks.every((chunk) => chunk.endsWith("\n")));
  assert.is(reader.chunks.join("").length, 1_000_000);
});

test("a reader that keeps up is not waited for, however much is written", async () => {
  const output = new LineOutput(new Reader(false));
  output.write("x".repeat(1_000_000));
  assert.is(output.caughtUp(1000), undefined);
  await turn();
  assert.is(output.caughtUp(1000), undefined);
});

test("a slow reader is waited for, until it reads, the time is up or the user interrupts", async () => {
  const reader = new Reader(true);
  const output = new LineOutput(reader);
  output.write("x");
  assert.is(output.caughtUp(Number.POSITIVE_INFINITY), undefined, "little is kept for it");
  output.write("x".repeat(100_000));
  const ended: string[] = [];
  const controller = new AbortController();
  const wait = (name: string, timeoutMs: number, signal?: AbortSignal): Promise<void> => {
    const waiting = output.caughtUp(timeoutMs, signal);
    assert.ok(waiting !== undefined);
    return waiting.then(() => void ended.push(name));
  };
  const all = [
    wait("read", Number.POSITIVE_INFINITY),
    wait("time", 1),
    wait("interrupt", 1e12, controller.signal),
  ];
  await all[1];
  assert.equal(ended, ["time"]);
  controller.abort();
  await all[2];
  assert.equal(ended, ["time", "interrupt"]);
  assert.is(output.caughtUp(1000, controller.signal), undefined);
  reader.read();
  await turn();
  reader.read();
  await all[0];
  assert.is(output.caughtUp(1000), undefined);
  assert.equal([reader.listenerCount("drain"), reader.listenerCount("close")], [0, 0]);
});

test("a reader that goes away is not waited for", async () => {
  const reader = new Reader(true);
  const output = new LineOutput(reader);
  output.write("x".repeat(100_000));
  const waiting = output.caughtUp(Number.POSITIVE_INFINITY);
  reader.destroy();
  await waiting;
});

test.run();
