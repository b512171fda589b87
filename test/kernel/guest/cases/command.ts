/** Guest tests of the command itself: --target kernel, interrupts, kill -9, missing privileges. */
import { strict as assert } from "node:assert";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { ToolProgram } from "bpfkit";
import type { GuestCase } from "../guest-case.ts";
import { loadedObjects, loadedSince, untilUnloaded } from "./loaded-objects.ts";
import { callGetegid } from "./probes.ts";
import { until } from "./until.ts";

const command = "/bpfkit/node_modules/@bpfkit/cli/bin/bpfkit.cjs";
const probes = "/sys/kernel/debug/kprobes/list";

const counter: ToolProgram = {
  file: "counter.c",
  text: `BPF_HASH(calls, u32);
int kprobe__sys_getegid(void *ctx)
{
    u32 tgid = bpf_get_current_pid_tgid() >> 32;
    calls.increment(tgid);
    return 0;
}
/* Attached after the other one: once this is heard, both count. */
int kprobe__sys_access(void *ctx)
{
    bpf_trace_printk("ready\\n");
    return 0;
}
`,
};

const attachedProbes = (): string => readFileSync(probes, "utf8");

interface Tracing {
  readonly child: ChildProcess;
  /** What it has printed. */
  output(): string;
}

/** Starts the command and waits until it prints what its second program says of the calls made here. */
async function startTracing(object: string): Promise<Tracing> {
  assert.equal(attachedProbes().includes("getegid"), false, "a probe was left over before the test");
  const child = spawn(process.execPath, [command, "run", "--target", "kernel", object, "--json"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  try {
    await until("the probes", () => {
      assert.equal(child.exitCode, null, errors);
      existsSync("/no/such/file");
      return output.includes("ready");
    });
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  assert.ok(attachedProbes().includes("getegid"));
  return { child, output: () => output };
}

/** The command. */
export const commandCases: readonly GuestCase[] = [
  {
    name: "bpfkit run --target kernel counts calls, and Ctrl-C prints and detaches",
    programs: [counter],
    async run(guest) {
      const before = loadedObjects(guest.kernel);
      const { child, output } = await startTracing(guest.objectPath(counter));
      assert.notEqual(loadedSince(guest.kernel, before).length, 0);
      callGetegid(29);
      child.kill("SIGINT");
      const [status] = await once(child, "close");
      assert.equal(status, 0);
      const maps =
        output()
          .split("\n")
          .find((line) => line.includes('"entries"')) ?? "";
      assert.match(maps, new RegExp(`${process.pid}\\D+29\\b`), output());
      assert.equal(attachedProbes().includes("getegid"), false, "the probe is still there");
      await untilUnloaded(guest.kernel, before);
    },
  },
  {
    name: "kill -9 leaves nothing behind",
    programs: [counter],
    async run(guest) {
      const before = loadedObjects(guest.kernel);
      const { child } = await startTracing(guest.objectPath(counter));
      child.kill("SIGKILL");
      await once(child, "close");
      await until("the probe to go", () => !attachedProbes().includes("getegid"));
      await untilUnloaded(guest.kernel, before);
      assert.deepEqual(readdirSync("/sys/fs/bpf"), [], "a pin is left");
    },
  },
  {
    name: "without privileges the command says what is missing and attaches nothing",
    programs: [counter],
    run(guest) {
      const nobody = 65534;
      const words = [command, "run", "--target", "kernel", guest.objectPath(counter)];
      const result = spawnSync(process.execPath, words, {
        uid: nobody,
        gid: nobody,
        encoding: "utf8",
        env: { HOME: "/tmp" },
      });
      assert.equal(result.status, 1, result.stderr);
      assert.match(result.stderr, /needs CAP_BPF and CAP_PERFMON/);
      assert.match(result.stderr, /LK003/);
      assert.match(result.stderr, /sudo/);
      assert.equal(result.stdout, "");
      assert.ok(existsSync(probes));
    },
  },
];
