/** Maps, methods, program heads, printing and the license, as BCC's specification lists them. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";
import { compileNative, Workbench } from "./workbench.ts";

const bench = new Workbench();
const clang = requireTool("clang-19");

interface Case {
  readonly name: string;
  readonly text: string;
  readonly has: readonly string[];
  readonly lacks?: readonly string[];
}

const inProgram = (statements: string, before = ""): string =>
  `#include <uapi/linux/ptrace.h>\n${before}\nint traced(struct pt_regs *ctx)\n{\n${statements}\n\treturn 0;\n}\n`;

/** A map macro with what it becomes. */
const declarations: readonly (readonly [macro: string, definition: string])[] = [
  [
    "BPF_HASH(m)",
    'struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, u64); __type(value, u64); __uint(max_entries, 10240); } m SEC(".maps");',
  ],
  [
    "BPF_HASH(m, struct request *, u32, SIZE)",
    'struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct request *); __type(value, u32); __uint(max_entries, SIZE); } m SEC(".maps");',
  ],
  [
    'BPF_TABLE_PINNED("hash", u64, u32, m, 1024, "/sys/fs/bpf/m")',
    '__uint(max_entries, 1024); } m SEC(".maps") __attribute__((btf_decl_tag("bpfkit:pin:/sys/fs/bpf/m")));',
  ],
  [
    'BPF_TABLE("hash:/sys/fs/bpf/m", u64, u32, m, 16)',
    '__uint(max_entries, 16); } m SEC(".maps") __attribute__((btf_decl_tag("bpfkit:pin:/sys/fs/bpf/m")));',
  ],
  [
    'BPF_TABLE_PUBLIC("hash", u64, u32, m, 16)',
    '} m SEC(".maps") __attribute__((btf_decl_tag("bpfkit:public")));',
  ],
  [
    'BPF_TABLE_SHARED("hash", u64, u32, m, 16, 1)',
    '__uint(map_flags, 1); } m SEC(".maps") __attribute__((btf_decl_tag("bpfkit:shared")));',
  ],
  [
    'BPF_QUEUESTACK_PINNED("queue", m, u32, 8, 0, "/sys/fs/bpf/m")',
    '} m SEC(".maps") __attribute__((btf_decl_tag("bpfkit:pin:/sys/fs/bpf/m")));',
  ],
  ["BPF_HASH(m, int, struct { u64 a; u64 c:36; }, 10)", "__type(value, struct { u64 a; u64 c:36; });"],
  [
    "BPF_PERCPU_HASH(m, u32)",
    "__uint(type, BPF_MAP_TYPE_PERCPU_HASH); __type(key, u32); __type(value, u64);",
  ],
  [
    "BPF_ARRAY(m, u32, 4)",
    "__uint(type, BPF_MAP_TYPE_ARRAY); __type(key, int); __type(value, u32); __uint(max_entries, 4);",
  ],
  [
    "BPF_PERCPU_ARRAY(m, u64, 1 << 3)",
    "__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __type(key, int); __type(value, u64); __uint(max_entries, 1 << 3);",
  ],
  [
    "BPF_HISTOGRAM(m)",
    "__uint(type, BPF_MAP_TYPE_ARRAY); __type(key, int); __type(value, u64); __uint(max_entries, 64);",
  ],
  [
    "BPF_HISTOGRAM(m, u32)",
    "__uint(type, BPF_MAP_TYPE_HASH); __type(key, u32); __type(value, u64); __uint(max_entries, 64);",
  ],
  [
    "BPF_HISTOGRAM(m, struct k, 100)",
    "__uint(type, BPF_MAP_TYPE_HASH); __type(key, struct k); __type(value, u64); __uint(max_entries, 100);",
  ],
  [
    "BPF_LPM_TRIE(m, struct k)",
    "__uint(type, BPF_MAP_TYPE_LPM_TRIE); __type(key, struct k); __type(value, u64); __uint(max_entries, 10240); __uint(map_flags, BPF_F_NO_PREALLOC);",
  ],
  [
    "BPF_STACK_TRACE(m, 1000)",
    "__uint(type, BPF_MAP_TYPE_STACK_TRACE); __uint(key_size, sizeof(int)); __uint(value_size, sizeof(struct bpf_stacktrace)); __uint(max_entries, 1024);",
  ],
  ["BPF_STACK_TRACE(m, SIZE)", "__uint(max_entries, roundup_pow_of_two(SIZE));"],
  [
    "BPF_STACK_TRACE_BUILDID(m, 16)",
    "__uint(value_size, sizeof(struct bpf_stacktrace_buildid)); __uint(max_entries, 16); __uint(map_flags, BPF_F_STACK_BUILD_ID);",
  ],
  [
    "BPF_PERF_OUTPUT(m)",
    "struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, sizeof(int)); __uint(value_size, sizeof(u32)); } m",
  ],
  ["BPF_PERF_ARRAY(m, 8)", "__uint(value_size, sizeof(u32)); __uint(max_entries, 8);"],
  [
    "BPF_RINGBUF_OUTPUT(m, 8)",
    "struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 8 * PAGE_SIZE); } m",
  ],
  [
    "BPF_PROG_ARRAY(m, 10)",
    "__uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(key_size, sizeof(u32)); __uint(value_size, sizeof(u32)); __uint(max_entries, 10);",
  ],
  ["BPF_CGROUP_ARRAY(m, 1)", "__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);"],
  [
    "BPF_QUEUE(m, u32, 16)",
    "struct { __uint(type, BPF_MAP_TYPE_QUEUE); __type(value, u32); __uint(max_entries, 16); } m",
  ],
  [
    "BPF_STACK(m, u32, 16, 0)",
    "struct { __uint(type, BPF_MAP_TYPE_STACK); __type(value, u32); __uint(max_entries, 16); } m",
  ],
  [
    'BPF_TABLE("lru_hash", u32, u64, m, 5)',
    "__uint(type, BPF_MAP_TYPE_LRU_HASH); __type(key, u32); __type(value, u64); __uint(max_entries, 5);",
  ],
  [
    'BPF_F_TABLE("lru_percpu_hash", u32, u64, m, 5, BPF_F_NO_COMMON_LRU)',
    "__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH); __type(key, u32); __type(value, u64); __uint(max_entries, 5); __uint(map_flags, BPF_F_NO_COMMON_LRU);",
  ],
  ["BPF_TABLE(KIND, u32, u64, m, 5)", "__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);"],
  ["BPF_DEVMAP(m, 2)", "__uint(type, BPF_MAP_TYPE_DEVMAP);"],
  ["BPF_CPUMAP(m, 2)", "__uint(type, BPF_MAP_TYPE_CPUMAP);"],
  ["BPF_XSKMAP(m, 2)", "__uint(type, BPF_MAP_TYPE_XSKMAP);"],
  ["BPF_SOCKMAP(m, 2)", "__uint(type, BPF_MAP_TYPE_SOCKMAP);"],
  ["BPF_SOCKHASH(m)", "__uint(type, BPF_MAP_TYPE_SOCKHASH);"],
  [
    "BPF_TASK_STORAGE(m, u64)",
    "__uint(type, BPF_MAP_TYPE_TASK_STORAGE); __type(key, int); __type(value, u64); __uint(map_flags, BPF_F_NO_PREALLOC);",
  ],
  ['BPF_ARRAY_OF_MAPS(m, "inner", 10)', "__uint(max_entries, 10); __array(values, typeof(inner));"],
];

