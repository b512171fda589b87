/** What decides how a program is built and shown: instruction set, optimisation level, listing. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readObject } from "@bpfkit/elf/object";
import { Builder } from "bpfkit/node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Workspace } from "../support/cli.ts";

const test = suite<{ work: Workspace }>("build options");
test.before.each((context) => {
  context.work = new Workspace();
});
test.after.each(({ work }) => work.close());

const source = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";
int executed = 0;

static int scaled(unsigned int by)
{
  unsigned int sum = 0;
  for (unsigned int i = 0; i < by; i++)
    sum += i * i;
  return sum;
}

SEC("tracepoint/syscalls/sys_enter_execve")
int count(void *ctx)
{
  executed++;
  bpf_printk("seen %d %d", executed, scaled(5));
  return executed > 0x70000000u;
}
`;

function code(path: string, section = "tracepoint/syscalls/sys_enter_execve"): Uint8Array {
  const { sections } = readObject(new Uint8Array(readFileSync(path)));
  return sections.find(({ name }) => name === section)?.data ?? new Uint8Array();
}

test("a listing has every instruction's bytes behind the line of C that it comes from", ({ work }) => {
  work.file("prog.bpf.c", source);
  const { status, stdout, stderr } = work.run(["build", "prog.bpf.c", "--emit", "listing"]);
  assert.is(status, 0, stderr);
  assert.is(work.run(["build", "prog.bpf.c"]).status, 0);
  const bytes: number[] = [];
  const lines = source.split("\n");
  let place = 0;
  for (const line of stdout.split("\n")) {
    const said = /^; (.*) @ .*prog\.bpf\.c:(\d+)$/.exec(line);
    if (said !== null) {
      place = Number(said[2]);
      assert.is(said[1], lines[place - 1]?.trim());
    }
    const instruction = /^ +(?:\d+: )?((?:[0-9a-f]{2} ){7}[0-9a-f]{2})(?: {2}.*)?$/.exec(line);
    if (instruction === null) continue;
    assert.ok(place > 0, `a line of C is said before ${line}`);
    bytes.push(...(instruction[1] ?? "").split(" ").map((byte) => Number.parseInt(byte, 16)));
  }
  assert.equal(Uint8Array.from(bytes), code(work.path("prog.bpf.o")));
  assert.match(stdout, /call bpf_trace_printk#6$/m);
});

test("--target-cpu and --mcpu are one, from v1 to v4", ({ work }) => {
  work.file("prog.bpf.c", source);
  const built = new Map<string, Uint8Array>();
  for (const cpu of ["v1", "v2", "v3", "v4"]) {
    for (const flag of ["--mcpu", "--target-cpu"]) {
      const { status, stderr } = work.run(["build", "prog.bpf.c", flag, cpu, "-o", `${cpu}${flag}.o`]);
      assert.is(status, 0, stderr);
    }
    const object = code(work.path(`${cpu}--mcpu.o`));
    assert.equal(object, code(work.path(`${cpu}--target-cpu.o`)));
    built.set(cpu, object);
  }
  // Only from v3 on there are 32-bit jumps: class 6.
  const has32 = (cpu: string) => (built.get(cpu) ?? []).some((byte, at) => at % 8 === 0 && (byte & 7) === 6);
  assert.equal(["v1", "v2", "v3", "v4"].map(has32), [false, false, true, true]);
  const unknown = work.run(["build", "prog.bpf.c", "--target-cpu", "v9"]);
  assert.is(unknown.status, 2);
  assert.match(unknown.stderr, /v1, v2, v3, v4/);
});

test("a program does the same at every optimisation level, and is largest at -O0", ({ work }) => {
  work.file("prog.bpf.c", source);
  const sizes: number[] = [];
  for (const level of ["0", "1", "2", "s"]) {
    const run = work.run(["run", "prog.bpf.c", `-O${level}`, "--scenario", "exec"]);
    assert.is(run.status, 0, run.stderr);
    const seen = [...run.stdout.matchAll(/seen (\d+) (\d+)$/gm)].map(([, count, sum]) => [count, sum]);
    assert.ok(seen.length > 3, run.stdout);
    assert.equal(
      seen,
      seen.map((_, index) => [String(index + 1), "30"]),
    );
    assert.is(work.run(["build", "prog.bpf.c", `-O${level}`, "-o", `O${level}.o`]).status, 0);
    const object = work.path(`O${level}.o`);
    sizes.push(code(object).length + code(object, ".text").length);
  }
  const [none = 0, ...others] = sizes;
  for (const size of others) assert.ok(size < none, `${sizes}`);
  const unknown = work.run(["build", "prog.bpf.c", "-O9"]);
  assert.is(unknown.status, 2);
  assert.match(unknown.stderr, /0, 1, 2, 3, s, z/);
});

test("the same text gives the same bytes, in any process, folder and order", async ({ work }) => {
  const files = ["helpers.bpf.c", "core-read.bpf.c", "kinds.bpf.c"];
  const folder = join(import.meta.dirname, "../libbpf/programs");
  const elsewhere = new Workspace();
  try {
    const builder = new Builder({ cache: false });
    for (const file of [...files].reverse()) {
      const text = readFileSync(join(folder, file), "utf8");
      const { object } = await builder.compile({ file, text });
      for (const [index, place] of [work, elsewhere].entries()) {
        place.file(file, text);
        const { status, stderr } = place.run(["build", file, "--no-cache"], {
          LANG: index === 0 ? "C" : "de_DE",
        });
        assert.is(status, 0, stderr);
        assert.equal(new Uint8Array(readFileSync(place.path(file.replace(/c$/, "o")))), object, file);
      }
    }
    await builder.close();
  } finally {
    elsewhere.close();
  }
});

test("--help names them", ({ work }) => {
  const { stdout } = work.run(["build", "--help"]);
  for (const words of ["-O", "--optimize", "--mcpu", "--target-cpu", "--emit", "listing", "-I", "-D"])
    assert.match(stdout, words);
});

test.run();
