/**
 * The kernel target on a real kernel: boots Debian's 6.1 in QEMU with Node and the built packages inside and runs every
 * case of guest/cases there. Nothing is attached to the kernel of the machine that runs the tests.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";
import type { GuestRun } from "./guest/boot.ts";
import { buildObjects } from "./guest/build-objects.ts";
import { guestCases as allCases } from "./guest/cases/index.ts";
import { knownStack } from "./guest/cases/symbols.ts";
import { matchingCases } from "./guest/guest-case.ts";
import { guestTools, runGuest } from "./guest/machine.ts";
import { rejectionFile, rejectionText } from "./guest/refuse.ts";

/** GUEST_CASES=REGEXP runs some of the cases only, while one works on them. */
const only = process.env["GUEST_CASES"];
const guestCases = matchingCases(allCases, only);

/** Every case has a limit of its own; this one is for a guest that does not get so far, on a machine with much to do. */
const limitMs = 900_000;

/** What cases insert. */
const kernelModules = ["null_blk", "loop", "veth", "sch_ingress", "cls_bpf"];

async function bootCases(): Promise<GuestRun | undefined> {
  const tools = guestTools();
  const bpftool = requireTool("bpftool");
  const compiler = requireTool("clang-19");
  if (tools === undefined || bpftool === undefined || compiler === undefined) return undefined;
  const objects = await buildObjects(guestCases);
  objects.set(rejectionFile, new TextEncoder().encode(rejectionText));
  objects.set(knownStack, compileKnownStack(compiler));
  const programs = new Map([["usr/bin/bpftool", bpftool]]);
  const cachedRuns = guestCases
    .flatMap((one) => one.cachedRuns ?? [])
    .map((words) => ({ words, folder: "." }));
  const parts = { objects, programs, cachedRuns, kernelModules, limitMs };
  return await runGuest(tools, { ...parts, ...(only === undefined ? {} : { only }) });
}

/** A program with frame pointers, for a user stack that is known. */
function compileKnownStack(compiler: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-stack-"));
  try {
    const source = join(import.meta.dirname, "guest/cases/known-stack.c");
    const output = join(folder, knownStack);
    const words = ["-O1", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls", source, "-o", output];
    execFileSync(compiler, words, { stdio: ["ignore", "ignore", "inherit"] });
    return new Uint8Array(readFileSync(output));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
