/** Counts and decodes events at saturation with bpfkit. Arguments: ring|perf, object, seconds. Prints a JSON line. */
import { readFileSync } from "node:fs";
import { BPF } from "bpfkit";
import { openLinuxKernel } from "bpfkit/node";
import { type FloodResult, ringPages } from "./flood.ts";

const [kind, path = "", seconds] = process.argv.slice(2);
const kernel = await openLinuxKernel();
const bpf = await BPF.open({ object: readFileSync(path), name: "flood", kernel });
const events = bpf.table("events");
let received = 0;
let pids = 0;
const take = (data: Uint8Array): void => {
  const event = events.event(data);
  received += 1;
  pids += Number(event["pid"]);
};
if (kind === "ring") events.openRingBuffer(take);
else events.openPerfBuffer((_cpu, data) => take(data), { pageCount: ringPages, onLost: () => {} });
process.stdout.write(`${JSON.stringify({ attached: true })}\n`);
const started = performance.now();
const end = started + Number(seconds) * 1000;
while (performance.now() < end) await bpf.poll(50);
const took = (performance.now() - started) / 1000;
const lost = Number(bpf.table("counts").get(1));
const result: FloodResult = { received, lost, seconds: took };
process.stdout.write(`${JSON.stringify({ ...result, pids })}\n`);
bpf.close();
kernel.shutdown();
