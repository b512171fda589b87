/** Runs inside the guest: how long a program takes to attach, what memory it holds then, how many events it takes. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { spawnPeer } from "../peers/disk.ts";
import type { FloodResult, FloodSums } from "./flood.ts";

/** A program that attaches by itself. */
export type Start = () => ChildProcess;

/** One start. */
export interface Started {
  /** Until the first link or perf event is there. */
  readonly ms: number;
  /** MiB of memory that are resident a second later; shared pages count. */
  readonly mib: number;
}

const startLimitMs = 600_000;
/** What stays open as long as this is attached. */
const lastingMs = 500;

/** Whether a process holds a link or a perf event. */
export function isAttached(pid: number): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((fd) => /bpf.link|perf_event/.test(readlinkSync(`${folder}/${fd}`)));
  } catch {
    // It has ended, or closed a descriptor just now: the next look tells.
    return false;
  }
}

/** Starts a program, waits until it has attached, and ends it. */
export async function measureStart(start: Start): Promise<Started> {
  const began = performance.now();
  const child = start();
  const closed = new Promise((resolve) => child.once("close", resolve));
  child.stdout?.resume();
  const pid = child.pid ?? 0;
  // What is opened only to ask whether the kernel can do something is closed at once.
  let since: number | undefined;
  for (let now = began; since === undefined || now - since < lastingMs; now = performance.now()) {
    const ended = child.exitCode ?? child.signalCode;
    if (ended !== null) throw new Error(`${child.spawnargs.join(" ")} ended with ${ended}`);
    if (now - began > startLimitMs) throw new Error(`${child.spawnargs.join(" ")} does not attach`);
    since = isAttached(pid) ? (since ?? now) : undefined;
    await sleep(5);
  }
  const ms = since - began;
  await sleep(1000);
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mib = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  child.kill("SIGKILL");
  await closed;
  return { ms, mib };
}

/** Starts something outside of the peers' root. */
export function spawnHere(
  words: readonly string[],
  cwd = "/",
  stdout: number | "pipe" = "pipe",
): ChildProcess {
  const [program = "", ...args] = words;
  const env = { ...process.env, XDG_CACHE_HOME: "/cache" };
  return spawn(program, args, { cwd, env, stdio: ["pipe", stdout, "inherit"] });
}

/** Does nothing but call getegid(2). */
const flood = ["/usr/bin/python3", "-c", "import os\nwhile True: os.getegid()"];
/** Calls getegid(2) on every CPU once. */
const callOnEachCpu = [
  "/usr/bin/python3",
  "-c",
  "import os\nfor cpu in os.sched_getaffinity(0):\n os.sched_setaffinity(0, {cpu})\n os.getegid()",
];

/** Waits for the end of a process. */
export const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null)
    await new Promise((resolve) => child.once("exit", resolve));
};

/**
 * Lets a consumer run beside a process that does nothing but call getegid(2).
 * The probe is attached before the calls begin and stays until they have ended: an emulated CPU may go on with a
 * half-changed instruction where another one changes the code that it is running.
 * @param reports whether the buffer reports what it lost; undefined where the consumer does not tell sums afterwards
 * @throws Error where what was taken, and what is said to be lost, is not what was sent
 */
export async function measureFlood(consumer: ChildProcess, reports?: boolean): Promise<FloodResult> {
  const { stdout, stdin } = consumer;
  if (stdout === null) throw new Error("no pipe");
  let source: ChildProcess | undefined;
  let result: FloodResult | undefined;
  let looks = 0;
  try {
    for await (const line of createInterface({ input: stdout })) {
      if (!line.startsWith("{")) continue;
      const said = JSON.parse(line) as { readonly attached?: boolean } | FloodResult | FloodSums;
      if ("received" in said) {
        result = said;
        source?.kill("SIGKILL");
        if (source !== undefined) await ended(source);
        if (reports === undefined) break;
        stdin?.write("taken?\n");
      } else if ("taken" in said) {
        looks += 1;
        if (looks === 1) {
          await ended(spawnPeer(callOnEachCpu));
          stdin?.end("taken?\n");
        } else requireSums(said, reports === true);
      } else source = spawnPeer(flood);
    }
  } finally {
    source?.kill("SIGKILL");
    consumer.kill("SIGKILL");
  }
  const known = reports === undefined || looks === 2;
  if (result === undefined || !known) throw new Error(`${consumer.spawnargs.join(" ")} gave no result`);
  return result;
}

function requireSums(sums: FloodSums, reports: boolean): void {
  const { taken, sent, lost, reported } = sums;
  if (taken !== sent || reported !== (reports ? lost : 0)) throw new Error(`sums: ${JSON.stringify(sums)}`);
}

/** Lines that bpftrace prints of the same flood. */
export async function measureBpftrace(seconds: number, eventsPerCall: number): Promise<FloodResult> {
  const send = `unroll(${eventsPerCall}) { printf("%d %s\\n", pid, comm); }`;
  const program = `kprobe:__x64_sys_getegid { ${send} }`;
  const child = spawnPeer(["/usr/bin/bpftrace", "-q", "-e", program]);
  const closed = new Promise((resolve) => child.once("close", resolve));
  let received = 0;
  let lost = 0;
  let rest = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const dropped = /Lost (\d+) events/.exec(line);
      if (dropped === null) received += 1;
      else lost += Number(dropped[1]);
    }
  });
  while (!isAttached(child.pid ?? 0) && child.exitCode === null) await sleep(20);
  const source = spawnPeer(flood);
  await sleep(seconds * 1000);
  const result = { received, lost, seconds };
  source.kill("SIGKILL");
  await ended(source);
  child.kill("SIGKILL");
  await closed;
  return result;
}

/** For programs that only exist as files. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** Says what the machine is. */
export const machine = (): string => execFileSync("/bin/uname", ["-srm"], { encoding: "utf8" }).trim();
