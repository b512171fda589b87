/** Guest tests of floods: more events than can be taken, readers that do not read, Ctrl-C in the middle. */
import { strict as assert } from "node:assert";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { BPF, ToolProgram } from "bpfkit";
import { eventsPerCall, floods } from "../bench/flood.ts";
import type { Guest, GuestCase } from "../guest-case.ts";
import { until } from "./until.ts";

const command = "/bpfkit/node_modules/@bpfkit/cli/bin/bpfkit.cjs";

const programs: Readonly<Record<keyof typeof floods, ToolProgram>> = {
  ring: { file: "ring-flood.c", text: floods.ring },
  perf: { file: "perf-flood.c", text: floods.perf },
};

/** Sends nothing. */
const quiet: ToolProgram = {
  file: "quiet.c",
  text: `BPF_ARRAY(calls, u64, 1);
int kprobe__sys_getegid(void *ctx)
{
    calls.increment(0);
    return 0;
}
`,
};

/**
 * Calls getegid(2), which the programs answer with events, for as long as `work` takes. A probe of ours is there all the
 * while, so that the kernel's code is not changed when the one under test comes and goes: an emulated CPU that is just
 * running that code may go on with a half-changed instruction, and the guest is lost (QEMU, where the host has other work).
 */
async function inFlood(guest: Guest, work: () => Promise<void>): Promise<void> {
  const holder = await guest.open(quiet);
  try {
    const flood = spawn(process.execPath, ["-e", "for (;;) process.getegid()"], { stdio: "ignore" });
    const ended = once(flood, "exit");
    try {
      await work();
    } finally {
      flood.kill("SIGKILL");
      await ended;
    }
  } finally {
    holder.close();
  }
}

const startTracing = (object: string): ChildProcess =>
  spawn(process.execPath, [command, "run", "--target", "kernel", object, "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });

interface Line {
  readonly map?: string;
  readonly event?: { readonly pid: number; readonly number: number; readonly comm: string };
  readonly lost?: number;
  readonly entries?: readonly { readonly key: number; readonly value: number }[];
}

/** What the lines of a run say. */
function sumsOf(output: string): { events: number; reported: number; sent: number; lost: number } {
  const lines = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  const counts = lines.find(({ map, entries }) => map === "counts" && entries !== undefined)?.entries ?? [];
  const countOf = (key: number): number => counts.find((entry) => entry.key === key)?.value ?? 0;
  return {
    events: lines.filter(({ event }) => event !== undefined && event.number < eventsPerCall).length,
    reported: lines.reduce((sum, { lost = 0 }) => sum + lost, 0),
    sent: countOf(0),
    lost: countOf(1),
  };
}

const residentMib = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

/** Reads the first lines, then nothing until memory has been looked at, then everything after Ctrl-C. */
async function readLate(child: ChildProcess): Promise<string> {
  const closed = once(child, "close");
  const { stdout, pid = 0 } = child;
  assert.ok(stdout !== null);
  try {
    let [output] = (await once(stdout.setEncoding("utf8"), "data")) as [string];
    stdout.pause();
    // Until the pipe and this end's buffer are full.
    await sleep(3000);
    const before = residentMib(pid);
    await sleep(5000);
    const grown = residentMib(pid) - before;
    // Without a limit it would be what is printed in five seconds.
    assert.ok(grown < 32, `grown by ${grown} MiB`);
    child.kill("SIGINT");
    stdout.on("data", (text: string) => {
      output += text;
    });
    stdout.resume();
    assert.equal((await closed)[0], 0);
    return output;
  } finally {
    child.kill("SIGKILL");
  }
}

/** What is taken between two turns of the event loop, in so many polls. */
async function takenAtOnce(bpf: BPF, polls: number): Promise<{ most: number; taken: number }> {
  let [most, taken, batch] = [0, 0, 0];
  const take = (): void => {
    batch += 1;
  };
  bpf.table("events").openEvents(take, { pageCount: 1024, onLost: () => {} });
  for (let poll = 0; poll < polls; poll += 1) {
    const { events } = await bpf.poll(1000);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(batch, events);
    most = Math.max(most, batch);
    taken += batch;
    batch = 0;
  }
  return { most, taken };
}

/** Floods. */
export const floodCases: readonly GuestCase[] = [
  ...(["ring", "perf"] as const).map(
    (kind): GuestCase => ({
      name: `${kind} buffer: Ctrl-C in a flood ends the command, and every event was printed or counted`,
      programs: [programs[kind], quiet],
      async run(guest) {
        let output = "";
        await inFlood(guest, async () => {
          const child = startTracing(guest.objectPath(programs[kind]));
          const closed = once(child, "close");
          try {
            child.stdout?.setEncoding("utf8").on("data", (text: string) => {
              output += text;
            });
            await until("events", () => output.length > 1_000_000);
            child.kill("SIGINT");
            assert.equal((await closed)[0], 0);
          } finally {
            child.kill("SIGKILL");
          }
        });
        const { events, reported, sent, lost } = sumsOf(output);
        assert.equal(events, sent, `${events} lines, ${sent} events sent`);
        // Perf buffers report losses with the next event that fits, which may not have come.
        assert.ok(reported <= lost, `${reported} reported, ${lost} lost`);
        assert.ok(sent > 0 && lost > 0, `${sent} sent, ${lost} lost: no flood`);
      },
    }),
  ),
  {
    only: "stable",
    name: "while nobody reads the output of a flood, memory does not grow and Ctrl-C is heard",
    programs: [programs.ring, quiet],
    async run(guest) {
      let output = "";
      await inFlood(guest, async () => {
        output = await readLate(startTracing(guest.objectPath(programs.ring)));
      });
      const { events, sent, lost } = sumsOf(output);
      assert.equal(events, sent, `${events} lines, ${sent} events sent`);
      assert.ok(lost > sent, `${sent} sent, ${lost} lost: it was read all the time`);
    },
  },
  {
    only: "stable",
    name: "timers and immediates of the process that reads a flood have their turn",
    programs: [programs.ring, programs.perf, quiet],
    async run(guest) {
      for (const kind of ["ring", "perf"] as const) {
        await inFlood(guest, async () => {
          const bpf = await guest.open(programs[kind]);
          try {
            const { most, taken } = await takenAtOnce(bpf, 40);
            assert.ok(taken > 0 && most <= 4096, `${taken} taken, at most ${most} at once`);
          } finally {
            bpf.close();
          }
        });
      }
    },
  },
];
