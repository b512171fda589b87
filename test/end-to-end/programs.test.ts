/** C programs without a front end of their own, from text to output. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Workspace } from "../support/cli.ts";

const test = suite<{ work: Workspace }>("programs");
test.before.each((context) => {
  context.work = new Workspace();
});
test.after.each(({ work }) => work.close());

/** A line of trace_pipe: task, pid, CPU, flags, time, function, message. */
const traceLine = (message: string) =>
  new RegExp(`^ *\\S.*-\\d+ +\\[\\d{3}\\] \\S+ +\\d+\\.\\d{6}: bpf_trace_printk: ${message}$`);

test("the classic first program prints a line for every clone", ({ work }) => {
  work.file(
    "hello.c",
    'int kprobe__sys_clone(void *ctx) { bpf_trace_printk("Hello, World!\\n"); return 0; }\n',
  );
  const result = work.run(["run", "hello.c"]);
  assert.is(result.status, 0, result.stderr);
  const lines = result.stdout.split("\n").filter((line) => line.includes("Hello"));
  assert.ok(lines.length >= 2, result.stdout);
  for (const line of lines) assert.match(line, traceLine("Hello, World!"));
});

test("the same in libbpf style with a tracepoint section", ({ work }) => {
  work.file(
    "hello.bpf.c",
    `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("tracepoint/syscalls/sys_enter_execve")
int hello(void *ctx)
{
    const char msg[] = "Hello, World!";
    bpf_trace_printk(msg, sizeof(msg));
    return 0;
}
`,
  );
  const result = work.run(["run", "hello.bpf.c"]);
  assert.is(result.status, 0, result.stderr);
  const lines = result.stdout.split("\n").filter((line) => line.includes("Hello"));
  assert.ok(lines.length >= 2, result.stdout);
  for (const line of lines) assert.match(line, traceLine("Hello, World!"));
});

test("maps are printed at the end, structs field by field", ({ work }) => {
  work.file(
    "count.c",
    `#include <linux/sched.h>
struct who { u32 pid; char comm[TASK_COMM_LEN]; };
BPF_HASH(calls, struct who);
int kprobe__sys_execve(void *ctx)
{
    struct who who = {};
    who.pid = bpf_get_current_pid_tgid() >> 32;
    bpf_get_current_comm(&who.comm, sizeof(who.comm));
    calls.increment(who);
    return 0;
}
`,
  );
  const result = work.run(["run", "count.c"]);
  assert.is(result.status, 0, result.stderr);
  assert.match(result.stdout, /calls/);
  assert.match(result.stdout, /pid/);
  const json = work.run(["run", "count.c", "--json"]);
  assert.is(json.status, 0, json.stderr);
  for (const line of json.stdout.split("\n").filter((each) => each !== "")) JSON.parse(line);
});

