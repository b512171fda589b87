/** Every bundled tool through the command: help, mistakes, readers that go away, files that cannot be written. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { tools } from "@bpfkit/tools";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cliProgram, Workspace } from "../support/cli.ts";

const test = suite<{ work: Workspace }>("tools");
test.before((context) => {
  context.work = new Workspace();
});
test.after(({ work }) => work.close());

test("there are eight", () => {
  assert.equal(
    tools.map(({ name }) => name),
    ["biolatency", "execsnoop", "opensnoop", "profile", "runqlat", "syscount", "tcpconnect", "tcplife"],
  );
});

for (const { name, summary } of tools) {
  test(`${name} --help needs neither compiler nor kernel, on any target`, ({ work }) => {
    const help = work.run(["run", name, "--help"]);
    assert.is(help.status, 0, help.stderr);
    assert.is(help.stderr, "");
    const lines = help.stdout.split("\n");
    assert.match(lines[0] ?? "", new RegExp(`^usage: ${name} \\[options\\]`));
    assert.ok(lines.includes(summary));
    assert.ok(lines.includes("examples:"));
    // Not even privileges: user 65534 is nobody.
    const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const kernel = spawnSync(process.execPath, [cliProgram, "run", "--target", "kernel", name, "-h"], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent" },
      ...user,
    });
    assert.is(kernel.stdout, help.stdout, kernel.stderr);
    assert.is(kernel.status, 0);
  });

  test(`${name}: an unknown option is said in one message`, ({ work }) => {
    const { status, stdout, stderr } = work.run(["run", name, "--nope"]);
    assert.is(status, 2, stderr);
    assert.is(stdout, "");
    assert.match(stderr, new RegExp(`error: ${name}: Unknown option '--nope' \\[US001\\]`));
    assert.match(stderr, `Try: bpfkit run ${name} --help`);
    assert.not.match(stderr, /\n\s+at /);
  });
}

for (const words of ["tcplife", "profile -f", "syscount -l", "runqlat -P"]) {
  test(`${words} | head -1 ends well`, ({ work }) => {
    work.run(["run", ...words.split(" ")]);
    const pipe = `"${process.execPath}" "${cliProgram}" run ${words} 2>errors; echo "status $?" >status`;
    const { stdout } = spawnSync("sh", ["-c", `(${pipe}) | head -1`], {
      cwd: work.folder,
      encoding: "utf8",
      env: { ...process.env, NODE_OPTIONS: "", XDG_CACHE_HOME: work.cache },
    });
    assert.is(stdout.split("\n").length, 2, stdout);
    assert.is(readFileSync(work.path("status"), "utf8"), "status 0\n");
    assert.not.match(readFileSync(work.path("errors"), "utf8"), /EPIPE|error|\n\s+at /);
  });
}

test("profile writes its flame graph whole, or says at once that it cannot", ({ work }) => {
  const good = work.run(["run", "profile", "-f", "--flamegraph", "cpu.svg"]);
  assert.is(good.status, 0, good.stderr);
  assert.match(readFileSync(work.path("cpu.svg"), "utf8"), /^<\?xml [\s\S]*<\/svg>\n$/);
  mkdirSync(work.path("taken.svg"));
  for (const [file, why] of [
    ["missing/cpu.svg", /cannot write missing\/cpu\.svg/],
    ["taken.svg", /cannot write taken\.svg: it is a folder/],
    ["cpu.png", /\.svg or \.html/],
  ] as const) {
    const bad = work.run(["run", "profile", "-f", "--flamegraph", file]);
    assert.is.not(bad.status, 0);
    assert.match(bad.stderr, why);
    assert.is(bad.stdout, "", "nothing was sampled");
    assert.not.ok(existsSync(work.path("missing")));
  }
});

test.run();
