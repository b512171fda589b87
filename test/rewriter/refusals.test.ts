/** What is not supported is refused by name, at its line, with advice. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Workbench } from "./workbench.ts";

const bench = new Workbench();

interface Case {
  readonly name: string;
  readonly text: string;
  readonly code: string;
  readonly message: string;
  readonly line: number;
  readonly hint?: string;
}

const cases: readonly Case[] = [
  {
    name: "an unknown method",
    text: "BPF_HASH(start, u32);\nint f(void *ctx) {\n\tu32 k = 0;\n\treturn start.lookupp(&k) != 0;\n}\n",
    code: "RW014",
    message: "unknown method 'lookupp' of BPF_HASH 'start'; did you mean 'lookup'?",
    line: 4,
    hint: "lookup, ",
  },
  {
    name: "a method of another kind of map",
    text: "BPF_HASH(start, u32);\nint f(void *ctx) { return start.get_stackid(ctx, 0); }\n",
    code: "RW014",
    message: "unknown method 'get_stackid' of BPF_HASH 'start'",
    line: 2,
  },
  {
    name: "a key in place of its address",
    text: "BPF_HASH(t, u32);\nint f(void *ctx) {\n\tu32 k = 1;\n\tu64 *v = t.lookup(k);\n\treturn v != 0;\n}\n",
    code: "RW048",
    message: "lookup of 't' takes addresses, not numbers",
    line: 4,
    hint: "t.lookup(&key)",
  },
  {
    name: "a number as value",
    text: "BPF_HASH(t, u32);\nint f(void *ctx) {\n\tu32 k = 1;\n\tt.update(&k, 5);\n\treturn 0;\n}\n",
    code: "RW048",
    message: "update of 't' takes addresses, not numbers",
    line: 4,
    hint: "t.update(&key, &value)",
  },
  {
    name: "an unknown map type",
    text: '\nBPF_TABLE("hsh", u32, u32, t, 1);\nint f(void *ctx) { return 0; }\n',
    code: "RW011",
    message: 'unsupported map type "hsh" of BPF_TABLE',
    line: 2,
  },
  {
    name: "a pinned map whose path is no literal",
    text: 'BPF_TABLE_PINNED("hash", u64, u32, t, 1024, PATH);\nint f(void *ctx) { return 0; }\n',
    code: "RW011",
    message: "the path PATH of BPF_TABLE_PINNED is not a string literal",
    line: 1,
    hint: "in quotes",
  },
  {
    name: "a structure that only a module has",
    text: "#include <rdma/rdma_cm.h>\nint f(struct pt_regs *ctx, struct rdma_cm_id *id) {\n\treturn id->port_num;\n}\n",
    code: "RW065",
    message: "the kernel's types have no struct rdma_cm_id",
    line: 3,
    hint: "It may be of a module",
  },
  {
    name: "a key that is defined later",
    text: "BPF_HASH(t, struct key_t);\nstruct key_t { int a; };\nint f(void *ctx) { return 0; }\n",
    code: "RW065",
    message: "struct key_t is used before it is defined",
    line: 1,
    hint: "Move its definition",
  },
  {
    name: "a name that BPF has another word for",
    text: "#include <linux/sched.h>\nint f(void *ctx) {\n\treturn current->pid;\n}\n",
    code: "RW063",
    message: "'current' is not declared",
    line: 3,
    hint: "bpf_get_current_task()",
  },
  {
    name: "a macro that BCC does not have",
    text: "BPF_LRU_HASH(t, u32, u64, 10);\nint f(void *ctx) { return 0; }\n",
    code: "RW013",
    message: "there is no macro BPF_LRU_HASH",
    line: 1,
    hint: 'BPF_TABLE("lru_hash"',
  },
  {
    name: "a slip in a macro's name",
    text: "BPF_HISTOGRM(t, u32);\nint f(void *ctx) { return 0; }\n",
    code: "RW013",
    message: "there is no macro BPF_HISTOGRM",
    line: 1,
    hint: "BPF_HISTOGRAM",
  },
  {
    name: "a flag of old kernels",
    text: "#include <linux/blkdev.h>\nint f(struct pt_regs *ctx, struct request *rq) {\n\treturn rq->cmd_flags & REQ_WRITE;\n}\n",
    code: "RW063",
    message: "'REQ_WRITE' is not declared",
    line: 3,
    hint: "Linux 4.8",
  },
  {
    name: "stack traces in another map",
    text: 'BPF_TABLE("hash", u32, u64, t, 1);\nint f(struct pt_regs *ctx) {\n\treturn t.get_stackid(ctx, 0);\n}\n',
    code: "RW019",
    message: "get_stackid only available on stacktrace maps",
    line: 3,
    hint: "BPF_STACK_TRACE",
  },
  {
    name: "a value of no size",
    text: "struct none {};\nBPF_HASH(t, u32, struct none);\nint f(void *ctx) { return 0; }\n",
    code: "RW020",
    message: "invalid zero-sized leaf of map 't'",
    line: 2,
  },
  {
    name: "a moved member of a copy",
    text: "#include <linux/sched.h>\nint f(struct pt_regs *ctx, struct task_struct *p) {\n\tstruct task_struct copy = *p;\n\treturn copy.state;\n}\n",
    code: "RW030",
    message: "task_struct.state cannot be read by its name in every kernel here",
    line: 4,
    hint: "pointer->state",
  },
  {
    name: "a histogram whose values are no u64",
    text: 'BPF_TABLE("histogram", int, u32, t, 64);\nint f(void *ctx) { return 0; }\n',
    code: "RW018",
    message: "histogram leaf type must be u64, got unsigned int",
    line: 1,
  },
  {
    name: "a kernel header that does not exist",
    text: "#include <linux/sched.h>\n#include <linux/shced.h>\nint f(void *ctx) { return 0; }\n",
    code: "RW060",
    message: "<linux/shced.h> is not a header of Linux 6.1",
    line: 2,
    hint: "Did you mean <linux/sched.h>?",
  },
  {
    name: "a tracepoint that does not exist",
    text: "TRACEPOINT_PROBE(sched, sched_swich)\n{\n\treturn args->next_pid;\n}\n",
    code: "RW061",
    message: "the kernel has no tracepoint sched:sched_swich",
    line: 3,
    hint: "Did you mean sched:sched_switch?",
  },
  {
    name: "a store to kernel memory",
    text: "#include <linux/sched.h>\nint f(struct pt_regs *ctx, struct task_struct *p) {\n\tp->pid = 1;\n\treturn 0;\n}\n",
    code: "RW032",
    message: "cannot store to 'p->pid': it lies in kernel memory, which programs may only read",
    line: 3,
  },
  {
    name: "an increment of kernel memory",
    text: "int f(struct pt_regs *ctx, int *n) {\n\t(*n)++;\n\treturn 0;\n}\n",
    code: "RW032",
    message: "cannot store to '(*n)': it lies in kernel memory, which programs may only read",
    line: 2,
  },
  {
    name: "a macro that reads a translated context and kernel memory",
    text: "#include <uapi/linux/bpf_perf_event.h>\n#define ADDRESS(x) ((x)->addr)\nstruct other { u64 addr; };\nint f(struct bpf_perf_event_data *ctx) {\n\tstruct other *o = (void *)bpf_get_current_task();\n\treturn ADDRESS(ctx) + ADDRESS(o);\n}\n",
    code: "RW030",
    message: "this reads the program's context and kernel memory by the same text",
    line: 2,
  },
  {
    name: "arguments without registers",
    text: "int f(void *ctx,\n\tint a) { return a; }\n",
    code: "RW021",
    message: "program f takes arguments, but its context is void *, not struct pt_regs *",
    line: 1,
  },
  {
    name: "an argument without a name",
    text: "int f(struct pt_regs *ctx, int) { return 0; }\n",
    code: "RW022",
    message: "arguments to BPF program definition must be named",
    line: 1,
  },
  {
    name: "too many arguments",
    text: "int f(struct pt_regs *ctx, int a, int b, int c, int d, int e, int g,\n\tint h) { return 0; }\n",
    code: "RW023",
    message: "too many arguments, only those in registers (6) can be had",
    line: 2,
  },
  {
    name: "a call of another program",
    text: "int g(void *ctx) { return 0; }\nint f(void *ctx) { return g(ctx); }\n",
    code: "RW051",
    message: "cannot call non-static helper function g",
    line: 2,
  },
  {
    name: "an undeclared function",
    text: "int f(void *ctx) { return frobnicate(1); }\n",
    code: "RW062",
    message: "'frobnicate' is not declared",
    line: 1,
  },
  {
    name: "an undeclared macro",
    text: "int f(void *ctx) { return NO_SUCH_MACRO; }\n",
    code: "RW063",
    message: "'NO_SUCH_MACRO' is not declared",
    line: 1,
  },
  {
    name: "an undeclared size of a map",
    text: "\nBPF_ARRAY(m, u64, NO_SUCH_SIZE);\nint f(void *ctx) { return 0; }\n",
    code: "RW063",
    message: "'NO_SUCH_SIZE' is not declared",
    line: 2,
  },
  {
    name: "a format that is no literal",
    text: "int f(void *ctx) {\n\tchar *s = 0;\n\tbpf_trace_printk(s);\n\treturn 0;\n}\n",
    code: "RW042",
    message: "the format of bpf_trace_printk is not a string literal",
    line: 3,
  },
  {
    name: "lookup_or_init in a function that returns nothing",
    text: "BPF_HASH(m, u32);\nstatic void g(u32 k) { u64 z = 0; m.lookup_or_init(&k, &z); }\nint f(void *ctx) { g(1); return 0; }\n",
    code: "RW015",
    message: "lookup_or_init of 'm' returns 0 from a function that returns nothing",
    line: 2,
  },
];

for (const { name, text, code, message, line, hint } of cases) {
  test(name, async () => {
    let found: unknown;
    try {
      await bench.rewrite(text);
    } catch (error) {
      found = error;
    }
    assert.instance(found, BpfkitError, String(found));
    const { diagnostics } = found as BpfkitError;
    const first = diagnostics.find(({ severity }) => severity === "error");
    assert.is(first?.message, message);
    assert.is(first?.code, code);
    assert.is((found as BpfkitError).code, code);
    assert.is(first?.range?.line, line);
    assert.is(first?.range?.file, "tool.c");
    if (hint !== undefined) assert.match(first?.hint ?? "", hint);
  });
}

test("a tracepoint that only other kernels have is a warning", async () => {
  const text = "TRACEPOINT_PROBE(preemptirq, irq_disable)\n{\n\treturn args->caller_offs;\n}\n";
  const { diagnostics } = await bench.rewrite(text);
  assert.equal(
    diagnostics.map(({ severity, code, message, range }) => [severity, code, message, range?.line]),
    [
      [
        "warning",
        "RW064",
        "the kernel has no tracepoint preemptirq:irq_disable: it needs CONFIG_PREEMPTIRQ_TRACEPOINTS",
        1,
      ],
    ],
  );
});

test("a mistyped tracepoint is a warning where its arguments are not used", async () => {
  const { diagnostics } = await bench.rewrite("TRACEPOINT_PROBE(sched, sched_switchh)\n{\n\treturn 0;\n}\n");
  const [warning] = diagnostics;
  assert.is(warning?.code, "RW064");
  assert.is(warning?.range?.line, 1);
  assert.match(warning?.hint ?? "", "sched:sched_switch?");
});

test("system calls' own types are there", async () => {
  const text =
    "#include <uapi/linux/ptrace.h>\nint syscall__nanosleep(struct pt_regs *ctx, struct timespec *t) { return t->tv_sec; }\n";
  assert.match((await bench.rewrite(text)).text, "BPF_PROBE_READ_USER(t, tv_sec)");
});

test("clang's own errors keep their code", async () => {
  try {
    await bench.rewrite("int f(void *ctx) { return 0 }\n");
    assert.unreachable();
  } catch (error) {
    assert.is((error as BpfkitError).code, "CC001");
  }
});

test.after(() => bench.close());
test.run();