test("build, inspect and run agree; run takes the object too", ({ work }) => {
  work.file(
    "hello.c",
    'int kprobe__sys_clone(void *ctx) { bpf_trace_printk("Hello, World!\\n"); return 0; }\n',
  );
  assert.is(work.run(["build", "hello.c"]).status, 0);
  assert.ok(existsSync(work.path("hello.o")));
  const fromC = work.run(["run", "hello.c"]);
  const fromObject = work.run(["run", "hello.o"]);
  assert.is(fromObject.status, 0, fromObject.stderr);
  assert.is(fromObject.stdout, fromC.stdout);
  const inspected = work.run(["inspect", "hello.o"]);
  assert.match(inspected.stdout, /kprobe__sys_clone/);
  assert.match(inspected.stdout, /call bpf_trace_printk#6/);
  assert.match(inspected.stdout, /license GPL/);
  const description = JSON.parse(work.run(["inspect", "hello.o", "--json"]).stdout);
  assert.is(description.programs.length, 1);
  assert.is(description.programs[0].type, "kprobe");
});

test("headers are found through folders named in any way", ({ work }) => {
  mkdirSync(work.path("sub"));
  mkdirSync(work.path("my inc"));
  work.file("my inc/answer.h", '#include "deep.h"\n');
  work.file("my inc/deep.h", "#define ANSWER 42\n");
  const text = `#include <answer.h>
BPF_ARRAY(a, u64, 1);
int kprobe__sys_clone(void *ctx) { int k = 0; u64 v = ANSWER; a.update(&k, &v); return 0; }
`;
  work.file("sub/use.c", text);
  for (const folder of ["my inc", "sub/../my inc", `${work.folder}/sub/../my inc`, "./my inc/"]) {
    for (const file of ["sub/use.c", `${work.folder}/sub/use.c`]) {
      const result = work.run(["run", file, "-I", folder]);
      assert.is(result.status, 0, result.stderr);
      assert.match(result.stdout, /0: 42/);
    }
  }
});

test("stages can be looked at", ({ work }) => {
  work.file(
    "prog.c",
    "BPF_HASH(seen, u64);\nint kprobe__do_nanosleep(void *ctx)\n{\n    u64 key = 1;\n    seen.increment(key);\n    return 0;\n}\n",
  );
  const rewritten = work.run(["build", "prog.c", "--emit", "rewritten"]);
  assert.is(rewritten.status, 0, rewritten.stderr);
  assert.match(rewritten.stdout, /bpf_map_increment\(&seen, key, 1\)/);
  assert.is(rewritten.stdout, work.run(["rewrite", "prog.c"]).stdout);
  assert.match(work.run(["build", "prog.c", "--emit", "ir"]).stdout, /define .*@kprobe__do_nanosleep/);
  assert.match(work.run(["build", "prog.c", "--emit", "listing"]).stdout, /; +seen\.increment\(key\)/);
});

test("a second build comes from the cache, unless something that goes in has changed", ({ work }) => {
  const program = (limit: number) =>
    `#include "limit.h"\nBPF_HASH(seen, u64);\nint kprobe__do_nanosleep(void *ctx)\n{\n    u64 key = LIMIT + ${limit};\n    seen.increment(key);\n    return 0;\n}\n`;
  work.file("limit.h", "#define LIMIT 1\n");
  work.file("prog.c", program(Date.now() % 100_000));
  const cached = (...more: string[]): boolean => {
    const result = work.run(["build", "prog.c", "--json", ...more]);
    assert.is(result.status, 0, result.stderr);
    return JSON.parse(result.stdout).cached;
  };
  assert.is(cached(), false);
  const first = readFileSync(work.path("prog.o"));
  assert.is(cached(), true);
  assert.equal(readFileSync(work.path("prog.o")), first);
  assert.is(cached("--no-cache"), false);
  assert.equal(readFileSync(work.path("prog.o")), first);
  assert.is(cached("--mcpu", "v2"), false);
  assert.is(cached("-D", "OTHER=1"), false);
  work.file("limit.h", "#define LIMIT 2\n");
  assert.is(cached(), false);
  assert.is.not(Buffer.compare(readFileSync(work.path("prog.o")), first), 0);
});

test("both engines and every run print the same", ({ work }) => {
  const first = work.run(["run", "biolatency", "-D", "1"]);
  assert.is(first.status, 0, first.stderr);
  assert.is(work.run(["run", "biolatency", "-D", "1"]).stdout, first.stdout);
  assert.is(work.run(["run", "biolatency", "-D", "1", "--engine", "interpreter"]).stdout, first.stdout);
  assert.is(work.run(["run", "biolatency", "-D", "1", "--no-cache"]).stdout, first.stdout);
  assert.is.not(work.run(["run", "biolatency", "-D", "1", "--seed", "7"]).stdout, first.stdout);
});

for (const template of ["histogram", "event-stream"]) {
  test(`bpfkit new --template ${template} makes what builds and runs at once`, ({ work }) => {
    const made = work.run(["new", "my-tool", "--template", template]);
    assert.is(made.status, 0, made.stderr);
    const program = "my-tool/my-tool.bpf.c";
    assert.match(made.stdout, program);
    assert.not.match(readFileSync(work.path(program), "utf8"), "__NAME__");
    assert.is(work.run(["build", program]).status, 0);
    assert.ok(existsSync(work.path("my-tool/my-tool.bpf.o")));
    const result = work.run(["run", program]);
    assert.is(result.status, 0, result.stderr);
    assert.match(result.stdout, template === "histogram" ? /: count {5}distribution/ : /filename/);
    assert.is(work.run(["new", "my-tool"]).status, 1);
  });
}

test("the VM says so in one line on stderr", ({ work }) => {
  assert.match(work.run(["run", "biolatency"]).stderr, /^bpfkit: running in the bundled VM /);
  // Built already: nothing takes long enough to be reported.
  const result = work.run(["run", "biolatency"]);
  assert.match(result.stderr, /^bpfkit: running in the bundled VM [^\n]*\n$/);
});

test("help is there for commands and tools", ({ work }) => {
  assert.match(work.run(["--help"]).stdout, /COMMANDS/);
  assert.match(work.run(["run", "--help"]).stdout, /--scenario/);
  assert.is(work.run(["help"]).stdout, work.run(["--help"]).stdout);
  assert.match(work.run(["help", "run"]).stdout, /--scenario/);
  assert.match(work.run(["run", "execsnoop", "--help"]).stdout, /usage: execsnoop/);
});

test.run();
