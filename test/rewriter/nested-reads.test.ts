/** Reads of kernel memory inside macros, however they nest: the verifier accepts them, and they read what explicit reads do. */
import { BPF } from "bpfkit";
import { Builder, openKernel } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { refusalOf } from "../corpus/host-load.ts";
import { canLoadBpf, requireTool } from "../support/native-tools.ts";
import { Workbench } from "./workbench.ts";

const builder = new Builder({ cache: false });
const bench = new Workbench();

const macros = `#include <uapi/linux/ptrace.h>
#include <linux/sched.h>
#include <linux/fs.h>
#include <linux/skbuff.h>
#include <linux/blkdev.h>
#include <net/sock.h>
#include <linux/tcp.h>
#define PID(t) ((t)->pid)
#define PARENT(t) ((t)->real_parent)
#define PPID(t) PID(PARENT(t))
#define PPID_AT_ONCE(t) (PARENT(t)->pid)
#define GRANDPARENT(t) PARENT(PARENT(t))
#define ARROW(a, b) a->b
#define GET(t, f) (t)->f
#define FIELD pid
#define DEREF(x) (*(x))
#define ADD(a, b) ((a) + (b))
#define ID(x) x
#define APPLY(f, x) f(x)
#define TASK p
#define TWICE(x) ((x) + (x))
#define LARGER(a, b) ({ typeof(a) _a = (a); typeof(b) _b = (b); _a > _b ? _a : _b; })
#define PTR(t) (&(t)->pid)
#define LONG_ONE(t) \\
	(PID(t) + \\
	 PPID(t))
`;

/** Expressions of the current task \`p\`, with what they are in terms of values that were read explicitly. */
const values: readonly (readonly [expression: string, same: string])[] = [
  ["PID(p)", "pid"],
  ["PPID(p)", "ppid"],
  ["PPID_AT_ONCE(p)", "ppid"],
  ["GRANDPARENT(p)->pid", "gpid"],
  ["PID(GRANDPARENT(p))", "gpid"],
  ["PARENT(GRANDPARENT(p)) == 0", "0"],
  ["ARROW(p, pid)", "pid"],
  ["GET(p, pid) + GET(p, tgid)", "pid + tgid"],
  ["GET(GET(p, real_parent), tgid)", "ptgid"],
  ["p->FIELD", "pid"],
  ["ID(p)->FIELD", "pid"],
  ["p->real_parent->FIELD", "ppid"],
  ["ID(p->real_parent)->pid", "ppid"],
  ["ID(ID(p->real_parent)->pid)", "ppid"],
  ["ID(ID(p->pid))", "pid"],
  ["DEREF(&p->pid)", "pid"],
  ["*PTR(p)", "pid"],
  ["ID(*PTR(p))", "pid"],
  ["DEREF(PTR(PARENT(p)))", "ppid"],
  ["ADD(p->pid, PID(p->real_parent))", "pid + ppid"],
  ["APPLY(PID, p)", "pid"],
  ["APPLY(PPID, p)", "ppid"],
  ["TASK->real_parent->pid", "ppid"],
  ["TWICE(TWICE(PPID(p)))", "4 * ppid"],
  ["LARGER(LARGER(PID(p), p->pid), LARGER(p->tgid, 1))", "pid > tgid ? pid : tgid"],
  ["min(min(p->pid, PID(p)), max(p->tgid, 3))", "pid < tgid ? pid : tgid"],
  ["min_t(u32, PID(p), PPID(p))", "pid < ppid ? pid : ppid"],
  ["READ_ONCE(READ_ONCE(p->real_parent)->pid)", "ppid"],
  ["READ_ONCE(PARENT(p)->pid)", "ppid"],
  ["unlikely(PID(PARENT(p)) == p->pid)", "pid == ppid"],
  ["(p->pid, PID(p->real_parent))", "ppid"],
  ["({ struct task_struct *q = PARENT(p); PID(q); })", "ppid"],
  ["p->pid ? PID(p) : PPID(p)", "pid"],
  ["ID(p->comm[0])", "comm[0]"],
  ["p->comm[PID(p) * 0 + 1]", "comm[1]"],
  ["p->comm[p->pid & 0]", "comm[0]"],
  ["p->real_parent->comm[p->pid & 0]", "pcomm[0]"],
  ["container_of(PTR(p), struct task_struct, pid)->tgid", "tgid"],
  ["LONG_ONE(p)", "pid + ppid"],
  ["sizeof(PID(p))", "4"],
  ["(&p->real_parent->pid == PTR(PARENT(p)))", "1"],
];

