/** Every way a user's input can be wrong gives one clear message, the right exit code and nothing half-written. */
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Workspace } from "../support/cli.ts";

const test = suite<{ work: Workspace }>("errors");
test.before.each((context) => {
  context.work = new Workspace();
});
test.after.each(({ work }) => work.close());

interface BadProgram {
  readonly name: string;
  readonly text: string;
  /** Line of the C file that the message names. */
  readonly line?: number;
  readonly says: readonly RegExp[];
}

const programs: readonly BadProgram[] = [
  {
    name: "a syntax error",
    text: "int kprobe__do_nanosleep(void *ctx)\n{\n    int x = 1\n    return x;\n}\n",
    line: 3,
    says: [/expected ';'/, /int x = 1/, /\^/],
  },
  {
    name: "an undeclared name",
    text: "int kprobe__do_nanosleep(void *ctx)\n{\n    return missing_name;\n}\n",
    line: 3,
    says: [/missing_name/],
  },
  {
    name: "an unknown map method",
    text: "BPF_HASH(start, u64);\nint kprobe__do_nanosleep(void *ctx)\n{\n    u64 key = 0;\n    start.lookupp(&key);\n    return 0;\n}\n",
    line: 5,
    says: [/lookupp/, /did you mean.*lookup/i],
  },
  {
    name: "an unknown kernel header",
    text: "#include <linux/no_such_thing.h>\nint kprobe__do_nanosleep(void *ctx)\n{\n    return 0;\n}\n",
    line: 1,
    says: [/linux\/no_such_thing\.h/],
  },
  {
    name: "a stack over 512 bytes",
    text: 'int kprobe__do_nanosleep(void *ctx)\n{\n    char big_buffer[600] = {};\n    bpf_get_current_comm(big_buffer, sizeof(big_buffer));\n    bpf_trace_printk("%s", big_buffer);\n    return 0;\n}\n',
    says: [/512/, /big_buffer/],
  },
  {
    name: "a macro that pastes a member's name, in the arguments of another",
    text: "#include <linux/sched.h>\n#define FIELD(p, f) p->f##_parent\nint kprobe__do_nanosleep(void *ctx)\n{\n    struct task_struct *t = (void *)bpf_get_current_task();\n    return FIELD(FIELD(t, real), real)->tgid;\n}\n",
    line: 6,
    says: [/return FIELD\(FIELD\(t, real\), real\)->tgid;/, /hint: .*local variable/],
  },
  {
    name: "a table of pointers to text",
    text: 'static const char *names[] = { "a", "b" };\nint kprobe__do_nanosleep(void *ctx)\n{\n    bpf_trace_printk("%s", names[bpf_get_current_pid_tgid() & 1]);\n    return 0;\n}\n',
    says: [/variable 'names' holds the address/],
  },
  {
    name: "inline assembly that is none",
    text: 'int kprobe__do_nanosleep(void *ctx)\n{\n    int x = 1;\n    asm volatile("%0 frobs 1" : "+r"(x));\n    return x;\n}\n',
    line: 4,
    says: [/inline assembly: .*frobs/],
  },
  {
    name: "a GPL-only helper without the licence",
    text: '#define BPF_LICENSE Proprietary\nint kprobe__do_nanosleep(void *ctx)\n{\n    bpf_trace_printk("x\\n");\n    return 0;\n}\n',
    says: [/GPL/, /trace_printk/],
  },
];

for (const { name, text, line, says } of programs) {
  for (const command of ["build", "run"]) {
    test(`${name} (${command})`, ({ work }) => {
      work.file("prog.c", text);
      const result = work.run([command, "prog.c"]);
      assert.is(result.status, 1, result.stderr);
      for (const pattern of says) assert.match(result.stderr, pattern);
      if (line !== undefined) assert.match(result.stderr, `prog.c:${line}:`);
      assert.not.match(result.stderr, /\n\s+at /);
      assert.is(result.stdout, "");
      assert.equal(readdirSync(work.folder), ["prog.c"]);
    });
  }
}

const validObject = (work: Workspace): Uint8Array => {
  work.file(
    "good.c",
    "BPF_HASH(seen, u64);\nint kprobe__do_nanosleep(void *ctx)\n{\n    u64 key = 1;\n    seen.increment(key);\n    return 0;\n}\n",
  );
  assert.is(work.run(["build", "good.c"]).status, 0);
  return new Uint8Array(readFileSync(work.path("good.o")));
};

const damages: readonly (readonly [string, (bytes: Uint8Array) => Uint8Array, RegExp])[] = [
  [
    "a truncated object",
    (bytes) => bytes.slice(0, bytes.length >> 1),
    /truncated|cut off|beyond|past the end|too short|ends/i,
  ],
  [
    "an object for another machine",
    (bytes) => {
      const copy = bytes.slice();
      copy[18] = 62;
      return copy;
    },
    /machine|x86|not a BPF object/i,
  ],
  [
    "garbage",
    () => new TextEncoder().encode("this is no object at all, but it is long enough to be one".repeat(4)),
    /not an ELF/i,
  ],
  ["an empty file", () => new Uint8Array(), /ELF|empty|short/i],
];

for (const [name, damage, says] of damages) {
  for (const command of ["inspect", "run"]) {
    test(`${name} (${command})`, ({ work }) => {
      work.file("bad.o", damage(validObject(work)));
      const result = work.run([command, "bad.o"]);
      assert.is(result.status, 1, result.stderr);
      assert.match(result.stderr, says);
      assert.match(result.stderr, "bad.o");
      assert.not.match(result.stderr, /\n\s+at /);
      assert.is(result.stdout, "");
    });
  }
}

