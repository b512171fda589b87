/** Runs inside the guest: our front ends beside those of bpfcc-tools and libbpf-tools, all attached, one workload. */
import { strict as assert } from "node:assert";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isAttached } from "../bench/measure.ts";
import { report } from "../run-cases.ts";
import { without } from "./compare-events.ts";
import { spawnPeer } from "./disk.ts";
import { runWorkload } from "./events.ts";

/** The command, whose builds the host has put into the cache. */
export const bpfkit = [process.execPath, "/bpfkit/node_modules/@bpfkit/cli/bin/bpfkit.cjs"];

/** Runs BCC's tools; compiled on the host, see bcc_recording.py. */
export const bccTool = ["/usr/bin/python3", "/tmp/bcc_tool.py", "/tmp/recording.jsonl"];

/** How long a front end may take until it has attached, in an emulated machine that may have other work. */
const startLimitMs = 200_000;

/** A tool that three projects have. */
interface SharedTool {
  readonly name: string;
  readonly options: readonly string[];
  /** What each prints once it is attached. */
  readonly header: RegExp;
  /** A line as all of them would print it, or undefined for lines that are none of the workload's. */
  readonly row: (line: string, isWorkload: (pid: number) => boolean) => string | undefined;
  readonly work: "workload" | "disk";
  readonly least: number;
  /** Who takes part. */
  readonly peers: readonly ("bpfcc-tools" | "libbpf-tools")[];
  /** How many columns of bpfcc-tools' lines can be relied on; all unless told otherwise. */
  readonly bccColumns?: number;
}

const reads = 23;
const columns = (line: string): string[] => line.trim().split(/\s+/);

/** Lines with a process id in some column; the columns that `kept` names are compared. */
const rowOf =
  (pidColumn: number, kept: (columns: string[]) => string[]): SharedTool["row"] =>
  (line, isWorkload) => {
    const words = columns(line);
    return isWorkload(Number(words[pidColumn])) ? kept(words).join(" ") : undefined;
  };

/** All of them. Named so that the host can ask for each report. */
export const sharedTools: readonly SharedTool[] = [
  {
    name: "execsnoop",
    options: ["-x"],
    header: /^PCOMM /m,
    row: rowOf(1, (words) => words),
    work: "workload",
    least: 5 + 3,
    // BCC reads its rings CPU by CPU, so that the arguments may come after the result that they are printed with.
    bccColumns: 4,
    peers: ["bpfcc-tools", "libbpf-tools"],
  },
  {
    name: "opensnoop",
    options: [],
    header: /^PID .*PATH/m,
    row: rowOf(0, (words) => words),
    work: "workload",
    least: 7 + 3 + 4,
    peers: ["bpfcc-tools", "libbpf-tools"],
  },
  {
    name: "tcplife",
    options: [],
    header: /^PID .*MS/m,
    // Sizes are printed with other precisions, and times differ.
    row: (line) => (/^\d/.test(line) ? columns(line).slice(0, 6).join(" ") : undefined),
    work: "workload",
    least: 2 * 8,
    peers: ["bpfcc-tools", "libbpf-tools"],
  },
  {
    name: "biolatency",
    options: [],
    header: /^Tracing block/m,
    row: (line) => /^\s+\d+ -> \d+\s+: ([1-9]\d*)/.exec(line)?.[1],
    work: "disk",
    least: 1,
    // BCC's probes blk_account_io_done, which Debian's 6.1 marks as not traceable.
    peers: ["libbpf-tools"],
  },
];

/** Case names in reports. */
export const sideBySideCase = (tool: string): string => `${tool}: the same lines as the peers' front ends`;

/** A front end that runs. */
class FrontEnd {
  readonly who: string;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #output = "";

