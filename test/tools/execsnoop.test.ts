/** execsnoop against the exec workload's ground truth, call by call. */
import { toolByName } from "@bpfkit/tools";
import type { ExecCall } from "@bpfkit/vm/kernel";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";
import { ToolRunner } from "../support/tool-run.ts";

const tool = toolByName("execsnoop");
if (tool === undefined) throw new Error("execsnoop is not registered");
const runner = new ToolRunner();
const clang = requireTool("clang-19");
const test = suite("execsnoop");
test.after(() => runner.close());

/** The name a process has after execve: the last part of the path, 15 characters; a failed call changes nothing. */
const nameAfter = ({ ret, path, comm }: ExecCall) =>
  ret === 0 ? (path.split("/").at(-1) ?? "").slice(0, 15) : comm;

/** How the arguments are shown: the path in place of argv[0], each cut to the C buffer, "..." after the limit. */
function words({ path, argv }: ExecCall, limit: number): string[] {
  const all = [path, ...argv.slice(1)].map((word) => word.slice(0, 127));
  return argv.length >= limit ? [...all.slice(0, limit), "..."] : all;
}

function line(call: ExecCall, limit = 20): string {
  const columns = [
    nameAfter(call).padEnd(16),
    String(call.pid).padEnd(7),
    String(call.ppid).padEnd(7),
    String(call.ret).padStart(3),
    words(call, limit).join(" ").replaceAll("\n", "\\n"),
  ];
  return columns.join(" ");
}

const header = "PCOMM            PID     PPID    RET ARGS";

test("prints every successful call with its arguments", async () => {
  const { lines, truth, status } = await runner.run(tool, { argv: [] });
  assert.is(status, 0);
  const expected = truth.execs.filter(({ ret }) => ret === 0);
  assert.ok(expected.length > 20);
  assert.equal(lines, [header, ...expected.map((call) => line(call))]);
});

test("-x prints failed calls too", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-x"] });
  assert.ok(truth.execs.some(({ ret }) => ret < 0));
  assert.equal(lines, [header, ...truth.execs.map((call) => line(call))]);
});

test("-n filters by name, -l by arguments", async () => {
  const { truth } = await runner.run(tool, { argv: [] });
  const some = truth.execs.find(({ ret, argv }) => ret === 0 && argv.length > 1);
  const name = nameAfter(some as ExecCall);
  const byName = await runner.run(tool, { argv: ["-n", `^${name}$`] });
  const expected = truth.execs.filter((call) => call.ret === 0 && nameAfter(call) === name);
  assert.equal(byName.lines, [header, ...expected.map((call) => line(call))]);
  const none = await runner.run(tool, { argv: ["-l", "no such argument anywhere"] });
  assert.equal(none.lines, [header]);
});

test("-t and -U put time and user first", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-t", "-U"] });
  assert.is(lines[0], `TIME(s) UID   ${header}`);
  const calls = truth.execs.filter(({ ret }) => ret === 0);
  lines.slice(1).forEach((text, index) => {
    const call = calls[index] as ExecCall;
    assert.match(text, /^\d+\.\d{3} +\d+ +/);
    const [seconds, uid] = text.split(/\s+/);
    assert.is(Number(uid), call.uid);
    assert.ok(Math.abs(Number(seconds) - call.timeNs / 1e9) < 0.1, `${seconds} ${call.timeNs}`);
  });
});

test("-u and -P filter by user and parent", async () => {
  const { truth } = await runner.run(tool, { argv: [] });
  const { uid, ppid } = truth.execs.find(({ ret }) => ret === 0) as ExecCall;
  const ofUser = await runner.run(tool, { argv: ["-u", String(uid)] });
  assert.is(ofUser.lines.length - 1, truth.execs.filter((call) => call.ret === 0 && call.uid === uid).length);
  const ofParent = await runner.run(tool, { argv: ["-P", String(ppid)] });
  assert.is(
    ofParent.lines.length - 1,
    truth.execs.filter((call) => call.ret === 0 && call.ppid === ppid).length,
  );
});

test("--max-args cuts the list and says so; -q quotes", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["--max-args", "2"] });
  const calls = truth.execs.filter(({ ret }) => ret === 0);
  assert.ok(calls.some(({ argv }) => argv.length > 2));
  assert.equal(
    lines.slice(1),
    calls.map((call) => line(call, 2)),
  );
  const quoted = await runner.run(tool, { argv: ["-q"] });
  for (const text of quoted.lines.slice(1)) assert.match(text, /"$/);
});

for (const argv of [[], ["-x", "-t"]]) {
  test(`native clang's object and the interpreter give the same: ${argv.join(" ") || "no options"}`, async () => {
    const ours = await runner.run(tool, { argv });
    assert.equal((await runner.run(tool, { argv, engine: "interpreter" })).lines, ours.lines);
    if (clang === undefined) return;
    assert.equal((await runner.run(tool, { argv, nativeClang: clang })).lines, ours.lines);
  });
}

test("filters by pinned maps take whole paths, and the VM has no pins", async () => {
  for (const [argv, pattern] of [
    [["--cgroupmap", "relative"], /whole path/],
    [["--mntnsmap", "/sys/fs/bpf/none"], /pinning in the simulated kernel is not supported/],
  ] as const) {
    let message = "nothing was thrown";
    await runner.run(tool, { argv }).catch((error: Error) => {
      message = error.message;
    });
    assert.match(message, pattern, argv.join(" "));
  }
});

test.run();