test("an unknown tool suggests a near name", ({ work }) => {
  const result = work.run(["run", "tools/biolatencey"]);
  assert.is(result.status, 2);
  assert.match(result.stderr, /no tool 'tools\/biolatencey'/);
  assert.match(result.stderr, /Did you mean 'biolatency'/);
});

test("an unknown command, flag or scenario is a usage error", ({ work }) => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["biuld", "x.c"], /no command 'biuld'[\s\S]*build/],
    [["help", "biuld"], /no command 'biuld'[\s\S]*build/],
    [["build", "x.c", "--mcp", "v3"], /mcp/],
    [["build"], /file/i],
    [["run", "biolatency", "--nope"], /nope/],
    [["run", "biolatency", "--scenario", "blok-io"], /blok-io[\s\S]*block-io/],
    [["run", "biolatency", "-D", "-F"], /-D and -F/],
    [["run", "opensnoop", "-f", "O_NONSENSE"], /O_NONSENSE/],
    [["new", "x", "--template", "histogramm"], /histogram/],
  ];
  for (const [args, says] of cases) {
    const result = work.run(args);
    assert.is(result.status, 2, `${args.join(" ")}: ${result.stderr}`);
    assert.match(result.stderr, says);
    assert.not.match(result.stderr, /\n\s+at /);
  }
});

test("a missing file is named", ({ work }) => {
  for (const args of [
    ["build", "none.c"],
    ["run", "none.o"],
    ["inspect", "none.o"],
  ]) {
    const result = work.run(args);
    assert.is(result.status, 1);
    assert.match(result.stderr, /cannot read none\.[co]: there is no such file/);
  }
});

test("output that cannot be written is said, and nothing is left", ({ work }) => {
  work.file("good.c", "int kprobe__do_nanosleep(void *ctx)\n{\n    return 0;\n}\n");
  for (const output of ["missing/folder/out.o", "good.c/out.o"]) {
    const result = work.run(["build", "good.c", "-o", output]);
    assert.is(result.status, 1, result.stderr);
    assert.match(result.stderr, `cannot write ${output}`);
  }
  mkdirSync(work.path("taken.o"));
  assert.is(work.run(["build", "good.c", "-o", "taken.o"]).status, 1);
  assert.equal(readdirSync(work.folder).sort(), ["good.c", "taken.o"]);
  if (process.getuid?.() !== 0) {
    mkdirSync(work.path("locked"));
    chmodSync(work.path("locked"), 0o500);
    assert.is(work.run(["build", "good.c", "-o", "locked/out.o"]).status, 1);
    assert.not.ok(existsSync(work.path("locked/out.o")));
  }
});

test("devices and links are written through, not replaced", ({ work }) => {
  work.file("good.c", "int kprobe__do_nanosleep(void *ctx) { return 0; }\n");
  work.file("real.o", "");
  for (const [link, target] of [
    ["null.o", "/dev/null"],
    ["link.o", "real.o"],
  ] as const) {
    symlinkSync(target, work.path(link));
    assert.is(work.run(["build", "good.c", "-o", link]).status, 0);
    assert.ok(lstatSync(work.path(link)).isSymbolicLink());
  }
  assert.ok(statSync("/dev/null").isCharacterDevice());
  assert.is(readFileSync(work.path("real.o")).subarray(1, 4).toString(), "ELF");
});

test("a full disk behind standard output is one message", ({ work }) => {
  if (!existsSync("/dev/full")) return;
  work.file("good.c", "int kprobe__do_nanosleep(void *ctx) { return 0; }\n");
  work.run(["build", "good.c"]);
  const full = openSync("/dev/full", "w");
  try {
    const result = work.run(["inspect", "good.o"], {}, full);
    assert.is(result.status, 1);
    assert.match(result.stderr, /^error: cannot write to standard output: ENOSPC.*\n$/);
  } finally {
    closeSync(full);
  }
});

test("missing arguments and bad macros are named, without advice about something else", ({ work }) => {
  assert.match(work.run(["build"]).stderr, /^error: Missing 1 required arg: file: the C file \[US001\]\n/);
  work.file("good.c", "int kprobe__do_nanosleep(void *ctx) { return 0; }\n");
  const macro = work.run(["build", "good.c", "-D", "1N=2"]);
  assert.is(macro.status, 2);
  assert.match(macro.stderr, /-D takes NAME or NAME=VALUE, not '1N=2'/);
});

/** As the kernel target sees it: this is where the loader looks for the number of the kprobe event source. */
const hasKprobes = existsSync("/sys/bus/event_source/devices/kprobe");
const isRoot = process.getuid?.() === 0;

test("--target kernel says what this machine lacks, and attaches nothing", ({ work }) => {
  // Where everything is there it would trace this machine: that is tested in a virtual machine only.
  if (process.platform === "linux" && isRoot && hasKprobes) return;
  const result = work.run(["run", "biolatency", "--target", "kernel"]);
  assert.is(result.status, 1, result.stderr);
  const [code, lacks] = isRoot ? ["LK005", /this kernel has no kprobes/] : ["LK00[13]", /CAP_BPF|only Linux/];
  assert.match(result.stderr, lacks);
  assert.match(result.stderr, new RegExp(`\\[${code}\\]`));
  assert.match(result.stderr, /hint: /);
  assert.is(result.stderr.match(/error: /g)?.length, 1);
  assert.not.match(result.stderr, /\n\s+at /);
  assert.is(result.stdout, "");
});

test("--target kernel has no workloads", ({ work }) => {
  const result = work.run(["run", "biolatency", "--target", "kernel", "--scenario", "block-io"]);
  assert.is(result.status, 2, result.stderr);
  assert.match(result.stderr, /--scenario is a workload of the VM/);
});

test.run();
