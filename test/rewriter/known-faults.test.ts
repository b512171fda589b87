/** What BCC's rewriter got wrong, by its issue tracker (iovisor/bcc, the number of each): here it is read, and the verifier accepts it. */
import { Builder } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { refusalOf } from "../corpus/host-load.ts";
import { canLoadBpf, requireTool } from "../support/native-tools.ts";

const builder = new Builder({ cache: false });

interface Fault {
  readonly issue: string;
  readonly code: string;
  /** What the text becomes. */
  readonly has: string;
}

const faults: readonly Fault[] = [
  {
    issue: "1617: an element behind a member pointer",
    code: "int f$(struct pt_regs *ctx, const struct qstr *name) { return name->name[1] == 'x'; }",
    has: "BPF_READ_KERNEL(BPF_CORE_READ(name, name)[1]) == 'x'",
  },
  {
    issue: "1973: a member pointer as the source of an explicit read",
    code: "int f$(struct pt_regs *ctx, struct filename *name) { char b[8]; bpf_probe_read(&b, sizeof(b), (void *)name->name); return b[0]; }",
    has: "bpf_probe_read(&b, sizeof(b), (void *)BPF_CORE_READ(name, name));",
  },
  {
    issue: "1766: an address behind a pointer out of a map",
    code: "struct v$ { struct file *fp; };\nBPF_HASH(m$, u32, struct v$);\nint e$(struct pt_regs *ctx, struct file *fp) { u32 k = 1; struct v$ v = { fp }; m$.update(&k, &v); return 0; }\nint f$(struct pt_regs *ctx) { u32 k = 1; struct v$ *v = m$.lookup(&k); if (!v) return 0; struct dentry *de = NULL; bpf_probe_read(&de, sizeof(de), &v->fp->f_path.dentry); struct qstr q = de->d_name; return q.len; }",
    has: "bpf_probe_read(&de, sizeof(de), &v->fp->f_path.dentry); struct qstr q = BPF_CORE_READ(de, d_name);",
  },
  {
    issue: "1779: the address of a member as the source",
    code: "int f$(struct pt_regs *ctx, struct sock *sk) { struct tcp_sock *tp = (struct tcp_sock *)sk; u64 x = 0; bpf_probe_read(&x, sizeof(x), &tp->bytes_acked); return x + tp->bytes_received; }",
    has: "&tp->bytes_acked); return x + BPF_CORE_READ(tp, bytes_received);",
  },
  {
    issue: "1796: a macro that takes an address",
    code: "int f$(struct pt_regs *ctx, struct sk_buff *skb) { u16 x = 0; bpf_probe_read(&x, sizeof(x), &TCP_SKB_CB(skb)->tcp_gso_size); return x + TCP_SKB_CB(skb)->tcp_gso_segs; }",
    has: "&TCP_SKB_CB(skb)->tcp_gso_size); return x + BPF_CORE_READ(TCP_SKB_CB(skb), tcp_gso_segs);",
  },
  {
    issue: "1830: the address of a member of a cast, for a function that reads bytes",
    code: "static void copy$(u8 *to, u8 *from) { to[0] = from[0]; to[3] = from[3]; }\nint f$(struct pt_regs *ctx, struct sock *sk) { u8 a[4] = {}; copy$(a, (u8 *)&inet_sk(sk)->inet_saddr); return a[0] + a[3]; }",
    has: "{ to[0] = BPF_READ_KERNEL(from[0]); to[3] = BPF_READ_KERNEL(from[3]); }",
  },
  {
    issue: "1835: a star before a member",
    code: "struct p$ { int *x; };\nint f$(struct pt_regs *ctx, struct p$ *p) { return *p->x + **(&p->x); }",
    has: "BPF_READ_KERNEL(*BPF_PROBE_READ(p, x))",
  },
  {
    issue: "270, 613: bit-fields",
    code: "int f$(struct pt_regs *ctx) { struct sock *sk = (struct sock *)PT_REGS_RC(ctx); return sk->sk_protocol == 6 && sk->sk_no_check_rx; }",
    has: "BPF_CORE_READ_BITFIELD_PROBED(sk, sk_no_check_rx)",
  },
  {
    issue: "1439: members of unnamed structures",
    code: "int f$(struct pt_regs *ctx, struct sock *sk) { return sk->__sk_common.skc_daddr + sk->__sk_common.skc_num; }",
    has: "BPF_CORE_READ(sk, __sk_common.skc_daddr) + BPF_CORE_READ(sk, __sk_common.skc_num)",
  },
  {
    issue: "2893: the address of an element behind a member pointer",
    code: "struct op$ { u32 a, status; };\nstruct ops$ { struct op$ *ops; };\nint f$(struct pt_regs *ctx, struct ops$ *p) { u32 s = 0; struct op$ *op = &p->ops[1]; bpf_probe_read(&s, sizeof(s), &op->status); return s + op->a; }",
    has: "= &BPF_PROBE_READ(p, ops)[1];",
  },
  {
    issue: "2739: an element of an array behind a macro",
    code: "int f$(struct pt_regs *ctx, struct in6_addr *a) { return a->s6_addr[4] + (a->s6_addr)[5]; }",
    has: "BPF_CORE_READ(a, s6_addr[4])",
  },
  {
    issue: "2352: an array that becomes a pointer",
    code: "int f$(struct pt_regs *ctx, struct in6_addr *a) { u8 *p = a->s6_addr; return p[0] + *(p + 1); }",
    has: "u8 *p = a->s6_addr; return BPF_READ_KERNEL(p[0]) + BPF_READ_KERNEL(*(p + 1));",
  },
  {
    issue: "1982: an index that is a macro, behind a call",
    code: "int f$(struct pt_regs *ctx) { return ((struct task_struct *)bpf_get_current_task())->signal->rlim[RLIMIT_NPROC].rlim_cur; }",
    has: "BPF_CORE_READ(((struct task_struct *)bpf_get_current_task()), signal, rlim[RLIMIT_NPROC].rlim_cur)",
  },
  {
    issue: "622: volatile pointers",
    code: "int f$(struct pt_regs *ctx) { volatile struct task_struct *t = (void *)bpf_get_current_task(); u64 x = 0; bpf_probe_read(&x, sizeof(x), (void *)&t->real_parent); return t->pid + x; }",
    has: "return BPF_CORE_READ(t, pid) + x;",
  },
];

test("faults of BCC's rewriter are none here", async () => {
  const text = `#include <uapi/linux/ptrace.h>
#include <linux/sched.h>
#include <linux/fs.h>
#include <linux/dcache.h>
#include <linux/resource.h>
#include <linux/in6.h>
#include <net/sock.h>
#include <net/tcp.h>
${faults.map(({ code }, index) => code.replaceAll("$", String(index))).join("\n")}
`;
  const { object, rewritten } = await builder.compile({ file: "faults.c", text });
  const missing = faults
    .filter(({ has }) => !rewritten.includes(has))
    .map(({ issue, has }) => `${issue}: ${has}`);
  assert.equal(missing, [], rewritten);
  const bpftool = requireTool("bpftool");
  if (bpftool === undefined) return;
  if (canLoadBpf()) assert.is(refusalOf(bpftool, object), undefined, rewritten);
  else process.stderr.write("SKIPPED: this process may not load BPF programs\n");
});

test.after(() => builder.close());
test.run();
