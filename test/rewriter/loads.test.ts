/** The verifier of this machine accepts rewritten programs: no load of kernel memory was missed. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { canLoadBpf, requireTool } from "../support/native-tools.ts";
import { compileNative, loadNative, Workbench } from "./workbench.ts";

const bench = new Workbench();
const clang = requireTool("clang-19");
const bpftool = requireTool("bpftool");

const programs: Readonly<Record<string, string>> = {
  "reads of every form": `#include <uapi/linux/ptrace.h>
#include <linux/sched.h>
#include <linux/fs.h>
#include <net/sock.h>
#define PID(t) ((t)->pid)
struct event { u64 inode; u32 pid; u32 daddr; u16 port; char comm[16]; char name[32]; u32 reset; };
struct mine { struct task_struct *task; };
BPF_PERF_OUTPUT(events);
BPF_HASH(tasks, u32, struct mine);
BPF_HISTOGRAM(sizes);
static void fill(struct event *e, struct task_struct *t, struct sock *sk)
{
	e->pid = PID(t->real_parent);
	e->reset = t->sched_reset_on_fork;
	e->port = ntohs(sk->sk_dport);
	e->daddr = sk->sk_daddr;
	__builtin_memcpy(e->comm, t->comm, sizeof(e->comm));
}
int kprobe__vfs_read(struct pt_regs *ctx, struct file *file, char __user *buf, size_t count)
{
	struct event e = {};
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct path path = file->f_path;
	u32 key = task->tgid;
	struct mine m = { .task = task }, *found;
	tasks.update(&key, &m);
	found = tasks.lookup(&key);
	if (!found)
		return 0;
	fill(&e, found->task, (struct sock *)PT_REGS_PARM4(ctx));
	e.inode = path.dentry->d_inode->i_ino;
	bpf_probe_read_kernel_str(e.name, sizeof(e.name), path.dentry->d_name.name);
	sizes.increment(bpf_log2l(count));
	sizes.atomic_increment(*buf & 31);
	events.perf_submit(ctx, &e, sizeof(e));
	bpf_trace_printk("%s %d\\n", e.name, e.pid);
	return 0;
}
`,
  "tracepoints, stacks and tail calls": `#include <linux/sched.h>
BPF_STACK_TRACE(stacks, 1000);
BPF_PROG_ARRAY(next, 4);
BPF_PERCPU_ARRAY(totals, u64, 4);
BPF_RINGBUF_OUTPUT(ring, 8);
BPF_QUEUE(seen, u64, 16);
TRACEPOINT_PROBE(sched, sched_process_exec)
{
	u64 *space = ring.ringbuf_reserve(16), pid = args->pid, zero = 0;
	int key = stacks.get_stackid(args, 0);
	if (space) {
		space[0] = pid;
		TP_DATA_LOC_READ_STR(&space[1], filename, 8);
		ring.ringbuf_submit(space, 0);
	}
	u64 *total = totals.lookup_or_try_init(&key, &zero);
	if (total)
		lock_xadd(total, 1);
	seen.push(&pid, 0);
	next.call(args, 1);
	return 0;
}
RAW_TRACEPOINT_PROBE(sched_wakeup)
{
	struct task_struct *p = (struct task_struct *)ctx->args[0];
	u64 pid = p->real_parent->pid;
	seen.push(&pid, 0);
	return 0;
}
int syscall__openat(struct pt_regs *ctx, int dfd, const char __user *name, int flags)
{
	u64 value = dfd + flags + name[0];
	seen.push(&value, 0);
	return 0;
}
int sampled(struct bpf_perf_event_data *ctx)
{
	u64 ip = ctx->regs.ip;
	seen.push(&ip, 0);
	return 0;
}
`,
};

for (const [name, text] of Object.entries(programs)) {
  test(name, async () => {
    if (clang === undefined || bpftool === undefined) return;
    const rewritten = await bench.rewrite(text);
    const { object, messages, cleanUp } = compileNative(clang, rewritten);
    try {
      assert.is.not(object, "", `${messages}\n${rewritten.text}`);
      if (canLoadBpf()) assert.is(loadNative(bpftool, object), undefined, rewritten.text);
      else process.stderr.write("SKIPPED: this process may not load BPF programs\n");
    } finally {
      cleanUp();
    }
  });
}

test.after(() => bench.close());
test.run();
