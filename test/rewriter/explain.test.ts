/** What is rewritten is explained, and errors show what the user wrote, inside macros too. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { Builder } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";

const builder = new Builder({ cache: false });

const program = `#include <uapi/linux/ptrace.h>
#include <linux/sched.h>
#define PID(t) ((t)->pid)
BPF_HASH(start, u32, struct task_struct *);
static int pid_of(struct task_struct *t) { return t->pid; }
int kprobe__wake_up_new_task(struct pt_regs *ctx, struct task_struct *p)
{
	u32 key = p->tgid;
	struct task_struct *parent = p->real_parent, **pp;
	start.update(&key, &p);
	pp = start.lookup(&key);
	if (pp && *pp)
		key = (*pp)->pid + PID(p) + PID(parent);
	return pid_of(parent) + ((struct task_struct *)bpf_get_current_task())->pid + p->state;
}
int syscall__openat(struct pt_regs *ctx, int dfd, const char *name) { return name[0]; }
`;

const reasons: readonly (readonly [place: string, expression: string, reason: string])[] = [
  ["3:17", "(t)->pid", "t is an argument"],
  ["4:1", "BPF_HASH(start, u32, struct task_struct *)", "start is a map of BCC's type hash"],
  ["5:51", "t->pid", "t is set from parent in line 14: it points into kernel memory"],
  [
    "6:1",
    "kprobe__wake_up_new_task",
    "its name says what it is attached to: section kprobe/wake_up_new_task",
  ],
  [
    "8:12",
    "p->tgid",
    "p is an argument of the program kprobe__wake_up_new_task: it points into kernel memory",
  ],
  [
    "9:31",
    "p->real_parent",
    "p is an argument of the program kprobe__wake_up_new_task: it points into kernel memory",
  ],
  ["10:2", "start.update(&key, &p)", "update is a method of the map start"],
  ["11:7", "start.lookup(&key)", "lookup is a method of the map start"],
  ["13:9", "(*pp)->pid", "pp points to a value of the map start: pointers in it point into kernel memory"],
  [
    "14:26",
    "((struct task_struct *)bpf_get_current_task())->pid",
    "what bpf_get_current_task returns points into kernel memory",
  ],
  ["14:80", "p->state", "task_struct.state became __state in Linux 5.14"],
  [
    "16:1",
    "syscall__openat",
    "a program that is attached by a call: section kprobe, by its context and by what it calls",
  ],
  ["16:78", "name[0]", "name is an argument of the program syscall__openat: it points into user memory"],
];

test("each rewritten expression has its reason", async () => {
  const { explanations } = await builder.rewrite({ file: "why.c", text: program });
  const found = explanations.map(({ line, column, expression, reason }) => [
    `${line}:${column}`,
    expression,
    reason,
  ]);
  const [macro, ...others] = reasons;
  assert.equal(found.slice(1), others);
  assert.equal(found[0]?.slice(0, 2), macro?.slice(0, 2));
});

interface Failure {
  readonly name: string;
  readonly text: string;
  readonly line: number;
  readonly shows: string;
  readonly message: RegExp;
}

const failures: readonly Failure[] = [
  {
    name: "a member that is not there, in a macro",
    text: "#include <linux/sched.h>\n#define BAD(t) ((t)->no_such_member)\nint f(struct pt_regs *ctx, struct task_struct *p)\n{\n\treturn BAD(p);\n}\n",
    line: 5,
    shows: "return BAD(p);",
    message: /no member named 'no_such_member' in 'struct task_struct'/,
  },
  {
    name: "the wrong type for a method's macro argument",
    text: "#define KEY 5\nBPF_HASH(m, u32);\nint f(struct pt_regs *ctx)\n{\n\tu64 *v = m.lookup(KEY, 3);\n\treturn v != 0;\n}\n",
    line: 5,
    shows: "m.lookup(KEY, 3)",
    message: /too many arguments/,
  },
  {
    name: "what only the rewritten text shows",
    text: "#include <linux/sched.h>\nint f(struct pt_regs *ctx, struct task_struct *p)\n{\n\treturn p->pid + sizeof(struct { char a[p->tgid > 0 ? -1 : 1]; });\n}\n",
    line: 4,
    shows: "sizeof(struct { char a[",
    message: /./,
  },
];

for (const { name, text, line, shows, message } of failures) {
  test(`the user's line: ${name}`, async () => {
    try {
      await builder.compile({ file: "wrong.c", text });
      assert.unreachable("no error");
    } catch (error) {
      assert.ok(error instanceof BpfkitError, String(error));
      const diagnostic = error.diagnostics.find(({ severity }) => severity === "error");
      assert.match(diagnostic?.message ?? "", message);
      assert.is(diagnostic?.range?.line, line);
      assert.match(diagnostic?.sourceLine ?? "", shows);
      assert.not.match(diagnostic?.sourceLine ?? "", "BPF_CORE_READ");
    }
  });
}

interface Slip {
  readonly name: string;
  readonly text: string;
  readonly code: string;
  /** Line and column. */
  readonly at: string;
  readonly message: string;
  readonly hint: RegExp;
}

