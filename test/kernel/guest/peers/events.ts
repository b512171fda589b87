/** Runs inside the guest: the same C under BCC and under bpfkit, attached at the same time, and one workload. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { Kernel } from "@bpfkit/base/kernel";
import { BtfTable } from "@bpfkit/elf/btf";
import { report } from "../run-cases.ts";
import { BccHarness } from "./bcc.ts";
import { compareObservations } from "./compare-events.ts";
import { spawnPeer } from "./disk.ts";
import { type HarnessProgram, ObservedProgram } from "./observed-program.ts";
import { eventsCase, type WatchedTool, watchedTools } from "./watched-tools.ts";

/** As many as the guest has CPUs. */
const harnesses = 2;

/** Runs the workload to its end; gives its process id. */
export async function runWorkload(whileRunning: () => void): Promise<number> {
  const child = spawnPeer(["/usr/bin/python3", "/tmp/workload.py"]);
  if (child.stdout === null) throw new Error("no pipe");
  let pid = 0;
  createInterface({ input: child.stdout }).once("line", (line) => {
    pid = Number(line);
  });
  const timer = setInterval(whileRunning, 20);
  const status = await new Promise((resolve) => child.once("close", resolve));
  clearInterval(timer);
  if (status !== 0 || pid === 0) throw new Error(`the workload ended with ${status}`);
  return pid;
}

/** Compares all tools; one report each. */
export async function compareEvents(kernel: Kernel): Promise<number> {
  const programs = JSON.parse(readFileSync("/peers-input/programs.json", "utf8")) as HarnessProgram[];
  const bcc = Array.from({ length: harnesses }, (_, share) => {
    return new BccHarness(
      programs.filter((_program, index) => index % harnesses === share),
      share,
    );
  });
  await Promise.all(bcc.map((harness) => harness.attached()));
  const vmlinux = "/sys/kernel/btf/vmlinux";
  const targetBtf = BtfTable.decode(kernel.readKernelFile(vmlinux), { name: vmlinux });
  const ours = new Map<string, ObservedProgram>();
  const failures = new Map<string, string>();
  for (const program of programs) {
    try {
      ours.set(program.name, await ObservedProgram.open(program, kernel, targetBtf));
    } catch (error) {
      failures.set(program.name, error instanceof Error ? error.message : String(error));
    }
  }
  const poll = (): void => {
    for (const program of ours.values()) program.poll();
  };
  const first = await runWorkload(poll);
  await sleep(500);
  poll();
  const observed = [...ours].map(([name, program]) => [name, program.observations()] as const);
  const mine = new Map(observed);
  const theirs = new Map(
    (await Promise.all(bcc.map((one) => one.finish()))).flat().map((one) => [one.name, one]),
  );
  const isWorkload = (pid: number): boolean => pid >= first;
  for (const tool of watchedTools) {
    const program = ours.get(tool.name);
    const [left, right] = [theirs.get(tool.name), mine.get(tool.name)];
    const refusal = failures.get(tool.name) ?? bcc.map((one) => one.failures.get(tool.name)).join("");
    let error = refusal === "" ? undefined : refusal;
    let count = 0;
    if (program !== undefined && left !== undefined && right !== undefined) {
      const result = compareObservations(tool, program, left, right, isWorkload);
      ({ count } = result);
      error = verdict(tool, result, left.lost + right.lost);
    }
    report({
      kind: "test",
      name: eventsCase(tool.name),
      ms: 0,
      count,
      ...(error === undefined ? {} : { error }),
    });
  }
  for (const program of ours.values()) program.close();
  return watchedTools.length;
}

function verdict(
  tool: WatchedTool,
  { count, differences }: ReturnType<typeof compareObservations>,
  lost: number,
): string | undefined {
  if (lost > 0) return `${lost} events lost`;
  if (differences.length > 0)
    return `${differences.length} of ${count} differ:\n${differences.slice(0, 8).join("\n")}`;
  return count < tool.least ? `${count} events, the workload makes at least ${tool.least}` : undefined;
}
