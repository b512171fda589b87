/**
 * Counts and decodes events at saturation with bpfkit. Arguments: object, seconds. Prints JSON lines: once attached, the
 * result, and, once standard input has said that nothing is sent any more, how the sums come out.
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { BPF, type Event } from "bpfkit";
import { openLinuxKernel } from "bpfkit/node";
import type { FloodResult, FloodSums } from "./flood.ts";
import { ringPages } from "./flood.ts";

const say = (line: unknown): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

const [path = "", seconds] = process.argv.slice(2);
const kernel = await openLinuxKernel();
const bpf = await BPF.open({ object: readFileSync(path), name: "flood", kernel });
const events = bpf.table("events");
const total = { received: 0, pids: 0, reported: 0 };
// Kept, so that no engine leaves members out.
let last: Event = {};
events.openEvents(
  (event) => {
    total.received += 1;
    total.pids += Number(event["pid"]);
    last = event;
  },
  { pageCount: ringPages, onLost: (_cpu, count) => (total.reported += count) },
);
const count = (index: number): number => Number(bpf.table("counts").get(index));
say({ attached: true });
const started = performance.now();
const end = started + Number(seconds) * 1000;
while (performance.now() < end) await bpf.poll(50);
const took = (performance.now() - started) / 1000;
const result: FloodResult = { received: total.received, lost: count(1), seconds: took };
say(result);
// Once with what the flood left, once more with the events that report what was lost before them.
for await (const _line of createInterface({ input: process.stdin })) {
  bpf.perfBufferConsume();
  bpf.ringBufferConsume();
  const sums: FloodSums = { taken: total.received, sent: count(0), reported: total.reported, lost: count(1) };
  say({ ...sums, pids: total.pids, comm: last["comm"] });
}
bpf.close();
kernel.shutdown();
