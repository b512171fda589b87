/** Ctrl-C while `bpfkit run` builds, and environments with no place for its messages and its cache. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { openSync, readdirSync, writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cliProgram, Workspace } from "../support/cli.ts";

const test = suite<{ work: Workspace }>("interrupt");
test.before.each((context) => {
  context.work = new Workspace();
});
test.after.each(({ work }) => work.close());

const counting =
  "BPF_HASH(seen, u64);\nint kprobe__vfs_read(void *ctx)\n{\n    u64 key = 1;\n    seen.increment(key);\n    return 0;\n}\n";

/** Waits until the child's stderr has the words; what it says later is read, too. */
function hasSaid(child: ChildProcess, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stderr?.on("data", (chunk) => {
      said += chunk;
      if (said.includes(words)) resolve();
    });
    child.stderr?.once("end", () => reject(new Error(`it never said "${words}", but: ${said}`)));
  });
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`${signal} during the build ends a run at once, with nothing printed`, async ({ work }) => {
    work.file("count.c", counting);
    const child = spawn(process.execPath, [cliProgram, "run", "--no-cache", "count.c"], {
      cwd: work.folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let printed = "";
    child.stdout.on("data", (chunk) => {
      printed += chunk;
    });
    await hasSaid(child, "running in the bundled VM");
    child.kill(signal);
    const [status] = await once(child, "exit");
    assert.is(status, 130);
    assert.is(printed, "");
  });
}

test("messages that cannot be written do not end a build", ({ work }) => {
  work.file("count.c", counting);
  const args = [cliProgram, "build", "--no-cache", "count.c"];
  const { status } = spawnSync(process.execPath, args, {
    cwd: work.folder,
    stdio: ["ignore", "ignore", openSync("/dev/full", "w")],
  });
  assert.is(status, 0);
  assert.equal(readdirSync(work.folder).sort(), ["count.c", "count.o"]);
});

test("a relative XDG_CACHE_HOME is no cache folder", ({ work }) => {
  work.file("count.c", counting);
  const { status, stderr } = work.run(["build", "count.c"], {
    XDG_CACHE_HOME: "here",
    HOME: work.path("home"),
  });
  assert.is(status, 0, stderr);
  assert.equal(readdirSync(work.folder).sort(), ["count.c", "count.o", "home"]);
});

test("a cache that cannot be kept is a warning that says what to do", ({ work }) => {
  work.file("count.c", counting);
  writeFileSync(work.path("file"), "");
  const { status, stderr } = work.run(["build", "count.c"], { XDG_CACHE_HOME: work.path("file") });
  assert.is(status, 0, stderr);
  assert.match(stderr, /warning: builds are not kept: [A-Z]+: .*XDG_CACHE_HOME.*--no-cache/);
  assert.not.match(stderr, "Error:");
});

test.run();
