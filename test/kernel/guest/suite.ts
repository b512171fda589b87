/** Boots a guest with a list of cases, and makes one test of each of them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../../support/native-tools.ts";
import type { GuestRun } from "./boot.ts";
import { buildObjects } from "./build-objects.ts";
import { casesOf } from "./cases/index.ts";
import { knownStack } from "./cases/symbols.ts";
import { type GuestCase, matchingCases } from "./guest-case.ts";
import type { KernelChoice } from "./kernel-package.ts";
import { bpftoolFor, guestTools, runGuest } from "./machine.ts";
import { rejectionFile, rejectionText } from "./refuse.ts";

/** A kernel and what runs on it. */
export interface Suite {
  readonly kernel: KernelChoice;
  /** Before the cases' names in the names of the tests. */
  readonly title: string;
  /** What cases insert. */
  readonly kernelModules: readonly string[];
}

/** Every case has a limit of its own; this one is for a guest that does not get so far, on a machine with much to do. */
const limitMs = 900_000;

/** GUEST_CASES=REGEXP runs some of the cases only, while one works on them. */
const only = process.env["GUEST_CASES"];

async function boot(suite: Suite, cases: readonly GuestCase[]): Promise<GuestRun | undefined> {
  const { kernel, kernelModules } = suite;
  const tools = guestTools(kernel);
  const bpftool = bpftoolFor(kernel);
  const compiler = requireTool("clang-19");
  const setpriv = requireTool("setpriv");
  if (tools === undefined || bpftool === undefined || compiler === undefined || setpriv === undefined)
    return undefined;
  const objects = await buildObjects(cases);
  objects.set(rejectionFile, new TextEncoder().encode(rejectionText));
  objects.set(knownStack, compileKnownStack(compiler));
  const programs = new Map([
    ["usr/bin/bpftool", bpftool],
    ["usr/bin/setpriv", setpriv],
  ]);
  const cachedRuns = cases.flatMap((one) => one.cachedRuns ?? []).map((words) => ({ words, folder: "." }));
  const parts = { choice: kernel, objects, programs, cachedRuns, kernelModules, limitMs };
  return await runGuest(tools, { ...parts, ...(only === undefined ? {} : { only }) });
}

/** A program with frame pointers, for a user stack that is known. */
function compileKnownStack(compiler: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-stack-"));
  try {
    const source = join(import.meta.dirname, "cases/known-stack.c");
    const output = join(folder, knownStack);
    const words = ["-O1", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls", source, "-o", output];
    execFileSync(compiler, words, { stdio: ["ignore", "ignore", "inherit"] });
    return new Uint8Array(readFileSync(output));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One test for each case; the first of them boots the guest. */
export function testInGuest(suite: Suite): void {
  // One kernel may lack the chosen case; a name that no kernel has is a mistake.
  if (matchingCases([...casesOf("stable"), ...casesOf("backports")], only).length === 0)
    throw new Error(`GUEST_CASES=${only} names no case`);
  const cases = matchingCases(casesOf(suite.kernel), only);
  let running: Promise<GuestRun | undefined> | undefined;
  const guest = (): Promise<GuestRun | undefined> => {
    running ??= boot(suite, cases);
    return running;
  };
  for (const { name } of cases) {
    test(`${suite.title}: ${name}`, async () => {
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
  test(`${suite.title}: every case has reported`, async () => {
    const run = await guest();
    if (run === undefined) return;
    const end = run.reports.find((line) => line.kind === "done");
    assert.ok(end?.kind === "done" && end.count === cases.length, run.console.slice(-3000));
  });
}
