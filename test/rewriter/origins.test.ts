/** Where pointers come from: every way a kernel pointer can take through a program ends in a read, and own memory is used directly. */
import { BPF } from "bpfkit";
import { Builder, openKernel } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { refusalOf } from "../corpus/host-load.ts";
import { canLoadBpf, requireTool } from "../support/native-tools.ts";

const builder = new Builder({ cache: false });

/** A way from the task `p` to a number. `$` in names is replaced, so that cases can share one text. */
interface Way {
  readonly code: string;
  /** What `v` is, in values that were read explicitly: pid, tgid, ppid, gpid, comm. */
  readonly is: string;
  readonly before?: string;
}

const holder = "struct s$ { int n; struct task_struct *t; };";

const ways: Readonly<Record<string, Way>> = {
  "a local": { code: "struct task_struct *t = p; v = t->pid;", is: "pid" },
  "an assignment": { code: "struct task_struct *t; t = p; v = t->pid;", is: "pid" },
  "a const local": { code: "const struct task_struct *const t = p; v = t->pid;", is: "pid" },
  typeof: { code: "typeof(p) t = p; typeof(p->pid) x = t->pid; v = x;", is: "pid" },
  "set at the end of a loop": {
    code: "struct task_struct *t = 0; for (int i = 0; i < 3; i++) { if (t) v += t->pid; t = p; }",
    is: "2 * pid",
  },
  "a walk": {
    code: "struct task_struct *t = p; for (int i = 0; i < 2; i++) { t = t->real_parent; v += t->pid; }",
    is: "ppid + gpid",
  },
  "a while condition": {
    code: "struct task_struct *t = p; int i = 0; while (t->pid != 0 && i++ < 1) t = t->real_parent; v = t->pid;",
    is: "ppid",
  },
  "a field": { before: holder, code: "struct s$ s; s.t = p; v = s.t->pid;", is: "pid" },
  "an initialised field": { before: holder, code: "struct s$ s = { .t = p }; v = s.t->pid;", is: "pid" },
  "a field through a pointer": {
    before: holder,
    code: "struct s$ s = { 0, p }, *q = &s; v = q->t->pid;",
    is: "pid",
  },
  "a nested field": {
    before: `${holder} struct o$ { int a; struct s$ in; };`,
    code: "struct o$ s = { 1, { 2, p } }; v = s.in.t->pid + s.in.n;",
    is: "pid + 2",
  },
  "an anonymous member": {
    before: "struct a$ { struct { struct task_struct *t; }; };",
    code: "struct a$ s = {}; s.t = p; v = s.t->pid;",
    is: "pid",
  },
  "a structure declared inside": {
    code: "struct { struct task_struct *t; } s = {}; s.t = p; v = s.t->pid;",
    is: "pid",
  },
  "a union": {
    code: "union { struct task_struct *t; u64 x; } u; u.t = p; v = ((struct task_struct *)u.x)->pid;",
    is: "pid",
  },
  "a pointer to a pointer": { code: "struct task_struct **pp = &p; v = (*pp)->pid;", is: "pid" },
  "a pointer to that": {
    code: "struct task_struct **pp = &p, ***ppp = &pp; v = (**ppp)->pid;",
    is: "pid",
  },
  "a store through a pointer": {
    code: "struct task_struct *t = 0, **pp = &t; *pp = p; v = t->pid + (*pp)->tgid;",
    is: "pid + tgid",
  },
  "an array": { code: "struct task_struct *a[2] = { p, 0 }; v = a[0]->pid;", is: "pid" },
  "an element": { code: "struct task_struct *a[2] = {}; a[1] = p; v = a[1]->pid;", is: "pid" },
  "an array of structures": {
    before: holder,
    code: "struct s$ s[2] = { { 0, p } }; v = s[0].t->pid + (s + 0)->t->tgid;",
    is: "pid + tgid",
  },
  "a ternary": { code: "struct task_struct *t = v ? 0 : p; v = t->pid;", is: "pid" },
  "a ternary that is dereferenced": { code: "v = (v ? p : p->real_parent)->pid;", is: "ppid" },
  "the short ternary": { code: "struct task_struct *t = p->real_parent ?: p; v = t->pid;", is: "ppid" },
  "a comma": { code: "struct task_struct *t = (v++, p); v = t->pid;", is: "pid" },
  "a statement expression": { code: "struct task_struct *t = ({ v++; p; }); v = t->pid;", is: "pid" },
  "an assignment as a value": {
    code: "struct task_struct *t; if ((t = p->real_parent) != 0) v = t->pid;",
    is: "ppid",
  },
  "a number": {
    code: "u64 x = (u64)p; struct task_struct *t = (struct task_struct *)x; v = t->pid;",
    is: "pid",
  },
  "the task as a number": {
    code: "u64 x = bpf_get_current_task(); struct task_struct *t = (void *)x; v = t->pid;",
    is: "pid",
  },
  "arithmetic on a number": { code: "v = ((struct task_struct *)((u64)p + 8 - 8))->pid;", is: "pid" },
  "a mask": { code: "u64 x = (u64)p & ~1ULL; struct task_struct *t = (void *)x; v = t->pid;", is: "pid" },
  "a void pointer": { code: "void *x = p; struct task_struct *t = x; v = t->pid;", is: "pid" },
  "a byte pointer": { code: "char *x = (char *)&p->comm; x += 1; v = *x + x[0];", is: "2 * comm[1]" },
  "an offset": {
    code: "v = *(int *)((char *)p + offsetof(struct task_struct, pid));",
    is: "pid",
  },
  container_of: {
    code: "int *x = &p->tgid; struct task_struct *t = container_of(x, struct task_struct, tgid); v = t->pid;",
    is: "pid",
  },
  "a copy of a structure": { code: "struct thread_info i = p->thread_info; v = i.flags * 0 + 1;", is: "1" },
  "a pointer that was read": {
    code: "struct task_struct *t = 0; bpf_probe_read_kernel(&t, sizeof(t), &p->real_parent); v = t->pid;",
    is: "ppid",
  },
  "a pointer that was read the old way": {
    code: "struct task_struct *t = 0; bpf_probe_read(&t, sizeof(t), &p->real_parent); v = t->pid;",
    is: "ppid",
  },
  "the source of a read": {
    code: "u32 x = 0; bpf_probe_read_kernel(&x, sizeof(x), &p->real_parent->pid); v = x;",
    is: "ppid",
  },
  "the source of an old read": {
    code: "u32 x = 0; bpf_probe_read(&x, sizeof(x), (void *)&p->real_parent->pid); v = x;",
    is: "ppid",
  },
  "a member array as a source": {
    code: "char b[16] = {}; bpf_probe_read_kernel(b, sizeof(b), p->real_parent->comm); v = b[0];",
    is: "pcomm[0]",
  },
  "a member array": { code: "v = p->comm[0] + p->comm[2];", is: "comm[0] + comm[2]" },
  "a pointer to a member": { code: "int *x = &p->pid; v = *x;", is: "pid" },
  "an address at once": { code: "v = *&p->pid;", is: "pid" },
  "the address at the end of a chain": { code: "int *x = &p->real_parent->pid; v = *x;", is: "ppid" },
  "the address of an element": { code: "char *x = &p->comm[2]; v = *x;", is: "comm[2]" },
  stars: { code: "v = (*p).pid + (*(*p).real_parent).pid;", is: "pid + ppid" },
  "a subscript of the pointer": { code: "v = p[0].pid + 0[p].tgid;", is: "pid + tgid" },
  increments: { code: "char *m = p->comm; v = *m++; v += *++m; v += *m--;", is: "comm[0] + 2 * comm[2]" },
  not: { code: "if (!p->pid) v = 7; if (!!p->real_parent) v += 2;", is: "2" },
  signs: { code: "v = -p->pid + ~p->tgid;", is: "-pid + ~tgid" },
  "compound assignments": {
    code: "v = 3; v += p->pid; v <<= p->tgid & 1;",
    is: "(u64)(3 + pid) << (tgid & 1)",
  },
  "a switch": {
    code: "switch (p->pid) { case 0: v = 1; break; default: v = p->tgid; }",
    is: "pid ? tgid : 1",
  },
  logic: { code: "v = p && p->pid && p->real_parent && p->real_parent->pid;", is: "pid && ppid" },
  "a comparison": { code: "v = p->real_parent == p; v += p->comm == 0;", is: "0" },
  "the index of an own array": { code: "int tab[2] = { 5, 9 }; v = tab[p->pid & 1];", is: "pid & 1 ? 9 : 5" },
  sizes: { code: "v = sizeof(p->comm) + sizeof(p->pid);", is: "20" },
  "a function": {
    before: "static int f$(struct task_struct *t) { return t->pid; }",
    code: "v = f$(p);",
    is: "pid",
  },
  "a function behind a function": {
    before:
      "static int g$(struct task_struct *t) { return t->pid; }\nstatic int f$(struct task_struct *t) { return g$(t->real_parent); }",
    code: "v = f$(p);",
    is: "ppid",
  },
  "a returned pointer": {
    before: "static struct task_struct *f$(struct task_struct *t) { return t->real_parent; }",
    code: "v = f$(p)->pid + f$(f$(p))->pid;",
    is: "ppid + gpid",
  },
  "one of two returns": {
    before: "static struct task_struct *f$(struct task_struct *t, int x) { if (x) return 0; return t; }",
    code: "struct task_struct *t = f$(p, 0); v = t->pid;",
    is: "pid",
  },
  "a returned structure": {
    before:
      "struct r$ { int a, b; };\nstatic struct r$ f$(struct task_struct *t) { struct r$ r = { t->pid, 1 }; return r; }",
    code: "v = f$(p).a;",
    is: "pid",
  },
  "an output parameter": {
    before: "static void f$(struct task_struct *t, struct task_struct **o) { *o = t->real_parent; }",
    code: "struct task_struct *t = 0; f$(p, &t); v = t->pid;",
    is: "ppid",
  },
  "a void parameter": {
    before: "static int f$(void *x) { struct task_struct *t = x; return t->pid; }",
    code: "v = f$(p);",
    is: "pid",
  },
  "a structure as an argument": {
    before: `${holder}\nstatic int f$(struct s$ s) { return s.t->pid + s.n; }`,
    code: "struct s$ s = { 4, p }; v = f$(s);",
    is: "pid + 4",
  },
  "a pointer to one": {
    before: `${holder}\nstatic int f$(struct s$ *s) { return s->t->pid + s->n; }`,
    code: "struct s$ s = { 4, p }; v = f$(&s);",
    is: "pid + 4",
  },
  "own and kernel memory for one function": {
    before: "static int f$(int *x) { return *x; }",
    code: "int own = 5; v = f$(&own) + f$(&p->pid);",
    is: "5 + pid",
  },
  "first own, then kernel memory": {
    before: "static int f$(int *own, int *x) { *own += 1; return *own + *x; }",
    code: "int own = 5; v = f$(&own, &p->pid);",
    is: "6 + pid",
  },
  "a function pointer": {
    before: "static int f$(struct task_struct *t) { return t->pid; }",
    code: "int (*g)(struct task_struct *) = f$; v = g(p);",
    is: "pid",
  },
  "a map of pointers": {
    before: "BPF_HASH(m$, u32, struct task_struct *);",
    code: "u32 k = 1; m$.update(&k, &p); struct task_struct **q = m$.lookup(&k); if (q) v = (*q)->pid;",
    is: "pid",
  },
  "a map that a function fills": {
    before:
      "BPF_HASH(m$, u32, struct task_struct *);\nstatic void f$(struct task_struct *t) { u32 k = 1; m$.update(&k, &t); }",
    code: "f$(p); u32 k = 1; struct task_struct **q = m$.lookup(&k); if (q) { struct task_struct *t = *q; v = t->pid; }",
    is: "pid",
  },
  "a map of structures": {
    before: `${holder}\nBPF_HASH(m$, u32, struct s$);`,
    code: "u32 k = 1; struct s$ x = { 3, p }; m$.update(&k, &x); struct s$ *y = m$.lookup(&k); if (y) v = y->t->pid + y->n;",
    is: "pid + 3",
  },
  "a store into a map's value": {
    before: `${holder}\nBPF_HASH(m$, u32, struct s$);`,
    code: "u32 k = 1; struct s$ z = {}; struct s$ *y = m$.lookup_or_try_init(&k, &z); if (y) { y->t = p; y->n = 2; v = y->t->pid + y->n; }",
    is: "pid + 2",
  },
  "a copy of a map's value": {
    before: `${holder}\nBPF_ARRAY(m$, struct s$, 1);`,
    code: "u32 k = 0; struct s$ *y = m$.lookup(&k); if (!y) return 0; y->t = p; struct s$ x = *y; v = x.t->pid;",
    is: "pid",
  },
  "a map of numbers": {
    before: "BPF_HASH(m$, u32, u64);",
    code: "u32 k = 1; u64 x = (u64)p; m$.update(&k, &x); u64 *y = m$.lookup(&k); if (y) { struct task_struct *t = (void *)*y; v = t->pid; }",
    is: "pid",
  },
  "a queue": {
    before: "BPF_QUEUE(m$, struct task_struct *, 4);",
    code: "m$.push(&p, 0); struct task_struct *t = 0; if (!m$.pop(&t)) v = t->pid;",
    is: "pid",
  },
  "a pointer as a key": {
    before: "BPF_HASH(m$, struct task_struct *, u64);",
    code: "u64 z = 2; u64 *y = m$.lookup_or_try_init(&p, &z); if (y) v = *y;",
    is: "2",
  },
  "a global variable": {
    before: "static struct task_struct *g$;",
    code: "g$ = p; v = g$->pid;",
    is: "pid",
  },
  memcpy: {
    code: "char b[16]; __builtin_memcpy(b, p->comm, sizeof(b)); char c; memcpy(&c, &p->comm[1], 1); v = b[0] + c;",
    is: "comm[0] + comm[1]",
  },
  "memcpy between own variables": {
    code: "struct task_struct *t; memcpy(&t, &p, sizeof(t)); v = t->pid;",
    is: "pid",
  },
  "designated keys": {
    before: "struct k$ { u32 a, b; };\nBPF_HASH(m$, struct k$, u64);",
    code: "struct k$ k = { .a = p->pid, .b = p->real_parent->pid }; u64 *y = m$.lookup(&k); v = (y == 0) + k.b;",
    is: "1 + ppid",
  },
};

