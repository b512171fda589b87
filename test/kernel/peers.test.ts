/**
 * bpfkit beside its peers on Debian's 6.1 in QEMU: the C of BCC's tools runs under BCC and under bpfkit at the same time,
 * and what they report of one workload is the same.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { GuestRun } from "./guest/boot.ts";
import { guestTools, runGuest } from "./guest/machine.ts";
import { peerOrder } from "./guest/peers/order.ts";
import { sharedTools, sideBySideCase } from "./guest/peers/side-by-side.ts";
import { eventsCase, watchedTools } from "./guest/peers/watched-tools.ts";

async function bootPeers(): Promise<GuestRun | undefined> {
  const tools = guestTools();
  return tools && (await runGuest(tools, await peerOrder(tools, ["events", "front-ends"])));
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
