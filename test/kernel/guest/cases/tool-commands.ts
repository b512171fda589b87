/** Guest tests of the tools as commands: nothing to see, Ctrl-C, readers that go away. */
import { strict as assert } from "node:assert";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { tools } from "@bpfkit/tools";
import type { GuestCase } from "../guest-case.ts";

const command = "/bpfkit/node_modules/@bpfkit/cli/bin/bpfkit.cjs";
const nobody = "4194303";

/** A command line with which a tool sees nothing, and what it then prints until it is interrupted. */
interface QuietTool {
  readonly name: string;
  readonly argv: readonly string[];
  readonly prints: RegExp;
}

const quiet: readonly QuietTool[] = [
  { name: "biolatency", argv: [], prints: /^Tracing block device I\/O\.\.\. Hit Ctrl-C to end\.\n\n$/ },
  { name: "execsnoop", argv: ["-u", nobody], prints: /^PCOMM .* ARGS\n$/ },
  { name: "opensnoop", argv: ["-p", nobody], prints: /^PID .* PATH\n$/ },
  { name: "profile", argv: ["-p", nobody], prints: /^Sampling at 49 Hertz of PID \[4194303\] .*\n\n$/ },
  {
    name: "runqlat",
    argv: ["-p", nobody],
    prints: /^Tracing run queue latency\.\.\. Hit Ctrl-C to end\.\n\n$/,
  },
  {
    name: "syscount",
    argv: ["-p", nobody],
    prints: /^Tracing syscalls, .*\n\[\d\d:\d\d:\d\d\]\nSYSCALL +COUNT\n\nDetaching\.\.\.\n$/,
  },
  { name: "tcpconnect", argv: ["-p", nobody], prints: /^Tracing connect .*\nPID .* DPORT +\n$/ },
  { name: "tcplife", argv: ["-p", nobody], prints: /^PID .* MS\n$/ },
];

/** The build cache that came with the image. */
const environment = { ...process.env, XDG_CACHE_HOME: "/cache" };

function start(name: string, argv: readonly string[]): ChildProcess {
  return spawn(process.execPath, [command, "run", "--target", "kernel", name, ...argv], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment,
  });
}

/** Runs a tool until it has printed its first line, interrupts it, and checks everything that it said. */
async function interrupt({ name, argv, prints }: QuietTool): Promise<void> {
  const child = start(name, argv);
  let [output, errors] = ["", ""];
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const closed = once(child, "close");
  const printed = new Promise<void>((resolve) => {
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      resolve();
    });
  });
  await Promise.race([printed, closed]);
  child.kill("SIGINT");
  const [status] = await closed;
  assert.equal(status, 0, `${name}: ${errors}`);
  assert.match(output, prints, name);
  assert.match(errors, /^bpfkit: tracing this machine's kernel \(Linux [^)]+\); Ctrl-C ends it\n$/, name);
}

/** Tools through the command. */
export const toolCommandCases: readonly GuestCase[] = [
  ...quiet.map(
    (one): GuestCase => ({
      only: "stable",
      name: `${[one.name, ...one.argv].join(" ")}: nothing to see, then Ctrl-C ends it with its summary`,
      cachedRuns: [[one.name, ...one.argv]],
      run: () => interrupt(one),
    }),
  ),
  {
    name: "every tool has been interrupted",
    run() {
      assert.deepEqual(
        quiet.map(({ name }) => name),
        tools.map(({ name }) => name),
      );
    },
  },
  {
    name: "opensnoop | head ends when its reader has gone, and leaves no probe",
    cachedRuns: [["opensnoop"]],
    run() {
      const line = `${process.execPath} ${command} run --target kernel opensnoop 2>/tmp/errors | head -3`;
      const touch = "while [ ! -e /tmp/head-done ]; do cat /etc/guest-file >/dev/null; usleep 50000; done";
      const script = `(${touch}) & ${line}; touch /tmp/head-done; wait`;
      const output = execFileSync("/bin/sh", ["-c", script], { encoding: "utf8", env: environment });
      assert.equal(output.split("\n").length, 4, output);
      assert.match(output, /^PID +COMM +FD +ERR PATH\n/);
      assert.doesNotMatch(readFileSync("/tmp/errors", "utf8"), /EPIPE|error|\n\s+at /);
      assert.doesNotMatch(readFileSync("/sys/kernel/debug/kprobes/list", "utf8"), /openat/);
    },
  },
  {
    name: "a tool's wrong option is a usage error on the kernel, too",
    run() {
      const words = [command, "run", "--target", "kernel", "tcplife", "-L", "ssh"];
      const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" });
      assert.equal(status, 2, stderr);
      assert.equal(stdout, "");
      assert.match(stderr, /--localport takes ports separated by commas/);
    },
  },
];