const explicit = `	int pid = 0, tgid = 0, ppid = 0, gpid = 0;
	char comm[16] = {}, pcomm[16] = {};
	struct task_struct *parent = 0, *grandparent = 0;
	bpf_probe_read_kernel(&parent, sizeof(parent), &p->real_parent);
	bpf_probe_read_kernel(&grandparent, sizeof(grandparent), &parent->real_parent);
	bpf_probe_read_kernel(&pid, sizeof(pid), &p->pid);
	bpf_probe_read_kernel(&tgid, sizeof(tgid), &p->tgid);
	bpf_probe_read_kernel(&ppid, sizeof(ppid), &parent->pid);
	bpf_probe_read_kernel(&gpid, sizeof(gpid), &grandparent->pid);
	bpf_probe_read_kernel(&comm, sizeof(comm), &p->comm);
	bpf_probe_read_kernel(&pcomm, sizeof(pcomm), &parent->comm);
`;

/** Each way is a program of its own, on the same tracepoint. */
function programOf({ code, is, before = "" }: Way, index: number): string {
  const own = (text: string): string => text.replaceAll("$", String(index));
  return `${own(before)}
static u64 way${index}(struct task_struct *p)
{
	u64 v = 0;
	${own(code)}
	return v;
}
int check${index}(struct tracepoint__sched__sched_process_exec *args)
{
	struct task_struct *p = (struct task_struct *)bpf_get_current_task();
${explicit}	int index = ${index};
	u64 value = way${index}(p), same = (u64)(${is});
	runs.increment(index);
	if (value != same)
		wrong.update(&index, &value);
	return 0;
}
`;
}

