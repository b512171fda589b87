/**
 * The kernel target on a real kernel: boots Debian's 6.1 in QEMU with Node and the built packages inside and runs every
 * case of guest/cases there. Nothing is attached to the kernel of the machine that runs the tests.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";
import { bootGuest, type GuestRun } from "./guest/boot.ts";
import { buildObjects } from "./guest/build-objects.ts";
import { guestCases } from "./guest/cases/index.ts";
import { isStatic, makeImage } from "./guest/image.ts";
import { guestKernel } from "./guest/kernel-package.ts";

/** Undefined, after a loud line, where the guest cannot be made on this machine. */
async function runGuest(): Promise<GuestRun | undefined> {
  const qemu = requireTool("qemu-system-x86_64");
  const busybox = requireTool("busybox");
  const cpio = requireTool("cpio");
  const apt = requireTool("apt-get");
  if (qemu === undefined || busybox === undefined || cpio === undefined || apt === undefined)
    return undefined;
  if (process.arch !== "x64") return skip("the guest is an x86-64 machine that runs this machine's Node");
  if (!isStatic(busybox)) return skip(`${busybox} is not static; busybox-static is needed`);
  let kernel: ReturnType<typeof guestKernel>;
  try {
    kernel = guestKernel();
  } catch (error) {
    return skip(`Debian's kernel package cannot be had: ${String(error)}`);
  }
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-guest-"));
  try {
    const objects = await buildObjects(guestCases);
    const initialRamDisk = makeImage({ kernel, busybox, cpio, objects }, folder);
    const run = await bootGuest({ qemu, kernelImage: kernel.image, initialRamDisk });
    process.stderr.write(`guest: Linux ${kernel.release}, ${run.seconds.toFixed(1)} s\n`);
    if (run.hung) process.stderr.write(`guest: hung after ${JSON.stringify(run.reports.slice(-4))}\n`);
    return run;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function skip(why: string): undefined {
  const message = `the tests on a real kernel did not run: ${why}`;
  if (process.env["CI"] !== undefined) throw new Error(message);
  process.stderr.write(`SKIPPED: ${message}\n`);
  return undefined;
}

let running: Promise<GuestRun | undefined> | undefined;
const guest = (): Promise<GuestRun | undefined> => {
  running ??= runGuest();
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
