/** Runs inside the guest: measures bpfkit beside BCC, libbpf-tools and bpftrace. */
import { eventsPerCall } from "./bench/flood.ts";
import {
  measureBpftrace,
  measureFlood,
  measureStart,
  median,
  type Start,
  type Started,
  spawnHere,
} from "./bench/measure.ts";
import { benchParts } from "./bench/parts.ts";
import { measureLines, type StartPrinting } from "./bench/printing.ts";
import type { Measurement } from "./bench/rows.ts";
import { guestParameter, matchingCases, onlyParameter } from "./guest-case.ts";
import { mountPeers, spawnPeer } from "./peers/disk.ts";
import { bccTool, bpfkit } from "./peers/side-by-side.ts";
import { report } from "./run-cases.ts";

const rounds = 3;
const floodSeconds = 10;

function say(measurement: Measurement): void {
  report({ kind: "measurement", ...measurement });
}

/** Programs to start, by what they do. */
const starts: Readonly<Record<string, Readonly<Record<string, Start>>>> = {
  "count calls of vfs_read": {
    "bpfkit, cached": () => spawnHere([...bpfkit, "run", "--target", "kernel", "counter.c"], "/peers-input"),
    BCC: () => spawnPeer(["/usr/bin/python3", "/tmp/counter.py"]),
    bpftrace: () => spawnPeer(["/usr/bin/bpftrace", "-e", "kprobe:vfs_read { @[pid] = count(); }"]),
    "bpfkit, first build": () =>
      spawnHere([...bpfkit, "run", "--target", "kernel", "--no-cache", "counter.c"], "/peers-input"),
  },
  execsnoop: {
    "bpfkit, cached": () => spawnHere([...bpfkit, "run", "--target", "kernel", "execsnoop"]),
    BCC: () => spawnPeer(["/usr/sbin/execsnoop-bpfcc"]),
    // bpftrace 0.17 ends its execsnoop.bt with SIGSEGV here.
    "libbpf-tools": () => spawnPeer(["/usr/sbin/execsnoop"]),
  },
};

/**
 * Code that one virtual CPU writes while another executes it (compilers do) is what QEMU's emulation gets wrong now and then:
 * a program that it ends by SIGSEGV is started again, and that is said. On real processors that was not seen.
 */
async function measureStartThere(start: Start): Promise<Started> {
  for (let again = 3; ; again--) {
    try {
      return await measureStart(start);
    } catch (error) {
      if (again === 0 || !String(error).includes("SIGSEGV")) throw error;
      process.stderr.write(`${String(error)}; measured again\n`);
    }
  }
}

async function measureStarts(what: string): Promise<void> {
  for (const [who, start] of Object.entries(starts[what] ?? {})) {
    // Where compiling takes a minute, once tells enough.
    const count = who.includes("first build") || who === "BCC" ? 1 : rounds;
    const all = [];
    for (let round = 0; round < count; round++) all.push(await measureStartThere(start));
    say({ what: `${what}: until attached`, who, value: median(all.map(({ ms }) => ms)), unit: "ms" });
    say({ what: `${what}: resident memory`, who, value: median(all.map(({ mib }) => mib)), unit: "MiB" });
  }
}

async function measureBuffer(kind: "ring" | "perf"): Promise<void> {
  const seconds = String(floodSeconds);
  const consumers = {
    bpfkit: spawnHere.bind(undefined, [
      process.execPath,
      "/bpfkit/agent/bench/flood-bpfkit.js",
      `/objects/${kind}.o`,
      seconds,
    ]),
    BCC: () => spawnPeer(["/usr/bin/python3", "/tmp/flood_bcc.py", kind, `/tmp/${kind}.c`, seconds]),
  };
  for (const [who, start] of Object.entries(consumers)) {
    const {
      received,
      lost,
      seconds: took,
    } = await measureFlood(start(), who === "bpfkit" ? kind === "perf" : undefined);
    const what = `${kind} buffer at saturation`;
    say({ what: `${what}: events taken`, who, value: received / took, unit: "/s" });
    say({ what: `${what}: events lost`, who, value: lost / took, unit: "/s" });
  }
}

async function measureBpftraceFlood(): Promise<void> {
  const { received, lost } = await measureBpftrace(floodSeconds, eventsPerCall);
  const what = "perf buffer at saturation";
  say({ what: `${what}: events taken`, who: "bpftrace", value: received / floodSeconds, unit: "/s" });
  say({ what: `${what}: events lost`, who: "bpftrace", value: lost / floodSeconds, unit: "/s" });
}

async function measurePrinting(): Promise<void> {
  const what = "opensnoop at saturation";
  const printers: Readonly<Record<string, StartPrinting>> = {
    bpfkit: (stdout) => spawnHere([...bpfkit, "run", "--target", "kernel", "opensnoop"], "/", stdout),
    // As users run it, lines are not written one by one.
    BCC: (stdout) =>
      spawnPeer(
        ["/tmp/busybox", "env", "-u", "PYTHONUNBUFFERED", ...bccTool, "/usr/sbin/opensnoop-bpfcc"],
        stdout,
      ),
    "libbpf-tools": (stdout) => spawnPeer(["/usr/sbin/opensnoop"], stdout),
  };
  for (const [who, start] of Object.entries(printers)) {
    const { lines, calls } = await measureLines(start, floodSeconds);
    say({ what: `${what}: lines printed`, who, value: lines / floodSeconds, unit: "/s" });
    say({ what: `${what}: calls`, who, value: calls / floodSeconds, unit: "/s" });
  }
}

const runs: Readonly<Record<keyof typeof benchParts, () => Promise<void>>> = {
  startCounter: () => measureStarts("count calls of vfs_read"),
  ring: () => measureBuffer("ring"),
  perf: () => measureBuffer("perf"),
  bpftrace: measureBpftraceFlood,
  printing: measurePrinting,
  startExecsnoop: () => measureStarts("execsnoop"),
};

mountPeers();
const parts = Object.entries(benchParts).map(([key, { name }]) => ({ key: key as keyof typeof runs, name }));
for (const { key } of matchingCases(parts, guestParameter(onlyParameter))) await runs[key]();
report({ kind: "done", count: 0 });
process.exit(0);
