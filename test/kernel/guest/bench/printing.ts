/** Runs inside the guest: how many lines a tool prints into a file while files are opened as fast as can be. */
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { spawnPeer } from "../peers/disk.ts";
import { isAttached } from "./measure.ts";

/** Starts a tool with this standard output. */
export type StartPrinting = (stdout: number) => ChildProcess;

/** What a tool did. */
export interface Printed {
  /** Of the opened files, in that time. */
  readonly lines: number;
  /** How many files were opened meanwhile. */
  readonly calls: number;
}

const file = "/tmp/printed";
const wanted = "/no/such/file";
/** Opens a file that is not there until it is interrupted, and prints how often. */
const opener = [
  "/usr/bin/python3",
  "-c",
  `import os
count = 0
try:
 while True:
  count += 1
  try:
   os.open("${wanted}", 0)
  except FileNotFoundError:
   pass
except KeyboardInterrupt:
 print(count)`,
];

/** Probes are attached one after the other. */
const settleMs = 3000;
const startLimitMs = 200_000;
/** What was printed of others is not counted, nor is half a line. */
const countLines = (): number => readFileSync(file, "utf8").split(`${wanted}\n`).length - 1;

/** Lets a tool print for some seconds, then ends it. */
export async function measureLines(start: StartPrinting, seconds: number): Promise<Printed> {
  const stdout = openSync(file, "w");
  const tool = start(stdout);
  closeSync(stdout);
  let source: ChildProcess | undefined;
  try {
    const limit = performance.now() + startLimitMs;
    while (!isAttached(tool.pid ?? 0)) {
      if (tool.exitCode !== null || performance.now() > limit) throw new Error("the tool does not attach");
      await sleep(50);
    }
    await sleep(settleMs);
    source = spawnPeer(opener);
    let said = "";
    source.stdout?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const closed = new Promise((resolve) => source?.once("close", resolve));
    await sleep(seconds * 1000);
    const lines = countLines();
    // In this order, as for floods: see measureFlood.
    source.kill("SIGINT");
    await closed;
    return { lines, calls: Number(said) };
  } finally {
    tool.kill("SIGKILL");
    source?.kill("SIGKILL");
    rmSync(file, { force: true });
  }
}
