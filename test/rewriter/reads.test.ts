/** Loads through kernel pointers become reads; everything else stays as it was written. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { requireTool } from "../support/native-tools.ts";
import { compileNative, Workbench } from "./workbench.ts";

const bench = new Workbench();
const clang = requireTool("clang-19");

/** Puts statements into a kprobe; `extra` stands before it. */
function probe(statements: string, parameters = ", struct task_struct *p", extra = ""): string {
  return `#include <uapi/linux/ptrace.h>
#include <linux/sched.h>
#include <net/sock.h>
#include <linux/fs.h>
${extra}
int traced(struct pt_regs *ctx${parameters})
{
${statements}
	return 0;
}
`;
}

interface Case {
  readonly name: string;
  readonly text: string;
  /** Pieces that the rewritten text has. */
  readonly has: readonly string[];
  /** Pieces that it has not. */
  readonly lacks?: readonly string[];
}

const cases: readonly Case[] = [
  { name: "a member", text: probe("int x = p->pid;"), has: ["int x = BPF_CORE_READ(p, pid);"] },
  {
    name: "a path through an embedded structure",
    text: probe("u16 x = sk->__sk_common.skc_family;", ", struct sock *sk"),
    has: ["u16 x = BPF_CORE_READ(sk, __sk_common.skc_family);"],
  },
  {
    name: "a chain of pointers",
    text: probe("int x = p->real_parent->group_leader->pid;"),
    has: ["int x = BPF_CORE_READ(p, real_parent, group_leader, pid);"],
  },
  {
    name: "a chain with an embedded structure on the way",
    text: probe("u64 x = f->f_path.dentry->d_inode->i_ino;", ", struct file *f"),
    has: ["u64 x = BPF_CORE_READ(f, f_path.dentry, d_inode, i_ino);"],
  },
  {
    name: "a chain of odd layout keeps its lines and comments",
    text: probe("int x = p -> /* who */ real_parent\n\t\t->tgid;"),
    has: ["int x = BPF_CORE_READ(p , /* who */ real_parent\n\t\t, tgid);"],
  },
  {
    name: "the registers behind a system call",
    text: "#include <uapi/linux/ptrace.h>\nint syscall__openat(struct pt_regs *ctx, int dfd)\n{\n\tu64 a = __ctx->si;\n\tu64 b = PT_REGS_PARM3(__ctx);\n\treturn a + b;\n}\n",
    has: [
      "{ struct pt_regs *__ctx = PT_REGS_SYSCALL_REGS(ctx);",
      "u64 a = BPF_CORE_READ(__ctx, si);",
      "u64 b = BPF_READ_KERNEL(PT_REGS_PARM3(__ctx));",
    ],
  },
  {
    name: "a member by its old name",
    text: probe("if (p->state == 0)\n\t\treturn 1;"),
    has: ["if (task_struct_state(p) == 0)"],
  },
  {
    name: "the same by its new name",
    text: probe("u32 x = p->__state;"),
    has: ["u32 x = task_struct_state(p);"],
  },
  {
    name: "a path through a member by its old name",
    text: probe("int x = rq->bio->bi_disk->major + rq->rq_disk->major;", ", struct request *rq"),
    has: [
      "BPF_CORE_READ(bio_bi_disk(BPF_CORE_READ(rq, bio)), major)",
      "BPF_CORE_READ(request_rq_disk(rq), major)",
    ],
  },
  {
    name: "an embedded structure's member with two names",
    text: probe(
      "u64 x = msg->msg_iter.iov->iov_len + (*p).state;",
      ", struct msghdr *msg, struct task_struct *p",
    ),
    has: ["BPF_CORE_READ(iov_iter_iov(&msg->msg_iter), iov_len) + task_struct_state(&(*p));"],
  },
  {
    name: "the address of a member by its old name",
    text: probe("long x;\n\tbpf_probe_read_kernel(&x, sizeof(long), (const void *)&p->real_parent->state);"),
    has: ["(const void *)&(long){task_struct_state(BPF_CORE_READ(p, real_parent))});"],
  },
  {
    name: "the address of a member by its new name, read as if it had the old size",
    text: probe("long x;\n\tbpf_probe_read_kernel(&x, sizeof(long), &p->__state);"),
    has: ["&(unsigned long){task_struct_state(p)});"],
  },
  {
    name: "a member of the same name in a structure of the program's",
    text: probe(
      "struct mine m = { .state = 1 }, *q = &m; int x = q->state;",
      "",
      "struct mine { int state; };",
    ),
    has: ["int x = q->state;"],
  },
  { name: "a dereference", text: probe("int x = *n;", ", int *n"), has: ["int x = BPF_READ_KERNEL(*n);"] },
  { name: "a subscript", text: probe("int x = n[3];", ", int *n"), has: ["int x = BPF_READ_KERNEL(n[3]);"] },
  {
    name: "a subscript of a member array",
    text: probe("char x = p->comm[2];"),
    has: ["char x = BPF_CORE_READ(p, comm[2]);"],
  },
  {
    name: "a subscript of a member pointer reads the pointer, then the element",
    text: probe("struct file *x = t->fd[3];", ", struct fdtable *t"),
    has: ["struct file *x = BPF_READ_KERNEL(BPF_CORE_READ(t, fd)[3]);"],
  },
  {
    name: "the result of a function that returns a kernel pointer",
    text: probe(
      "int x = parent(p)->pid;",
      ", struct task_struct *p",
      "static struct task_struct *parent(struct task_struct *t) { return t->real_parent; }",
    ),
    has: [
      "static __always_inline struct task_struct *parent(struct task_struct *t) { return BPF_CORE_READ(t, real_parent); }",
      "int x = BPF_CORE_READ(parent(p), pid);",
    ],
  },
  {
    name: "the current task, cast at once",
    text: probe("int x = ((struct task_struct *)bpf_get_current_task())->pid;", ""),
    has: ["int x = BPF_CORE_READ(((struct task_struct *)bpf_get_current_task()), pid);"],
  },
  {
    name: "the current task through an integer",
    text: probe("u64 t = bpf_get_current_task(); struct task_struct *c = (void *)t; int x = c->pid;", ""),
    has: ["int x = BPF_CORE_READ(c, pid);"],
  },
  {
    name: "the address of a member is arithmetic",
    text: probe("bpf_probe_read_kernel(&x, sizeof(x), &p->pid);", ", struct task_struct *p, int x"),
    has: ["bpf_probe_read_kernel(&x, sizeof(x), &p->pid);"],
  },
  {
    name: "the address of a member behind a chain reads the chain",
    text: probe("int x; bpf_probe_read_kernel(&x, sizeof(x), &p->real_parent->pid);"),
    has: ["&BPF_CORE_READ(p, real_parent)->pid"],
  },
  {
    name: "a member array stays an address",
    text: probe("char c[16]; bpf_probe_read_kernel_str(c, sizeof(c), p->comm);"),
    has: ["bpf_probe_read_kernel_str(c, sizeof(c), p->comm);"],
  },
  {
    name: "a pointer given to an explicit read is read first",
    text: probe("char c[16]; bpf_probe_read_kernel_str(c, sizeof(c), d->d_name.name);", ", struct dentry *d"),
    has: ["bpf_probe_read_kernel_str(c, sizeof(c), BPF_CORE_READ(d, d_name.name));"],
  },
  {
    name: "sizeof and typeof load nothing",
    text: probe("int s = sizeof(p->pid); typeof(p->tgid) t = 0; s += t;"),
    has: ["sizeof(p->pid)", "typeof(p->tgid) t"],
    lacks: ["READ"],
  },
  {
    name: "an index computed from kernel data reads only the index",
    text: probe("int tab[4] = {}; int x = tab[p->pid & 3];"),
    has: ["int x = tab[BPF_CORE_READ(p, pid) & 3];"],
  },
  {
    name: "a structure copied by value holds kernel pointers",
    text: probe("struct path path = f->f_path; u64 x = path.dentry->d_flags;", ", struct file *f"),
    has: ["struct path path = BPF_CORE_READ(f, f_path);", "u64 x = BPF_CORE_READ(path.dentry, d_flags);"],
  },
  {
    name: "a bit-field keeps its type",
    text: probe("int x = p->sched_reset_on_fork;"),
    has: ["int x = ((unsigned int)BPF_CORE_READ_BITFIELD_PROBED(p, sched_reset_on_fork));"],
  },
  {
    name: "a macro's argument",
    text: probe("u16 x = ntohs(sk->__sk_common.skc_dport);", ", struct sock *sk"),
    has: ["u16 x = ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));"],
  },
  {
    name: "a macro that stands for several members",
    text: probe("u16 x = ntohs(sk->sk_dport); u32 y = sk->sk_daddr;", ", struct sock *sk"),
    has: ["ntohs(BPF_CORE_READ(sk, sk_dport))", "u32 y = BPF_CORE_READ(sk, sk_daddr);"],
  },
  {
    name: "several such macros in one expression",
    text: probe("u64 x = inet->inet_daddr + inet->sk.sk_num;", ", struct inet_sock *inet"),
    has: ["BPF_CORE_READ(inet, inet_daddr) + BPF_CORE_READ(inet, sk.sk_num)"],
  },
  {
    name: "members behind a macro's member",
    text: probe("u32 x = sk->sk_v6_daddr.in6_u.u6_addr32[1];", ", struct sock *sk"),
    has: ["u32 x = BPF_CORE_READ(sk, sk_v6_daddr.in6_u.u6_addr32[1]);"],
  },
  {
    name: "an argument used twice is edited once",
    text: probe("int x = min(p->pid, 3);"),
    has: ["int x = min(BPF_CORE_READ(p, pid), 3);"],
  },
  {
    name: "the body of the program's own macro",
    text: probe("int x = PID(p);", ", struct task_struct *p", "#define PID(t) ((t)->pid + 0)"),
    has: ["#define PID(t) (BPF_CORE_READ((t), pid) + 0)", "int x = PID(p);"],
  },
  {
    name: "a macro parameter as the member",
    text: probe("int x = GET(p, pid) + GET(p, tgid);", ", struct task_struct *p", "#define GET(t, f) (t)->f"),
    has: ["#define GET(t, f) BPF_CORE_READ((t), f)"],
  },
  {
    name: "a macro as the pointer",
    text: probe("int x = TASK->pid;", ", struct task_struct *p", "#define TASK p"),
    has: ["int x = BPF_CORE_READ(TASK, pid);", "#define TASK p\n"],
  },
  {
    name: "READ_ONCE",
    text: probe("int x = READ_ONCE(p->pid);"),
    has: ["int x = READ_ONCE(BPF_CORE_READ(p, pid));"],
  },
  {
    name: "a register of saved user registers",
    text: probe("u64 x = PT_REGS_PARM2(regs);", ", struct pt_regs *regs"),
    has: ["u64 x = BPF_READ_KERNEL(PT_REGS_PARM2(regs));"],
  },
  {
    name: "container_of and a read through it",
    text: probe("int x = container_of(w, struct task_struct, rcu_users)->pid;", ", refcount_t *w"),
    has: ["int x = BPF_CORE_READ(container_of(w, struct task_struct, rcu_users), pid);"],
  },
  {
    name: "a pointer that becomes a kernel pointer later in a loop",
    text: probe(
      "struct task_struct *c = 0; int x = 0;\n#pragma unroll\n\tfor (int i = 0; i < 2; i++) { if (c) x += c->pid; c = p->real_parent; }",
    ),
    has: ["x += BPF_CORE_READ(c, pid);", "c = BPF_CORE_READ(p, real_parent);"],
  },
  {
    name: "pointers through pointers",
    text: probe("struct task_struct **pp = &p; int x = (*pp)->pid;"),
    has: ["int x = BPF_CORE_READ((*pp), pid);"],
  },
  {
    name: "pointers through a helper's parameter, at its second call too",
    text: probe(
      "int x = pid(0) + pid(p);",
      ", struct task_struct *p",
      "static int pid(struct task_struct *t) { return t ? t->pid : 0; }",
    ),
    has: ["return t ? BPF_CORE_READ(t, pid) : 0;"],
  },
  {
    name: "pointers through a member of the program's own structure",
    text: probe(
      "struct mine m = {}; m.t = p; int x = m.t->pid;",
      ", struct task_struct *p",
      "struct mine { struct task_struct *t; };",
    ),
    has: ["m.t = p;", "int x = BPF_PROBE_READ(m.t, pid);"],
  },
  {
    name: "pointers through a map",
    text: probe(
      "u32 k = 0; tasks.update(&k, &p); struct task_struct **pp = tasks.lookup(&k); if (!pp) return 0; struct task_struct *t = *pp; int x = t->pid + (*pp)->tgid;",
      ", struct task_struct *p",
      "BPF_HASH(tasks, u32, struct task_struct *);",
    ),
    has: ["struct task_struct *t = *pp;", "int x = BPF_CORE_READ(t, pid) + BPF_CORE_READ((*pp), tgid);"],
  },
  {
    name: "pointers in a map's values; stores into values stay",
    text: probe(
      "u32 k = 0; struct mine *m = vals.lookup(&k); if (!m) return 0; m->n += m->t->pid; m->t = p;",
      ", struct task_struct *p",
      "struct mine { struct task_struct *t; u64 n; };\nBPF_HASH(vals, u32, struct mine);",
    ),
    has: ["m->n += BPF_PROBE_READ(m->t, pid); m->t = p;"],
  },
  {
    name: "a pointer from a register of the context",
    text: probe("struct sock *sk = (struct sock *)PT_REGS_RC(ctx); u16 x = sk->sk_num;", ""),
    has: ["struct sock *sk = (struct sock *)PT_REGS_RC(ctx);", "u16 x = BPF_CORE_READ(sk, sk_num);"],
  },
  {
    name: "a register of the context, cast and followed at once",
    text: probe("u16 x = ((struct sock *)PT_REGS_PARM1(ctx))->sk_num;", ""),
    has: ["u16 x = BPF_CORE_READ(((struct sock *)PT_REGS_PARM1(ctx)), sk_num);"],
  },
  {
    name: "a pointer filled by an explicit read",
    text: probe(
      "struct task_struct *q; bpf_probe_read_kernel(&q, sizeof(q), &p->real_parent); int x = q->pid;",
    ),
    has: ["int x = BPF_CORE_READ(q, pid);"],
  },
  {
    name: "user memory, by the mark of the pointer",
    text: probe("char c = *name;", ", const char __user *name"),
    has: ["char c = BPF_READ_USER(*name);"],
  },
  {
    name: "the condition of ?: and both arms",
    text: probe("struct task_struct *q = p->pid ? p->real_parent : p; int x = q->tgid;"),
    has: ["BPF_CORE_READ(p, pid) ? BPF_CORE_READ(p, real_parent) : p;", "int x = BPF_CORE_READ(q, tgid);"],
  },
  {
    name: "a structure of the program's own is read without relocation",
    text: probe("int x = m->a;", ", struct mine *m", "struct mine { int a; };"),
    has: ["int x = BPF_PROBE_READ(m, a);"],
  },
  {
    name: "memcpy from kernel memory",
    text: probe("char c[16]; __builtin_memcpy(c, p->comm, sizeof(c));"),
    has: ["bpf_probe_read_kernel(c, sizeof(c), p->comm);"],
  },
  {
    name: "local variables, the context and reserved ring buffer memory are not kernel memory",
    text: probe(
      "struct mine v = { .a = 1 }; struct mine *w = &v; w->a = 2; struct mine *e = ring.ringbuf_reserve(sizeof(*e)); if (!e) return 0; e->a = w->a + v.a + ctx->ax; ring.ringbuf_submit(e, 0);",
      "",
      "struct mine { int a; };\nBPF_RINGBUF_OUTPUT(ring, 8);",
    ),
    has: ["e->a = w->a + v.a + ctx->ax;"],
    lacks: ["READ"],
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
  });
}

test("arguments of fentry programs are loaded directly", async () => {
  const text = `#include <linux/fs.h>
KFUNC_PROBE(vfs_read, struct file *file, char *buf, size_t count)
{
	u64 x = file->f_inode->i_ino + count;
	return x;
}
`;
  const { text: rewritten } = await bench.rewrite(text);
  assert.match(
    rewritten,
    'SEC("fentry/vfs_read") int BPF_PROG(kfunc__vmlinux__vfs_read, struct file *file, char *buf, size_t count)\n',
  );
  assert.match(rewritten, "u64 x = file->f_inode->i_ino + count;");
});

test("packet data is loaded directly", async () => {
  const text = `#include <uapi/linux/bpf.h>
int filter(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	if (data + sizeof(*eth) > end)
		return XDP_DROP;
	return eth->h_proto == 8 ? XDP_PASS : XDP_DROP;
}
`;
  const { text: rewritten, probes } = await bench.rewrite(text);
  assert.not.match(rewritten, "READ");
  assert.is(probes[0]?.section, "xdp");
});

test.after(() => bench.close());
test.run();