const kprobe = (body: string) => `int kprobe__vfs_read(struct pt_regs *ctx)\n{\n\t${body}\n\treturn 0;\n}\n`;

/** Slips of people who know C, BCC or libbpf: each gets exactly one error. */
const slips: readonly Slip[] = [
  {
    name: "a function of the C library",
    text: kprobe('char a[16] = {}; if (strcmp(a, "x")) return 1;'),
    code: "RW062",
    at: "3:23",
    message: "'strcmp' is not declared",
    hint: /bpf_strncmp/,
  },
  {
    name: "the same for libbpf",
    text: '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\nSEC("kprobe/vfs_read")\nint f(void *ctx) { return malloc(8) != 0; }\n',
    code: "RW062",
    at: "4:27",
    message: "'malloc' is not declared",
    hint: /Memory is in maps/,
  },
  {
    name: "a mistyped helper",
    text: kprobe("bpf_get_current_pid_tgdi();"),
    code: "RW062",
    at: "3:2",
    message: "'bpf_get_current_pid_tgdi' is not declared",
    hint: /^Did you mean bpf_get_current_pid_tgid\?$/,
  },
  {
    name: "a header of the C library",
    text: `#include <errno.h>\n${kprobe("")}`,
    code: "RW067",
    at: "1:10",
    message: "<errno.h> is a header of the C library",
    hint: /^Include <linux\/errno\.h>\./,
  },
  {
    name: "a mistyped header of the kernel",
    text: `#include <linux/shced.h>\n${kprobe("")}`,
    code: "RW060",
    at: "1:10",
    message: "<linux/shced.h> is not a header of Linux 6.1",
    hint: /^Did you mean <linux\/sched\.h>\?$/,
  },
  {
    name: "the beginning of a macro's name",
    text: `BPF_HISTO(counts, u32);\n${kprobe("")}`,
    code: "RW013",
    at: "1:19",
    message: "there is no macro BPF_HISTO",
    hint: /^Did you mean BPF_HISTOGRAM\?$/,
  },
  {
    name: "too many arguments of a map's macro",
    text: `BPF_HASH(h, u32, u64, 10, 5, 6);\n${kprobe("")}`,
    code: "RW011",
    at: "1:1",
    message: "BPF_HASH cannot have 6 arguments",
    hint: /reference guide/,
  },
  {
    name: "no arguments of a map's macro",
    text: `\nBPF_HASH();\n${kprobe("")}`,
    code: "RW011",
    at: "2:1",
    message: "BPF_HASH cannot have no arguments",
    hint: /reference guide/,
  },
  {
    name: "a map that is not there",
    text: kprobe("u32 key = 1; counts.increment(key);"),
    code: "CC001",
    at: "3:15",
    message: "use of undeclared identifier 'counts'",
    hint: /BPF_HASH\(counts, u32\);$/,
  },
  {
    name: "a map declared twice",
    text: `BPF_HASH(h, u32);\n\nBPF_HASH(h, u32);\n${kprobe("")}`,
    code: "RW047",
    at: "3:1",
    message: "map 'h' is declared twice",
    hint: /another name/,
  },
  {
    name: "a field that the tracepoint lacks",
    text: "TRACEPOINT_PROBE(sched, sched_process_exec) { return args->comm; }\n",
    code: "RW068",
    at: "1:60",
    message: "tracepoint sched:sched_process_exec has no field 'comm'",
    hint: /^It has: filename, pid, old_pid\.$/,
  },
  {
    name: "SEC without its header",
    text: 'char _license[] SEC("license") = "GPL";\nint kprobe__vfs_read(void *ctx) { bpf_trace_printk("x"); return 0; }\n',
    code: "RW066",
    at: "1:16",
    message: "SEC is not declared",
    hint: /bpf\/bpf_helpers\.h/,
  },
];
for (const { name, text, code, at, message, hint } of slips) {
  test(`one error, with what helps: ${name}`, async () => {
    try {
      await builder.compile({ file: "slip.c", text });
      assert.unreachable("no error");
    } catch (error) {
      assert.ok(error instanceof BpfkitError, String(error));
      const errors = error.diagnostics.filter(({ severity }) => severity === "error");
      assert.equal(
        errors.map((one) => [one.code, `${one.range?.line}:${one.range?.column}`, one.message]),
        [[code, at, message]],
      );
      assert.match(errors[0]?.hint ?? "", hint);
      assert.not.match(JSON.stringify(errors), /include the header|errors? generated|___types_of/);
    }
  });
}

test.after(() => builder.close());
test.run();
