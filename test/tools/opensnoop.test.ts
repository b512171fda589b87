/** opensnoop against the file-open workload's ground truth, call by call. */
import { toolByName } from "@bpfkit/tools";
import type { OpenCall } from "@bpfkit/vm/kernel";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";
import { ToolRunner } from "../support/tool-run.ts";

const tool = toolByName("opensnoop");
if (tool === undefined) throw new Error("opensnoop is not registered");
const runner = new ToolRunner();
const clang = requireTool("clang-19");
const test = suite("opensnoop");
test.after(() => runner.close());

/** creat(2) is not among the calls that opensnoop traces. */
const traced = (opens: readonly OpenCall[]) => opens.filter(({ call }) => call !== "creat");

function line({ pid, comm, ret, path }: OpenCall): string {
  const columns = [
    String(pid).padEnd(6),
    comm.padEnd(16),
    String(ret < 0 ? -1 : ret).padStart(4),
    String(ret < 0 ? -ret : 0).padStart(3),
    path.slice(0, 254),
  ];
  return columns.join(" ");
}

const header = "PID    COMM               FD ERR PATH";

test("prints every call with its result", async () => {
  const { lines, truth, status } = await runner.run(tool, { argv: [] });
  assert.is(status, 0);
  const expected = traced(truth.opens);
  assert.ok(expected.length > 500);
  assert.is(lines[0], header);
  // Calls overlap: the tool prints them as they return.
  assert.equal(lines.slice(1).sort(), expected.map(line).sort());
});

test("-x prints only failed calls", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-x"] });
  const failed = traced(truth.opens).filter(({ ret }) => ret < 0);
  assert.ok(failed.length > 10);
  assert.equal(lines.slice(1).sort(), failed.map(line).sort());
});

const filters: readonly (readonly [
  (call: OpenCall) => readonly string[],
  (one: OpenCall, call: OpenCall) => boolean,
])[] = [
  [({ pid }) => ["-p", String(pid)], (one, { pid }) => pid === one.pid],
  [({ uid }) => ["-u", String(uid)], (one, { uid }) => uid === one.uid],
  [({ comm }) => ["-n", comm], (one, { comm }) => comm.includes(one.comm)],
];
for (const [argv, matches] of filters) {
  test(`${argv({ pid: 1, uid: 1, comm: "NAME" } as OpenCall).join(" ")} filters`, async () => {
    const { truth } = await runner.run(tool, { argv: [] });
    const one = traced(truth.opens)[3] as OpenCall;
    const { lines } = await runner.run(tool, { argv: argv(one) });
    const expected = traced(truth.opens).filter((call) => matches(one, call));
    assert.ok(expected.length < truth.opens.length);
    assert.equal(lines.slice(1).sort(), expected.map(line).sort());
  });
}

test("-e shows the flags, -f filters by them", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-e", "-f", "O_WRONLY", "-f", "O_RDWR"] });
  const writing = traced(truth.opens).filter(({ flags }) => (flags & 3) !== 0);
  assert.ok(writing.length > 5);
  assert.is(lines.length - 1, writing.length);
  const shown = lines.slice(1).map((text) => Number.parseInt(text.split(/\s+/)[4] ?? "", 8));
  assert.equal(shown.sort(), writing.map(({ flags }) => flags).sort());
});

test("-T counts seconds from the first event, -U shows the user", async () => {
  const { lines } = await runner.run(tool, { argv: ["-TU"] });
  assert.is(lines[0], `${"TIME(s)".padEnd(14)}UID   ${header}`);
  assert.match(lines[1] ?? "", /^0\.000000000 +\d+ /);
});

test("-d ends it", async () => {
  const { lines, truth } = await runner.run(tool, { argv: ["-d", "1"] });
  const inTime = traced(truth.opens).filter(({ timeNs }) => timeNs < 1e9).length;
  assert.ok(Math.abs(lines.length - 1 - inTime) < 10, `${lines.length} ${inTime}`);
});

for (const argv of [[], ["-e", "-T"]]) {
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
