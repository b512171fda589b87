/**
 * bpfkit beside its peers on Debian's 6.1 in QEMU: the C of BCC's tools runs under BCC and under bpfkit at the same time,
 * and what they report of one workload is the same.
 */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { whyNoCorpus } from "../corpus/extraction.ts";
import type { GuestRun } from "./guest/boot.ts";
import { type GuestOrder, guestTools, runGuest } from "./guest/machine.ts";
import { peerOrder } from "./guest/peers/order.ts";
import { whyNoRecording } from "./guest/peers/record.ts";
import { sharedTools, sideBySideCase } from "./guest/peers/side-by-side.ts";
import { eventsCase, watchedTools } from "./guest/peers/watched-tools.ts";

async function bootPeers(): Promise<GuestRun | undefined> {
  const missing = whyNoCorpus() ?? whyNoRecording();
  if (missing !== undefined) return skip(missing);
  const tools = guestTools();
  if (tools === undefined) return undefined;
  let order: GuestOrder;
  try {
    order = await peerOrder(tools, ["events", "front-ends"]);
  } catch (error) {
    // What is not bpfkit's own trouble is the network's.
    if (error instanceof BpfkitError) throw error;
    return skip(String(error));
  }
  return await runGuest(tools, order);
}

function skip(why: string): undefined {
  const message = `nothing was compared with BCC and libbpf-tools: ${why}`;
  if (process.env["CI"] !== undefined) throw new Error(message);
  process.stderr.write(`SKIPPED: ${message}\n`);
  return undefined;
}

let running: Promise<GuestRun | undefined> | undefined;
const guest = (): Promise<GuestRun | undefined> => {
  running ??= bootPeers();
  return running;
};

const cases = [
  ...watchedTools.map((tool) => eventsCase(tool.name)),
  ...sharedTools.map((tool) => sideBySideCase(tool.name)),
];

for (const name of cases) {
  test(name, async () => {
    const run = await guest();
    if (run === undefined) return;
    const report = run.reports.find((line) => line.kind === "test" && line.name === name);
    if (report?.kind !== "test") {
      const end = run.hung ? "the guest hung and was killed" : "the guest ended";
      throw new Error(`no result: ${end}; its console said:\n${run.console.slice(-3000)}`);
    }
    assert.is(report.error, undefined, report.error);
  });
}

test.run();