/** Programs whose contexts or pointers the VM has not: the verifier judges them. */
const others = `#include <linux/uio.h>
#include <net/sock.h>
BPF_HASH(out, u64, u64);
BPF_RINGBUF_OUTPUT(ring, 1);
BPF_HASH(socks, u32, struct sock *);
struct event { u64 a; char c[16]; };
static int family(struct sock *s) { return s->sk_family; }
static int of_context(struct pt_regs *c) { struct sock *s = (struct sock *)PT_REGS_PARM2(c); return s->sk_family; }
int context_value(struct pt_regs *ctx) { return ((struct sock *)PT_REGS_PARM1(ctx))->sk_family; }
int context_argument(struct pt_regs *ctx) { return family((struct sock *)PT_REGS_PARM1(ctx)); }
int context_passed(struct pt_regs *ctx) { return of_context(ctx); }
int context_number(struct pt_regs *ctx) { u64 x = PT_REGS_PARM1(ctx); struct sock *s = (void *)x; return s->sk_family; }
int returned(struct pt_regs *ctx) { struct sock *s = (struct sock *)PT_REGS_RC(ctx); return s ? s->sk_family : 0; }
int user_pointer(struct pt_regs *ctx, char __user *u) { return *u; }
int user_structure(struct pt_regs *ctx, struct iovec __user *u) { return u->iov_len + *(char *)u->iov_base; }
int user_array(struct pt_regs *ctx, char __user * __user *u) { return u[1] ? *u[1] : 0; }
int syscall__openat(struct pt_regs *ctx, int dfd, const char *name, struct timespec *ts) { return name[0] + ts->tv_sec; }
int syscall__execve(struct pt_regs *ctx, const char *const *argv) { const char *a = argv[0]; return a ? a[0] : 0; }
int bits(struct pt_regs *ctx, struct task_struct *p, struct sock *sk)
{
	return p->sched_reset_on_fork + (*p).sched_reset_on_fork + sk->sk_userlocks + sk->sk_protocol;
}
int copy(struct pt_regs *ctx, struct task_struct *p) { struct list_head l = p->children; return l.next->next != 0; }
void nothing(struct pt_regs *ctx) { if (PT_REGS_IP(ctx)) return; }
int without_return(struct pt_regs *ctx) { u64 k = PT_REGS_SP(ctx); out.increment(k); }
int accessors(struct pt_regs *ctx)
{
	struct pt_regs *sys = PT_REGS_SYSCALL_CTX(ctx);
	u64 first = 0;
	bpf_probe_read_kernel(&first, sizeof(first), &PT_REGS_PARM1_SYSCALL(sys));
	first += PT_REGS_PARM4_SYSCALL(sys) + PT_REGS_PARM6_SYSCALL(sys);
	return first + PT_REGS_PARM1(ctx) + PT_REGS_PARM6(ctx) + PT_REGS_RC(ctx) + PT_REGS_IP(ctx) + PT_REGS_SP(ctx) + PT_REGS_FP(ctx) + PT_REGS_RET(ctx);
}
int six(struct pt_regs *regs, int a, u8 b, bool c, enum pid_type d, struct task_struct *e, char *g)
{
	return a + b + c + d + e->pid + g[0] + regs->ip;
}
int wide(struct pt_regs *ctx, void *q) { unsigned __int128 x = *(unsigned __int128 *)q; return x; }
int address(struct pt_regs *ctx, struct sock *sk) { return sk->sk_v6_daddr.s6_addr32[1] + sk->sk_daddr; }
int entered(struct pt_regs *ctx, struct sock *sk) { u32 k = 1; socks.update(&k, &sk); return 0; }
int left(struct pt_regs *ctx) { u32 k = 1; struct sock **s = socks.lookup(&k); if (!s) return 0; struct sock *sk = *s; return sk->sk_family; }
int record(struct pt_regs *ctx, struct task_struct *p)
{
	struct event *e = ring.ringbuf_reserve(sizeof(*e));
	if (!e)
		return 0;
	e->a = p->pid;
	__builtin_memcpy(e->c, p->comm, 16);
	ring.ringbuf_submit(e, 0);
	return 0;
}
RAW_TRACEPOINT_PROBE(sched_switch) { struct task_struct *a = (struct task_struct *)ctx->args[1]; return a->pid; }
TRACEPOINT_PROBE(net, net_dev_start_xmit) { struct sk_buff *s = (struct sk_buff *)args->skbaddr; return s->len; }
int sampled(struct bpf_perf_event_data *ctx)
{
	struct task_struct *t = (struct task_struct *)bpf_get_current_task();
	return ctx->regs.ip + ctx->sample_period + t->pid;
}
int packet_tc(struct __sk_buff *skb)
{
	void *d = (void *)(long)skb->data, *e = (void *)(long)skb->data_end;
	struct ethhdr *h = d;
	return d + sizeof(*h) > e ? 0 : h->h_proto;
}
int packet_xdp(struct xdp_md *ctx)
{
	void *d = (void *)(long)ctx->data, *e = (void *)(long)ctx->data_end;
	struct ethhdr *h = d;
	if (d + sizeof(*h) > e)
		return XDP_DROP;
	h->h_dest[0] = h->h_source[0];
	return XDP_PASS;
}
`;

