/** Runs inside the guest: cases one after the other, one JSON line for each on the console. */
import { readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Kernel } from "@bpfkit/base/kernel";
import { BPF, type ToolProgram } from "bpfkit";
import { openLinuxKernel } from "bpfkit/node";
import { type Guest, type GuestCase, type GuestReport, reportMark } from "./guest-case.ts";
import { objectName } from "./objects.ts";

/** A case that takes longer hangs. */
const limitMs = 120_000;
/** How long a tool may take to attach, and its events to arrive. */
const settleMs = 400;

/** Prints one line for the host. */
export function report(line: GuestReport): void {
  writeSync(1, `${reportMark}${JSON.stringify(line)}\n`);
}

const objectPath = (program: ToolProgram): string => join("/objects", objectName(program));

function guestOn(kernel: Kernel): Guest {
  const open = async (program: ToolProgram): Promise<BPF> =>
    await BPF.open({ object: readFileSync(objectPath(program)), name: program.file, kernel });
  return {
    kernel,
    open,
    objectPath,
    async trace(tool, argv, work) {
      const lines: string[] = [];
      const controller = new AbortController();
      const running = tool.run(argv, {
        write: (line) => lines.push(line),
        open,
        kernel,
        signal: controller.signal,
      });
      // Every tool prints its header or greeting once it is attached.
      const isRunning = async (): Promise<boolean> => {
        for (let turn = 0; turn < 200; turn++) {
          if (lines.length > 0) return true;
          await Promise.race([running, sleep(50)]);
        }
        return false;
      };
      if (!(await isRunning())) throw new Error(`${tool.name} does not start`);
      await work();
      await sleep(settleMs);
      controller.abort();
      const status = await running;
      if (status !== 0) throw new Error(`${tool.name} ended with ${status}`);
      return lines;
    },
  };
}

/** Runs every case. @param limit Milliseconds that one may take. */
export async function runCases(cases: readonly GuestCase[], limit = limitMs): Promise<void> {
  for (const { name, run } of cases) {
    report({ kind: "start", name });
    const started = performance.now();
    let error: string | undefined;
    const kernel = await openLinuxKernel();
    try {
      const timer = AbortSignal.timeout(limit);
      const timeout = new Promise<never>((_, reject) => {
        timer.addEventListener("abort", () => reject(new Error(`hangs: no end after ${limit} ms`)));
      });
      await Promise.race([Promise.resolve(run(guestOn(kernel))), timeout]);
    } catch (failure) {
      error = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
    } finally {
      kernel.shutdown();
    }
    report({
      kind: "test",
      name,
      ms: Math.round(performance.now() - started),
      ...(error === undefined ? {} : { error }),
    });
  }
  report({ kind: "done", count: cases.length });
}