/** What only the verifier judges: the objects are not the VM's. */
const others: readonly string[] = [
  "file_inode(f)->i_ino",
  "i_size_read(file_inode(f))",
  "d_inode(f->f_path.dentry)->i_ino",
  "file_inode(READ_ONCE(f))->i_ino",
  "i_size_read(d_inode(f->f_path.dentry))",
  "ntohs(sk->sk_dport)",
  "ntohs(inet_sk(sk)->inet_sport)",
  "ntohl(ID(sk)->sk_daddr)",
  "min(ntohs(sk->sk_dport), sk->sk_num)",
  "min(sk->sk_daddr, ID(sk)->sk_rcv_saddr)",
  "min(tcp_sk(sk)->snd_cwnd, tcp_sk(sk)->rcv_wnd)",
  "ntohs(tcp_hdr(skb)->dest)",
  "list_first_entry(&t->children, struct task_struct, sibling)->pid",
  "PID(list_first_entry(&t->children, struct task_struct, sibling))",
  "refcount_read(&sk->sk_wmem_alloc)",
  "PID((struct task_struct *)PT_REGS_PARM1(ctx))",
  "PID((struct task_struct *)bpf_get_current_task())",
  "MAJOR(rq->q->disk->major)",
  "min(blk_rq_sectors(rq), READ_ONCE(rq->__data_len))",
  "ID(rq->rq_disk)->major",
  "TWICE(t->sched_reset_on_fork)",
  "ID(t->se).vruntime",
  "IS_ERR_OR_NULL(READ_ONCE(t->real_parent)) ? 0 : PPID(t)",
];

const explicit = `	int pid = 0, tgid = 0, ppid = 0, ptgid = 0, gpid = 0;
	char comm[16] = {}, pcomm[16] = {};
	struct task_struct *parent = 0, *grandparent = 0;
	bpf_probe_read_kernel(&parent, sizeof(parent), &p->real_parent);
	bpf_probe_read_kernel(&grandparent, sizeof(grandparent), &parent->real_parent);
	bpf_probe_read_kernel(&pid, sizeof(pid), &p->pid);
	bpf_probe_read_kernel(&tgid, sizeof(tgid), &p->tgid);
	bpf_probe_read_kernel(&ppid, sizeof(ppid), &parent->pid);
	bpf_probe_read_kernel(&ptgid, sizeof(ptgid), &parent->tgid);
	bpf_probe_read_kernel(&gpid, sizeof(gpid), &grandparent->pid);
	bpf_probe_read_kernel(&comm, sizeof(comm), &p->comm);
	bpf_probe_read_kernel(&pcomm, sizeof(pcomm), &parent->comm);
`;

const programOfValues = `${macros}
BPF_HASH(wrong, int, u64, 256);
BPF_ARRAY(runs, u64, 1);
static void check(int index, u64 value, u64 same)
{
	if (value != same)
		wrong.update(&index, &value);
}
TRACEPOINT_PROBE(sched, sched_process_exec)
{
	struct task_struct *p = (struct task_struct *)bpf_get_current_task();
${explicit}	runs.increment(0);
${values.map(([expression, same], index) => `	check(${index}, (u64)(${expression}), (u64)(${same}));`).join("\n")}
	return 0;
}
`;

const programOfOthers = `${macros}
BPF_ARRAY(sum, u64, 1);
int f(struct pt_regs *ctx, struct task_struct *t, struct file *f, struct sock *sk, struct sk_buff *skb, struct request *rq)
{
	u64 v = 0;
${others.map((expression) => `	v += (u64)(${expression});`).join("\n")}
	sum.increment(0, v);
	return 0;
}
`;

function requireAccepted(object: Uint8Array, text: string): void {
  const bpftool = requireTool("bpftool");
  if (bpftool === undefined) return;
  if (canLoadBpf()) assert.is(refusalOf(bpftool, object), undefined, text);
  else process.stderr.write("SKIPPED: this process may not load BPF programs\n");
}

test("every form reads what explicit reads do", async () => {
  const { object, rewritten } = await builder.compile({ file: "values.c", text: programOfValues });
  const kernel = await openKernel({ scenario: "exec" });
  try {
    const bpf = await BPF.open({ object, name: "values.c", kernel });
    await bpf.sleep(Number.POSITIVE_INFINITY);
    assert.ok((bpf.table("runs").get(0) as bigint) > 0n);
    const wrong = [...bpf.table("wrong").items()].map(
      ([index, value]) => `${values[Number(index)]?.[0]} is ${value}, not ${values[Number(index)]?.[1]}`,
    );
    assert.equal(wrong, []);
  } finally {
    kernel.shutdown();
  }
  requireAccepted(object, rewritten);
});

test("the verifier accepts reads through macros of the kernel", async () => {
  const { object, rewritten } = await builder.compile({ file: "others.c", text: programOfOthers });
  requireAccepted(object, rewritten);
});

test("what cannot be told apart is refused with the line", async () => {
  try {
    await bench.rewrite(
      `${macros}int f(struct pt_regs *ctx, struct task_struct *p)\n{\n	return ARROW(ARROW(p, real_parent), pid);\n}\n`,
    );
    assert.unreachable("not refused");
  } catch (error) {
    const { code, diagnostics = [] } = error as { code?: string; diagnostics?: { sourceLine?: string }[] };
    assert.is(code, "RW030");
    assert.match(diagnostics[0]?.sourceLine ?? "", "ARROW(ARROW(p, real_parent), pid)");
  }
});

test.after(async () => {
  await builder.close();
  await bench.close();
});
test.run();
