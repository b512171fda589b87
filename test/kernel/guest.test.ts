/**
 * The kernel target on a real kernel: boots Debian's 6.1 in QEMU with Node and the built packages inside and runs every
 * case of guest/cases there. Nothing is attached to the kernel of the machine that runs the tests.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { GuestRun } from "./guest/boot.ts";
import { buildObjects } from "./guest/build-objects.ts";
import { guestCases } from "./guest/cases/index.ts";
import { guestTools, runGuest } from "./guest/machine.ts";

async function bootCases(): Promise<GuestRun | undefined> {
  const tools = guestTools();
  return tools && (await runGuest(tools, { objects: await buildObjects(guestCases) }));
}

let running: Promise<GuestRun | undefined> | undefined;
const guest = (): Promise<GuestRun | undefined> => {
  running ??= bootCases();
  return running;
};

for (const { name } of guestCases) {
  test(`guest: ${name}`, async () => {
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

test("guest: every case has reported", async () => {
  const run = await guest();
  if (run === undefined) return;
  const end = run.reports.find((line) => line.kind === "done");
  assert.ok(end?.kind === "done" && end.count === guestCases.length, run.console.slice(-3000));
});

test.run();
