/** Guest tests of syscount, runqlat and profile against work that is counted by other means. */
import { strict as assert } from "node:assert";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, readFileSync, writeFileSync } from "node:fs";
import { toolByName } from "@bpfkit/tools";
import type { Tool } from "bpfkit";
import type { Guest, GuestCase } from "../guest-case.ts";
import { spinFunctions, spinProgram } from "../spin-program.ts";
import { callGetegid } from "./probes.ts";

function toolNamed(name: string): Tool {
  const tool = toolByName(name);
  assert.ok(tool, name);
  return tool;
}

const syscount = toolNamed("syscount");
const runqlat = toolNamed("runqlat");
const profile = toolNamed("profile");

/** How often a thread was given a CPU: the last field of /proc/PID/schedstat (kernel Documentation/scheduler/sched-stats). */
function timesOnCpu(pid: number): number {
  const [, , count = ""] = readFileSync(`/proc/${pid}/schedstat`, "utf8").trim().split(" ");
  return Number(count);
}

/** Sends a line to `cat` and waits until it comes back: that wakes the process up. */
async function echo(child: ChildProcess, line: string): Promise<void> {
  const answered = once(child.stdout!, "data");
  child.stdin!.write(`${line}\n`);
  await answered;
}

/** Waits until a process has nothing to do. */
async function untilIdle(pid: number): Promise<void> {
  for (let before = -1; before !== timesOnCpu(pid); ) {
    before = timesOnCpu(pid);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Waits until a process waits for its input. */
async function untilAsleep(pid: number): Promise<void> {
  while (!/\) S /.test(readFileSync(`/proc/${pid}/stat`, "utf8")))
    await new Promise((resolve) => setTimeout(resolve, 1));
}

/** The counts of one process in the output of `runqlat -P`. */
function histogramOf(lines: readonly string[], pid: number): number {
  const from = lines.indexOf(`pid = ${pid}`);
  assert.ok(from >= 0, lines.join("\n"));
  let sum = 0;
  for (const line of lines.slice(from + 1)) {
    if (line.startsWith("pid = ")) break;
    sum += Number(/ : (\d+) +\|/.exec(line)?.[1] ?? 0);
  }
  return sum;
}

/** What a profile printed and wrote. */
interface ProfileRun {
  readonly lines: readonly string[];
  readonly graph: string;
}

/** Runs profile for the time that its arguments say. */
async function runProfile(guest: Guest, argv: readonly string[]): Promise<ProfileRun> {
  const lines: string[] = [];
  let graph = "";
  const status = await profile.run(argv, {
    write: (line) => lines.push(line),
    warn: (message) => lines.push(message),
    openOutput: () => (text) => {
      graph = text;
    },
    open: guest.open,
    kernel: guest.kernel,
    signal: new AbortController().signal,
  });
  assert.equal(status, 0);
  return { lines, graph };
}

const profileArguments = ["-F", "99", "-f", "--flamegraph", "spin.svg", "2"];
const kernelArguments = ["-F", "99", "-K", "-f", "-a", "2"];

/** Tools that watch the CPU. */
export const cpuToolCases: readonly GuestCase[] = [
  {
    name: "syscount -P --syscall: 29 calls by this process",
    tool: { tool: syscount, argv: ["-P", "--syscall", "getegid"] },
    async run(guest) {
      const lines = await guest.trace(syscount, ["-P", "--syscall", "getegid"], () => callGetegid(29));
      const row = lines.find((line) => line.startsWith(`${process.pid} `)) ?? "";
      assert.match(row, /^\d+ +node +29$/, lines.join("\n"));
      assert.equal(lines.at(-1), "Detaching...");
    },
  },
  {
    name: "syscount -L -e: 13 calls that fail, with their time",
    tool: { tool: syscount, argv: ["-L", "-e", "ENOENT", "--syscall", "access"] },
    async run(guest) {
      const argv = ["-L", "-e", "ENOENT", "--syscall", "access"];
      let elapsedUs = 0;
      const lines = await guest.trace(syscount, argv, () => {
        const start = performance.now();
        for (let call = 0; call < 13; call++) assert.throws(() => accessSync("/no/such/file"), /ENOENT/);
        elapsedUs = (performance.now() - start) * 1000;
        accessSync("/etc/guest-file");
      });
      const [, count, time] = /^access +(\d+) +([\d.]+)$/.exec(lines[3] ?? "") ?? [];
      assert.equal(count, "13", lines.join("\n"));
      assert.ok(Number(time) > 0 && Number(time) < elapsedUs, `${time} of ${elapsedUs} us`);
      assert.equal(lines[4], "");
    },
  },
  {
    name: "runqlat -P: as many waits as the kernel says that the process was given a CPU",
    tool: { tool: runqlat, argv: ["-P"] },
    async run(guest) {
      const child = spawn("/bin/cat", { stdio: ["pipe", "pipe", "ignore"] });
      const pid = child.pid ?? 0;
      try {
        await echo(child, "ready");
        let times = 0;
        const lines = await guest.trace(runqlat, ["-P"], async () => {
          await untilIdle(pid);
          const before = timesOnCpu(pid);
          for (let wake = 0; wake < 31; wake++) {
            await echo(child, `line ${wake}`);
            // A line that comes before it sleeps again gives it no wait.
            await untilAsleep(pid);
          }
          times = timesOnCpu(pid) - before;
        });
        assert.ok(times >= 31, `${times}`);
        assert.equal(histogramOf(lines, pid), times, lines.join("\n"));
      } finally {
        child.kill();
      }
    },
  },
  {
    name: "profile: the functions of a process that spins, folded and in the flame graph",
    tool: { tool: profile, argv: ["-f"] },
    async run(guest) {
      writeFileSync("/tmp/spin", spinProgram(), { mode: 0o755 });
      const child = spawn("/tmp/spin", { stdio: "ignore" });
      try {
        const { lines, graph } = await runProfile(guest, profileArguments);
        const spinning = lines.filter((line) => line.startsWith("spin;"));
        const counted = (wanted: (stack: string) => boolean) =>
          spinning
            .filter((line) => wanted(line.slice(0, line.lastIndexOf(" "))))
            .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
        const stack = ["spin", ...spinFunctions.map(([name]) => name)].join(";");
        const all = counted(() => true);
        const exact = counted((text) => text === stack);
        // Two seconds at 99 Hertz, less what the emulated timer loses on a busy machine.
        assert.ok(all >= 20 && all <= 2.5 * 99, `${all} samples:\n${lines.join("\n")}`);
        assert.ok(exact >= 0.8 * all, spinning.join("\n"));
        assert.ok(counted((text) => text.startsWith(stack)) >= 0.9 * all, spinning.join("\n"));
        assert.match(graph, /<title>spin_here \(\d+ samples, [\d.]+%\)<\/title>/);
        assert.match(graph, /data-name="outer_function"/);
      } finally {
        child.kill("SIGKILL");
      }
    },
  },
  {
    name: "profile -K -a: kernel functions of a process that reads /dev/zero, each once",
    tool: { tool: profile, argv: kernelArguments },
    async run(guest) {
      const words = ["if=/dev/zero", "of=/dev/null", "bs=4M", "count=1000000"];
      const child = spawn("/bin/dd", words, { stdio: "ignore" });
      try {
        const { lines } = await runProfile(guest, kernelArguments);
        const stacks = lines.filter((line) => line.startsWith("dd;")).map((line) => line.split(/;| \d+$/));
        assert.ok(stacks.length > 0, lines.join("\n"));
        const reading = stacks.filter((stack) => stack.includes("vfs_read_[k]"));
        assert.ok(reading.length > 0, lines.join("\n"));
        // The sampled address itself is the innermost function: it must not be there twice.
        for (const stack of reading) {
          const [inner, caller] = stack
            .filter((name) => name !== "")
            .slice(-2)
            .reverse();
          assert.notEqual(inner, caller, stack.join(";"));
        }
      } finally {
        child.kill("SIGKILL");
      }
    },
  },
];