/** A method call with what it becomes; `m` is the map. */
const methods: readonly (readonly [map: string, statement: string, rewritten: string])[] = [
  ["BPF_HASH(m, u32)", "u32 k = 1; u64 *v = m.lookup(&k);", "u64 *v = bpf_map_lookup_elem(&m, &k);"],
  [
    "BPF_HASH(m, u32)",
    "u32 k = 1; if (m.lookup(&k)) return 1;",
    "if (bpf_map_lookup_elem(&m, &k)) return 1;",
  ],
  [
    "BPF_ARRAY(m, u64, 1)",
    "int k = 0; return *m.lookup(&k);",
    "return *((typeof(m.value))bpf_map_lookup_elem(&m, &k));",
  ],
  [
    "BPF_HASH(m, u32)",
    "u32 k = 1; u64 z = 0, *v = m.lookup_or_try_init(&k, &z);",
    "*v = bpf_map_lookup_or_try_init(&m, &k, &z);",
  ],
  [
    "BPF_HASH(m, u32)",
    "u32 k = 1; u64 z = 0, *v = m.lookup_or_init(&k, &z); (*v)++;",
    "*v = bpf_map_lookup_or_init(&m, &k, &z);",
  ],
  [
    "BPF_HASH(m, u32)",
    "u32 k = 1; u64 v = 2; m.update(&k, &v);",
    "bpf_map_update_elem(&m, &k, &v, BPF_ANY);",
  ],
  [
    "BPF_HASH(m, u32)",
    "u32 k = 1; u64 v = 2; m . insert ( & k , /* v */ & v ) ;",
    "bpf_map_update_elem( &m, & k , /* v */ & v, BPF_NOEXIST ) ;",
  ],
  ["BPF_HASH(m, u32)", "u32 k = 1; int r = m.delete(&k);", "int r = bpf_map_delete_elem(&m, &k);"],
  ["BPF_HISTOGRAM(m)", "m.increment(bpf_log2l(ctx->ax));", "bpf_map_increment(&m, bpf_log2l(ctx->ax), 1);"],
  ["BPF_HASH(m, struct k)", "struct k key = {}; m.increment(key, 5);", "bpf_map_increment(&m, key, 5);"],
  ["BPF_HISTOGRAM(m)", "m.atomic_increment(1);", "bpf_map_atomic_increment(&m, 1, 1);"],
  ["BPF_PROG_ARRAY(m, 2)", "m.call(ctx, INDEX);", "bpf_tail_call(ctx, &m, INDEX);"],
  [
    "BPF_PERF_OUTPUT(m)",
    "u64 d = 0; m.perf_submit(ctx, &d, sizeof(d));",
    "bpf_perf_event_output(ctx, &m, BPF_F_CURRENT_CPU, &d, sizeof(d));",
  ],
  [
    "BPF_PERF_OUTPUT(m)",
    "u64 d = 0; m.perf_submit_skb(ctx, 64, &d, sizeof(d));",
    "bpf_perf_event_output(ctx, &m, ((__u64)(64) << 32) | BPF_F_CURRENT_CPU, &d, sizeof(d));",
  ],
  ["BPF_PERF_ARRAY(m, 8)", "u64 c = m.perf_read(1); return c;", "u64 c = bpf_perf_event_read(&m, 1);"],
  [
    "BPF_RINGBUF_OUTPUT(m, 8)",
    "u64 d = 0; m.ringbuf_output(&d, sizeof(d), 0);",
    "bpf_ringbuf_output(&m, &d, sizeof(d), 0);",
  ],
  [
    "BPF_RINGBUF_OUTPUT(m, 8)",
    "u64 *d = m.ringbuf_reserve(sizeof(*d)); if (!d) return 0; m.ringbuf_discard(d, 0);",
    "u64 *d = bpf_ringbuf_reserve(&m, sizeof(*d), 0); if (!d) return 0; bpf_ringbuf_discard(d, 0);",
  ],
  [
    "BPF_STACK_TRACE(m, 16)",
    "int id = m.get_stackid(ctx, BPF_F_USER_STACK); return id;",
    "int id = bpf_get_stackid(ctx, &m, BPF_F_USER_STACK);",
  ],
  [
    "BPF_CGROUP_ARRAY(m, 1)",
    "if (m.check_current_task(0) <= 0) return 0;",
    "if (bpf_current_task_under_cgroup(&m, 0) <= 0) return 0;",
  ],
  [
    "BPF_QUEUE(m, u32, 16)",
    "u32 v = 1; m.push(&v, 0); m.pop(&v); m.peek(&v);",
    "bpf_map_push_elem(&m, &v, 0); bpf_map_pop_elem(&m, &v); bpf_map_peek_elem(&m, &v);",
  ],
  [
    "BPF_HASH(m, u32)",
    "typeof(m.leaf) v = 1; typeof(m.key) k = 2; m.update(&k, &v);",
    "typeof((*m.value)) v = 1; typeof((*m.key)) k = 2;",
  ],
];