  constructor(who: string, child: ChildProcess) {
    this.who = who;
    this.#child = child;
    this.#closed = new Promise((resolve) => child.once("close", resolve));
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
    });
  }

  /**
   * Waits for the header. libbpf-tools keeps its lines until the end where it writes into a pipe: there its first link
   * or perf event tells.
   */
  async started(header: RegExp): Promise<void> {
    const end = performance.now() + startLimitMs;
    const hasStarted = (): boolean =>
      this.who === "libbpf-tools" ? isAttached(this.#child.pid ?? 0) : header.test(this.#output);
    while (!hasStarted()) {
      assert.ok(this.#child.exitCode === null, `${this.who} ended with ${this.#child.exitCode}`);
      assert.ok(performance.now() < end, `${this.who} does not start: ${this.#output}`);
      await sleep(50);
    }
  }

  /** Interrupts it and gives its lines. */
  async finish(): Promise<string[]> {
    this.#child.kill("SIGINT");
    const killer = setTimeout(() => this.#child.kill("SIGKILL"), 60_000);
    await this.#closed;
    clearTimeout(killer);
    return this.#output.split("\n");
  }
}

function startAll({ name, options, peers }: SharedTool): FrontEnd[] {
  const [node = "", ...script] = bpfkit;
  const env = { ...process.env, XDG_CACHE_HOME: "/cache" };
  const ours = spawn(node, [...script, "run", "--target", "kernel", name, ...options], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const all = [new FrontEnd("bpfkit", ours)];
  if (peers.includes("bpfcc-tools"))
    all.push(new FrontEnd("bpfcc-tools", spawnPeer([...bccTool, `/usr/sbin/${name}-bpfcc`, ...options])));
  if (peers.includes("libbpf-tools"))
    all.push(new FrontEnd("libbpf-tools", spawnPeer([`/usr/sbin/${name}`, ...options])));
  return all;
}

/** Makes requests to a disk without a queue of its own. @returns their number */
function readDisk(): number {
  const disk = "/dev/nullb0";
  if (!existsSync(disk)) {
    for (const module of readFileSync("/modules/order", "utf8").trim().split("\n")) {
      // The modules of the peers' disk are there.
      const options = module.startsWith("null_blk") ? ["nr_devices=1", "gb=1", "memory_backed=0"] : [];
      if (!/virtio/.test(module)) execFileSync("/bin/insmod", [`/modules/${module}`, ...options]);
    }
  }
  const words = [`if=${disk}`, "of=/dev/null", "bs=4096", `count=${reads}`, "iflag=direct"];
  execFileSync("/bin/dd", words, { stdio: "ignore" });
  return reads;
}

async function compareOne(tool: SharedTool): Promise<number> {
  if (tool.work === "disk") readDisk();
  const all = startAll(tool);
  let first = 0;
  try {
    await Promise.all(all.map((one) => one.started(tool.header)));
    // Printed headers come before the last probe is attached.
    await sleep(2000);
    if (tool.work === "disk") readDisk();
    else first = await runWorkload(() => {});
    await sleep(1000);
  } catch (error) {
    for (const one of all) await one.finish();
    throw error;
  }
  const isWorkload = (pid: number): boolean => pid >= first;
  const rows: [string, string[]][] = [];
  for (const one of all) {
    const lines = await one.finish();
    const found = lines.flatMap((line) => tool.row(line, isWorkload) ?? []);
    if (tool.work === "disk") {
      const total = found.reduce((sum, count) => sum + Number(count), 0);
      assert.equal(total, reads, `${one.who} counted ${total} of ${reads} requests:\n${lines.join("\n")}`);
      rows.push([one.who, [String(total)]]);
    } else rows.push([one.who, found.sort()]);
  }
  const [[, ours] = ["", []], ...others] = rows;
  for (const [who, theirs] of others) {
    const width = who === "bpfcc-tools" ? tool.bccColumns : undefined;
    const cut = (row: string): string => row.split(" ").slice(0, width).join(" ");
    const differences = [
      ...without(theirs.map(cut), ours.map(cut)).map((row) => `only ${who}: ${row}`),
      ...without(ours.map(cut), theirs.map(cut)).map((row) => `only bpfkit: ${row}`),
    ];
    if (differences.length > 0)
      throw new Error(`${differences.length} lines differ:\n${differences.join("\n")}`);
  }
  assert.ok(ours.length >= tool.least, `${ours.length} lines, the workload makes at least ${tool.least}`);
  return ours.length;
}

/** Compares all; one report each. Gives their number. */
export async function compareFrontEnds(): Promise<number> {
  for (const tool of sharedTools) {
    const name = sideBySideCase(tool.name);
    const started = performance.now();
    report({ kind: "start", name });
    let error: string | undefined;
    let count = 0;
    try {
      count = await compareOne(tool);
    } catch (failure) {
      error = failure instanceof Error ? failure.message : String(failure);
    }
    const ms = Math.round(performance.now() - started);
    report({ kind: "test", name, ms, count, ...(error === undefined ? {} : { error }) });
  }
  return sharedTools.length;
}