function requireAccepted(object: Uint8Array, text: string): void {
  const bpftool = requireTool("bpftool");
  if (bpftool === undefined) return;
  if (canLoadBpf()) assert.is(refusalOf(bpftool, object), undefined, text);
  else process.stderr.write("SKIPPED: this process may not load BPF programs\n");
}

test("every way leads to the value that explicit reads give", async () => {
  const names = Object.keys(ways);
  const text = `#include <uapi/linux/ptrace.h>
#include <linux/sched.h>
BPF_HASH(wrong, int, u64, 256);
BPF_ARRAY(runs, u64, 256);
${Object.values(ways).map(programOf).join("")}`;
  const { object, rewritten } = await builder.compile({ file: "ways.c", text });
  const kernel = await openKernel({ scenario: "exec" });
  try {
    const bpf = await BPF.open({ object, name: "ways.c", kernel });
    names.forEach((_name, index) => {
      // The kernel takes 64 programs for one tracepoint.
      const event = index < 60 ? "sched:sched_process_exec" : "sched:sched_process_exit";
      bpf.attachTracepoint({ event, program: `check${index}` });
    });
    await bpf.sleep(Number.POSITIVE_INFINITY);
    names.forEach((name, index) => {
      assert.ok((bpf.table("runs").get(index) as bigint) > 0n, `${name} did not run`);
    });
    const wrong = [...bpf.table("wrong").items()].map(
      ([index, value]) => `${names[Number(index)]}: ${value}, not ${ways[names[Number(index)] ?? ""]?.is}`,
    );
    assert.equal(wrong, []);
  } finally {
    kernel.shutdown();
  }
  requireAccepted(object, rewritten);
});

test("the verifier accepts reads from every kind of program", async () => {
  const { object, rewritten } = await builder.compile({ file: "others.c", text: others });
  requireAccepted(object, rewritten);
});

test.after(() => builder.close());
test.run();