const cases: readonly Case[] = [
  ...declarations.map(([macro, definition]) => ({
    name: macro,
    text: inProgram(
      "",
      `#define SIZE 100\n#define KIND "percpu_array"\nstruct k { u32 a; u32 b; };\nBPF_HASH(inner, u32);\n${macro};`,
    ),
    has: [definition],
    lacks: [macro],
  })),
  ...methods.map(([map, statement, rewritten]) => ({
    name: `${map} ${statement}`,
    text: inProgram(`\t${statement}`, `#define INDEX 1\nstruct k { u32 a; u32 b; };\n${map};`),
    has: [rewritten],
  })),
  {
    name: "a method in the program's own macro",
    text: inProgram("\tCOUNT(1);", "BPF_HISTOGRAM(m);\n#define COUNT(x) m.increment(x)"),
    has: ["#define COUNT(x) bpf_map_increment(&m, x, 1)", "\tCOUNT(1);"],
  },
  {
    name: "a macro as the map",
    text: inProgram("\tSTORE.increment(1);", "BPF_HISTOGRAM(m);\n#define STORE m"),
    has: ["\tbpf_map_increment(&m, 1, 1);"],
  },
  {
    name: "a method over several lines",
    text: inProgram(
      "\tu64 d = 0;\n\tm.perf_submit(\n\t\tctx,\n\t\t&d, // the event\n\t\tsizeof(d)\n\t);",
      "BPF_PERF_OUTPUT(m);",
    ),
    has: [
      "bpf_perf_event_output(\n\t\tctx, &m, BPF_F_CURRENT_CPU,\n\t\t&d, // the event\n\t\tsizeof(d)\n\t);",
    ],
  },
  {
    name: "the event's type is recorded with its map",
    text: inProgram(
      "\tstruct event e = {};\n\tm.perf_submit(ctx, &e, sizeof(e));",
      "struct event { u32 pid; };\nBPF_PERF_OUTPUT(m);",
    ),
    has: [
      "struct { __event_map(BPF_MAP_TYPE_PERF_EVENT_ARRAY, struct event);",
      '} m SEC(".maps") __attribute__((btf_decl_tag("bpfkit:event:struct event")));',
    ],
  },
  {
    name: "a map before its event's type moves behind the type",
    text: inProgram(
      "\tevent_t e = {};\n\tm.perf_submit(ctx, &e, sizeof(e));",
      "BPF_PERF_OUTPUT(m);\ntypedef struct { u32 pid; } event_t;",
    ),
    has: [
      "\n;\ntypedef struct { u32 pid; } event_t; struct { __event_map(BPF_MAP_TYPE_PERF_EVENT_ARRAY, event_t);",
    ],
  },
  {
    name: "arguments of a kprobe",
    text: "#include <linux/fs.h>\nint on_read(struct pt_regs *ctx, struct file *file,\n\tchar __user *buf, size_t count)\n{\n\treturn count;\n}\n",
    has: ['SEC("kprobe") int BPF_KPROBE(on_read, struct file *file,\n\tchar __user *buf, size_t count)\n{'],
  },
  {
    name: "the first parameter on a line of its own",
    text: "int on_read(\n\tstruct pt_regs *ctx,\n\tint fd)\n{\n\treturn fd;\n}\n",
    has: ['SEC("kprobe") int BPF_KPROBE(on_read\n,\n\tint fd)\n{'],
  },
  {
    name: "a context of another name",
    text: "int on_read(struct pt_regs *regs, int fd)\n{\n\treturn fd + regs->ax;\n}\n",
    has: ["int BPF_KPROBE(on_read, int fd)\n{ struct pt_regs *regs = ctx;"],
  },
  {
    name: "arguments of a system call",
    text: "int syscall__openat(struct pt_regs *ctx, int dfd, const char __user *name)\n{\n\treturn dfd;\n}\n",
    has: ['SEC("kprobe") int BPF_KSYSCALL(syscall__openat, int dfd, const char __user *name)'],
  },
  {
    name: "kprobe__",
    text: "int kprobe__do_exit(struct pt_regs *ctx, long code)\n{\n\treturn 0;\n}\n",
    has: ['SEC("kprobe/do_exit") int BPF_KPROBE(kprobe__do_exit, long code)'],
  },
  {
    name: "a program that reads arguments of a USDT probe, through a helper",
    text: "#include <uapi/linux/ptrace.h>\nstatic int first(void *ctx) { u32 v = 0; bpf_usdt_readarg(1, ctx, &v); return v; }\nint query(struct pt_regs *ctx)\n{\n\tchar text[16];\n\tbpf_usdt_readarg_p(2, ctx, &text, sizeof(text));\n\treturn first(ctx);\n}\nint other(struct pt_regs *ctx) { return 0; }\n",
    has: [
      "static __always_inline int first(void *ctx) { u32 v = 0; bpf_usdt_readarg(1, ctx, &v);",
      'SEC("usdt") int query(struct pt_regs *ctx)',
      'SEC("kprobe") int other(struct pt_regs *ctx)',
    ],
  },
  {
    name: "kprobe__sys_",
    text: 'int kprobe__sys_clone(void *ctx) { bpf_trace_printk("Hello, World!\\n"); return 0; }\n',
    has: [
      'SEC("kprobe/__x64_sys_clone") int kprobe__sys_clone(void *ctx) { bpf_printk("Hello, World!\\n"); return 0; }',
    ],
  },
  {
    name: "kretprobe__",
    text: "#include <uapi/linux/ptrace.h>\nint kretprobe__vfs_read(struct pt_regs *ctx)\n{\n\treturn PT_REGS_RC(ctx);\n}\n",
    has: ['SEC("kretprobe/vfs_read") int kretprobe__vfs_read(struct pt_regs *ctx)'],
  },
  {
    name: "TRACEPOINT_PROBE",
    text: "TRACEPOINT_PROBE(sched, sched_process_exit)\n{\n\treturn args->prio + args->comm[0];\n}\n",
    has: [
      'SEC("tracepoint/sched/sched_process_exit") int tracepoint__sched__sched_process_exit(struct tracepoint__sched__sched_process_exit *args)\n{\n\treturn args->prio + args->comm[0];',
    ],
  },
  {
    name: "a tracepoint's dynamic array",
    text: "TRACEPOINT_PROBE(sched, sched_process_exec)\n{\n\tchar f[32];\n\tTP_DATA_LOC_READ_STR(f, filename, sizeof(f));\n\treturn f[0];\n}\n",
    has: ["TP_DATA_LOC_READ_STR(f, filename, sizeof(f));"],
  },
  {
    name: "a tracepoint's context through its structure's name",
    text: "int tracepoint__syscalls__sys_enter_openat(struct tracepoint__syscalls__sys_enter_openat *args)\n{\n\tchar c = *args->filename;\n\treturn c + args->dfd;\n}\n",
    has: [
      'SEC("tracepoint/syscalls/sys_enter_openat") int tracepoint__',
      "char c = BPF_READ_USER(*args->filename);",
      "args->dfd",
    ],
  },
  {
    name: "a tracepoint context of a program without such a name",
    text: "int opened(struct tracepoint__syscalls__sys_enter_openat *args)\n{\n\treturn args->dfd;\n}\n",
    has: ['SEC("tracepoint") int opened('],
  },
  {
    name: "RAW_TRACEPOINT_PROBE",
    text: "#include <linux/sched.h>\nRAW_TRACEPOINT_PROBE(sched_wakeup)\n{\n\tstruct task_struct *p = (struct task_struct *)ctx->args[0];\n\treturn p->pid;\n}\n",
    has: [
      'SEC("raw_tp/sched_wakeup") int raw_tracepoint__sched_wakeup(struct bpf_raw_tracepoint_args *ctx)\n',
      "return BPF_CORE_READ(p, pid);",
    ],
  },
  {
    name: "KRETFUNC_PROBE and LSM_PROBE",
    text: "#include <linux/fs.h>\nKRETFUNC_PROBE(vfs_open, const struct path *path, struct file *file, int ret)\n{\n\treturn ret;\n}\nLSM_PROBE(file_open, struct file *file)\n{\n\treturn 0;\n}\nKRETFUNC_PROBE(do_exit)\n{\n\treturn 0;\n}\n",
    has: [
      'SEC("fexit/vfs_open") int BPF_PROG(kretfunc__vmlinux__vfs_open, const struct path *path, struct file *file, int ret)',
      'SEC("lsm/file_open") int BPF_PROG(lsm__file_open, struct file *file)',
      'SEC("fexit/do_exit") int BPF_PROG(kretfunc__vmlinux__do_exit)',
    ],
  },
  {
    name: "a perf event program",
    text: "#include <uapi/linux/bpf_perf_event.h>\nint sampled(struct bpf_perf_event_data *ctx)\n{\n\treturn ctx->regs.ip;\n}\n",
    has: ['SEC("perf_event") int sampled('],
  },
  {
    name: "helpers become part of their callers",
    text: "static int one(void) { return 1; }\nstatic inline int two(void) { return 2; }\nstatic __always_inline int three(void) { return 3; }\nint f(void *ctx) { return one() + two() + three(); }\n",
    has: [
      "static __always_inline int one(void)",
      "static __always_inline int two(void)",
      "static __always_inline int three(void)",
    ],
  },
  {
    name: "bpf_trace_printk with values",
    text: inProgram('\tbpf_trace_printk("%d %s\\n", 1, "x");'),
    has: ['\tbpf_printk("%d %s\\n", 1, "x");'],
  },
  {
    name: "bpf_trace_printk in the program's own macro",
    text: inProgram('\tLOG("%d\\n", 1);', "#define LOG(format, ...) bpf_trace_printk(format, ##__VA_ARGS__)"),
    has: ["#define LOG(format, ...) bpf_printk(format, ##__VA_ARGS__)"],
  },
  {
    name: "the helper's own bpf_trace_printk stays",
    text: inProgram('\tchar msg[] = "hi\\n";\n\tbpf_trace_printk(msg, sizeof(msg));'),
    has: ["bpf_trace_printk(msg, sizeof(msg));"],
  },
  { name: "the license is GPL", text: inProgram(""), has: ['char _license[] SEC("license") = "GPL";\n'] },
  {
    name: "the license is what BPF_LICENSE says, without quotes",
    text: `#define BPF_LICENSE Dual BSD/GPL\n${inProgram("")}`,
    has: ['char _license[] SEC("license") = "Dual BSD/GPL";\n'],
  },
  {
    name: "text that is not ASCII",
    text: `/* größer als 5 µs */\n${inProgram("\tm.increment(1); // ≥ 1", "BPF_HISTOGRAM(m);")}`,
    has: ["/* größer als 5 µs */", "\tbpf_map_increment(&m, 1, 1); // ≥ 1"],
  },
  {
    name: "kernel constants and functions that BTF lacks",
    text: inProgram(
      "\treturn AF_INET6 + NAME_MAX + TASK_COMM_LEN + MAJOR(ctx->di) + min_t(u32, 1, 2) + NSEC_PER_MSEC + -ENOMEM + S_ISREG(1);",
    ),
    has: ["AF_INET6 + NAME_MAX + TASK_COMM_LEN + MAJOR(ctx->di)"],
  },
  {
    name: "what the program defines itself is left to it",
    text: inProgram(
      "\tstruct mnt_namespace n = {}; return n.mine + AF_INET;",
      "#define AF_INET 77\nstruct mnt_namespace { int mine; };",
    ),
    has: ["n.mine"],
  },
];

