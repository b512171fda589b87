/** Programs that send far more than a person reads: every event is printed, whoever reads it and however slowly. */
import { spawnSync } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cliProgram, Workspace } from "../support/cli.ts";

const test = suite<{ work: Workspace }>("floods");
test.before((context) => {
  context.work = new Workspace();
  // 64 events for each system call: some hundred thousand lines.
  context.work.file(
    "flood.c",
    `struct event { u64 number; u32 pid; char comm[TASK_COMM_LEN]; };
BPF_RINGBUF_OUTPUT(events, 64);
BPF_ARRAY(sent, u64, 1);
TRACEPOINT_PROBE(raw_syscalls, sys_enter)
{
    struct event event = {};
    event.pid = bpf_get_current_pid_tgid() >> 32;
    bpf_get_current_comm(&event.comm, sizeof(event.comm));
#pragma unroll
    for (int i = 0; i < 64; i++) {
        event.number = i;
        if (!events.ringbuf_output(&event, sizeof(event), 0))
            sent.increment(0);
    }
    return 0;
}
`,
  );
});
test.after(({ work }) => work.close());

const words = ["run", "--scenario", "system-calls", "flood.c"];

function whole(work: Workspace): string {
  const path = work.path("whole");
  const { status, stderr } = work.run(words, {}, openSync(path, "w"));
  assert.is(status, 0, stderr);
  return readFileSync(path, "utf8");
}

/** Runs it into a pipe. @returns what the reader prints, and the command's status */
function piped(work: Workspace, reader: string): { output: string; status: string } {
  const command = [process.execPath, cliProgram, ...words].map((word) => `"${word}"`).join(" ");
  const { stdout } = spawnSync("sh", ["-c", `(${command} 2>errors; echo $? >status) | ${reader}`], {
    cwd: work.folder,
    encoding: "utf8",
    maxBuffer: 1 << 26,
    env: { ...process.env, NODE_OPTIONS: "", XDG_CACHE_HOME: work.cache },
  });
  assert.not.match(readFileSync(work.path("errors"), "utf8"), /EPIPE|error|\n\s+at /);
  return { output: stdout, status: readFileSync(work.path("status"), "utf8").trim() };
}

test("a line for each event that was sent, in a file", ({ work }) => {
  const lines = whole(work).trimEnd().split("\n");
  const events = lines.filter((line) => /^events: number=\d+ pid=\d+ comm=\S+$/.test(line));
  const [, sent] = /^ {2}0: (\d+)$/.exec(lines.at(-1) ?? "") ?? [];
  assert.is(events.length, Number(sent));
  assert.ok(events.length > 50_000, `${events.length} events`);
});

test("a reader that begins late and reads slowly gets the same", ({ work }) => {
  const slowly = "node -e 'setTimeout(() => process.stdin.pipe(process.stdout), 2000)'";
  const { output, status } = piped(work, slowly);
  assert.is(status, "0");
  assert.ok(output === whole(work), "the output differs");
});

test("a reader that has seen enough ends it", ({ work }) => {
  const { output, status } = piped(work, "head -2");
  assert.is(output.split("\n").length, 3);
  assert.is(status, "0");
});

test.run();