for (const { name, text, has, lacks = [] } of cases) {
  test(name, async () => {
    const result = await bench.rewrite(text);
    for (const piece of has) assert.ok(result.text.includes(piece), `no ${piece} in:\n${result.text}`);
    for (const piece of lacks) assert.not.ok(result.text.includes(piece), `${piece} in:\n${result.text}`);
    assert.is(result.text.split("\n").length, text.split("\n").length + 1, "one line more: the license");
    if (clang === undefined) return;
    const { object, messages, cleanUp } = compileNative(clang, result);
    cleanUp();
    assert.is.not(object, "", `${messages}\n${result.text}`);
    assert.is(messages, "", "no warnings");
  });
}

test("a program in libbpf's dialect comes back unchanged", async () => {
  const text = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
char LICENSE[] SEC("license") = "GPL";
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, u32); __type(value, u64); __uint(max_entries, 4); } m SEC(".maps");
SEC("tracepoint/syscalls/sys_enter_execve")
int traced(void *ctx)
{
	char msg[] = "hello";
	bpf_trace_printk(msg, sizeof(msg));
	bpf_printk("%d %d %d %d", 1, 2, 3, 4);
	return 0;
}
SEC("kprobe/do_exit") int BPF_KPROBE(exiting, long code) { struct task_struct *t = (void *)bpf_get_current_task(); return BPF_CORE_READ(t, real_parent, tgid) + bpf_htons(code); }
SEC("ksyscall/kill") int BPF_KSYSCALL(killing, int pid, int sig) { return pid + sig; }
SEC("fexit/vfs_read") int BPF_PROG(reading, struct file *file, char *buf, size_t count, loff_t *pos, long ret) { return ret; }
`;
  const result = await bench.rewrite(text);
  assert.is(result.text, text);
  if (clang === undefined) return;
  const { object, messages, cleanUp } = compileNative(clang, result);
  cleanUp();
  assert.is.not(object, "", messages);
  assert.is(messages, "");
});

test("a header of the user's is rewritten too", async () => {
  const header = "static int pid_of(struct task_struct *t)\n{\n\treturn t->pid;\n}\n";
  const text =
    '#include <linux/sched.h>\n#include "tasks.h"\nint f(struct pt_regs *ctx, struct task_struct *p) { return pid_of(p); }\n';
  const { headers } = await bench.rewrite(text, new Map([["tasks.h", header]]));
  assert.is(
    headers.get("tasks.h"),
    "static __always_inline int pid_of(struct task_struct *t)\n{\n\treturn BPF_CORE_READ(t, pid);\n}\n",
  );
});

test.after(() => bench.close());
test.run();
