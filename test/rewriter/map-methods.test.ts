/** Every map method, builtin and shorthand of BCC does what BCC's does: run in the VM, or judged by the verifier where the VM lacks the map. */

import { BPF } from "bpfkit";
import { Builder, openKernel } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mapMethods } from "../../packages/rewriter/src/maps/methods.ts";
import { refusalOf } from "../corpus/host-load.ts";
import { canLoadBpf, requireTool } from "../support/native-tools.ts";

const builder = new Builder({ cache: false });

/** Statements that set `v`, and what it is then. `m` is the map that `before` declares. */
interface Case {
  readonly name: string;
  readonly before?: string;
  readonly code: string;
  readonly is: string;
}

const hash = "BPF_HASH(m, u32, u64, 64);";
const key = "u32 k = 5; u64 one = 1, *p;";

const cases: readonly Case[] = [
  { name: "lookup of nothing", before: hash, code: `${key} v = m.lookup(&k) == 0;`, is: "1" },
  {
    name: "update, lookup",
    before: hash,
    code: `${key} v = m.update(&k, &one); p = m.lookup(&k); if (p) v += *p;`,
    is: "1",
  },
  {
    name: "insert keeps what is there",
    before: hash,
    code: `${key} u64 two = 2; m.update(&k, &one); v = m.insert(&k, &two) == -17; p = m.lookup(&k); if (p) v += 10 * *p;`,
    is: "11",
  },
  {
    name: "delete",
    before: hash,
    code: `${key} m.update(&k, &one); v = m.delete(&k) == 0; v += 2 * (m.delete(&k) == -2); v += 4 * (m.lookup(&k) == 0);`,
    is: "7",
  },
  {
    name: "lookup_or_try_init makes the entry once",
    before: hash,
    code: `${key} u64 nine = 9; p = m.lookup_or_try_init(&k, &nine); if (p) *p += 1; p = m.lookup_or_try_init(&k, &one); if (p) v = *p;`,
    is: "10",
  },
  {
    name: "lookup_or_init is never null",
    before: hash,
    code: `${key} u64 nine = 9; *m.lookup_or_init(&k, &nine) += 3; v = *m.lookup_or_init(&k, &one);`,
    is: "12",
  },
  {
    name: "lookup_or_init leaves the function where the map is full",
    before:
      'BPF_TABLE("hash", u32, u64, m, 1);\nstatic int f$(u32 k) { u64 z = 0; m.lookup_or_init(&k, &z); return 3; }',
    code: "v = 10 * f$(1) + f$(2);",
    is: "30",
  },
  {
    name: "lookup_or_try_init of a variable named as BCC's own",
    before: hash,
    code: `${key} u64 leaf = 4, _key = 7; p = m.lookup_or_try_init(&k, &leaf); if (p) v = *p + _key;`,
    is: "11",
  },
  {
    name: "increment makes an entry",
    before: hash,
    code: `${key} m.increment(k); m.increment(k); m.increment(k, 5); p = m.lookup(&k); if (p) v = *p;`,
    is: "7",
  },
  {
    name: "increment by an expression",
    before: hash,
    code: `${key} int n = 3; m.increment(k + 1, n * 2); k++; p = m.lookup(&k); if (p) v = *p;`,
    is: "6",
  },
  {
    name: "atomic_increment",
    before: hash,
    code: `${key} m.atomic_increment(k); m.atomic_increment(k, 4); p = m.lookup(&k); if (p) v = *p;`,
    is: "5",
  },
  {
    name: "increment of an array",
    before: "BPF_ARRAY(m, u64, 4);",
    code: "int k = 2; m.increment(2); m.increment(k, 3); m.increment(99); u64 *p = m.lookup(&k); if (p) v = *p;",
    is: "4",
  },
  {
    name: "increment with a structure",
    before: "struct k$ { u32 a; u32 b; };\nBPF_HISTOGRAM(m, struct k$);",
    code: "struct k$ k = { 1, 2 }; m.increment(k); m.atomic_increment((struct k$){ 1, 2 }, 2); u64 *p = m.lookup(&k); if (p) v = *p;",
    is: "3",
  },
  {
    name: "increment of other maps makes no entry",
    before: 'BPF_TABLE("lru_hash", u32, u64, m, 8);',
    code: `${key} m.increment(k); v = m.lookup(&k) == 0; m.update(&k, &one); m.increment(k); p = m.lookup(&k); if (p) v += 10 * *p;`,
    is: "21",
  },
  {
    name: "increment of a per-CPU hash makes no entry",
    before: "BPF_PERCPU_HASH(m, u32, u64, 8);",
    code: `${key} m.atomic_increment(k); v = m.lookup(&k) == 0;`,
    is: "1",
  },
  {
    name: "a per-CPU array",
    before: "BPF_PERCPU_ARRAY(m, u64, 1);",
    code: "int k = 0; u64 *p = m.lookup(&k); if (!p) return 0; *p += 5; lock_xadd(p, 2); v = *p; *p = 0;",
    is: "7",
  },
  {
    name: "a histogram of logarithms",
    before: "BPF_HISTOGRAM(m);",
    code: "m.increment(bpf_log2l(9)); m.increment(bpf_log2l(15)); int k = 4; u64 *p = m.lookup(&k); if (p) v = *p;",
    is: "2",
  },
  {
    name: "the longest prefix",
    before: "struct k$ { u32 length; u8 a[4]; };\nBPF_LPM_TRIE(m, struct k$, u64, 8);",
    code: "struct k$ wide = { 8, { 10, 0, 0, 0 } }, narrow = { 16, { 10, 1, 0, 0 } }, k = { 32, { 10, 1, 2, 3 } }; u64 a = 8, b = 16, *p; m.update(&wide, &a); m.update(&narrow, &b); p = m.lookup(&k); if (p) v = *p;",
    is: "16",
  },
  {
    name: "a queue",
    before: "BPF_QUEUE(m, u64, 4);",
    code: "u64 a = 1, b = 2, c = 0; m.push(&a, 0); m.push(&b, 0); v = m.peek(&c); v += 10 * c; m.pop(&c); v += c; m.pop(&c); v += 100 * c; v += 1000 * (m.pop(&c) == -2);",
    is: "1211",
  },
  {
    name: "a stack",
    before: "BPF_STACK(m, u64, 4);",
    code: "u64 a = 1, b = 2, c = 0; m.push(&a, BPF_ANY); m.push(&b, BPF_EXIST); m.pop(&c); v = c; m.pop(&c); v = 10 * v + c;",
    is: "21",
  },
  {
    name: "types of keys and values",
    before: "struct l$ { u64 a[3]; };\nBPF_HASH(m, u16, struct l$);",
    code: "typeof(m.leaf) value = {}; typeof(m.key) k = 1; v = sizeof(value) + sizeof(m.leaf) + sizeof(k) + sizeof(m.key);",
    is: "52",
  },
  {
    name: "a macro as an argument",
    before: `#define ONE$ 1\n#define KEY$ &k\n${hash}`,
    code: `${key} m.update(KEY$, &one); m.increment(k, ONE$); p = m.lookup(KEY$); if (p) v = *p;`,
    is: "2",
  },
  {
    name: "a method in a helper function",
    before: `${hash}\nstatic void f$(u32 k) { m.increment(k, 2); }`,
    code: `${key} f$(k); f$(k); p = m.lookup(&k); if (p) v = *p;`,
    is: "4",
  },
  {
    name: "logarithms",
    code: "v = bpf_log2(0) + 10 * bpf_log2(1) + 100 * bpf_log2(2) + 1000 * bpf_log2(1023);",
    is: "9100",
  },
  {
    name: "long logarithms",
    code: "v = bpf_log2l(0) + 10 * bpf_log2l(1) + 100 * bpf_log2l(3) + 1000 * bpf_log2l(1UL << 32) + 1000000 * bpf_log2l(1UL << 63);",
    is: "64033211",
  },
  {
    name: "byte order",
    code: "v = bpf_ntohs(0x1234) == 0x3412; v += 2 * (bpf_htonl(0x12345678) == 0x78563412); v += 4 * (bpf_ntohll(1) == 1ULL << 56); v += 8 * (bpf_htonll(1ULL << 56) == 1); v += 16 * (ntohs(0x1234) == 0x3412);",
    is: "31",
  },
  {
    name: "wide byte order",
    code: "unsigned __int128 x = bpf_hton128((unsigned __int128)1); v = (u64)(x >> 64) == 1ULL << 56; x = bpf_ntoh128(x); v += 2 * (x == 1);",
    is: "3",
  },
  {
    name: "masks",
    code: "v = MASK(3) + MASK(8); unsigned __int128 x = MASK128(65); v += (u64)(x >> 64);",
    is: "263",
  },
  { name: "lock_xadd", code: "u64 x = 4; lock_xadd(&x, 3); v = x;", is: "7" },
  {
    name: "a cursor",
    code: "u8 *c = 0; void *a = cursor_advance(c, 14), *b = cursor_advance(c, 20); v = (u64)a + 100 * (u64)b + 10000 * (u64)c;",
    is: "341400",
  },
  {
    name: "the current task",
    code: "v = bpf_get_current_pid_tgid() >> 32 > 0; char c[16]; v += 2 * (bpf_get_current_comm(&c, sizeof(c)) == 0);",
    is: "3",
  },
  {
    name: "the identifier of the CPU",
    code: "v = CUR_CPU_IDENTIFIER == BPF_F_CURRENT_CPU; v += BPF_MAX_STACK_DEPTH;",
    is: "128",
  },
  { name: "sizes of pages", code: "v = PAGE_SIZE + roundup_pow_of_two(33);", is: "4160" },
  {
    name: "min and max",
    code: "int a = 3, b = 9; v = min(a, b) + 10 * max(a, b) + 100 * min_t(u8, a, 259);",
    is: "393",
  },
  {
    name: "the kernel's version",
    code: "v = LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0);",
    is: "1",
  },
  { name: "128 bits", code: "unsigned __int128 x = 1; x <<= 70; v = (u64)(x >> 68);", is: "4" },
];

const text = `#include <uapi/linux/ptrace.h>
#include <linux/types.h>
BPF_HASH(wrong, int, u64, 256);
BPF_ARRAY(runs, u64, 256);
${cases
  .map(({ before = "", code, is }, index) => {
    const own = (part: string): string =>
      part.replaceAll("$", String(index)).replace(/\bm\b(?=\s*\.|,|\))/g, `map_${index}`);
    return `${own(before)}
static u64 case${index}(void)
{
	u64 v = 0;
	${own(code)}
	return v;
}
int check${index}(struct tracepoint__sched__sched_process_exec *args)
{
	int index = ${index};
	u64 *ran = runs.lookup(&index);
	if (!ran || *ran)
		return 0; /* maps keep what the first run left */
	u64 value = case${index}(), same = (u64)(${is});
	runs.increment(index);
	if (value != same)
		wrong.update(&index, &value);
	return 0;
}
`;
  })
  .join("")}`;

/** Methods of maps that the VM has not, each in a program that may call it. */
const others = `#include <uapi/linux/ptrace.h>
#include <uapi/linux/bpf.h>
#include <linux/sched.h>
struct event { u64 a; u32 b; char c[12]; };
BPF_PERF_OUTPUT(events);
BPF_PERF_ARRAY(counters, 4);
BPF_RINGBUF_OUTPUT(ring, 2);
BPF_STACK_TRACE(stacks, 64);
BPF_CGROUP_ARRAY(cgroups, 1);
BPF_PROG_ARRAY(next, 4);
BPF_DEVMAP(devices, 4);
BPF_CPUMAP(cpus, 4);
BPF_XSKMAP(sockets, 4);
BPF_SOCKMAP(socks, 4);
BPF_SOCKHASH(hashed);
BPF_SK_STORAGE(of_sock, u64);
BPF_TASK_STORAGE(of_task, u64);
BPF_CGROUP_STORAGE(of_cgroup, u64);
int perf(struct pt_regs *ctx)
{
	struct event e = { .a = 1 };
	struct bpf_perf_event_value counted = {};
	u64 x = counters.perf_read(CUR_CPU_IDENTIFIER);
	int error = counters.perf_counter_value(CUR_CPU_IDENTIFIER, &counted, sizeof(counted));
	e.a = x + counted.counter + error;
	return events.perf_submit(ctx, &e, sizeof(e));
}
int rings(struct pt_regs *ctx)
{
	struct event e = {}, *p;
	e.a = ring.ringbuf_query(BPF_RB_AVAIL_DATA);
	int error = ring.ringbuf_output(&e, sizeof(e), BPF_RB_NO_WAKEUP);
	p = ring.ringbuf_reserve(sizeof(struct event));
	if (!p)
		return error;
	p->a = e.a;
	if (e.a)
		ring.ringbuf_discard(p, 0);
	else
		ring.ringbuf_submit(p, BPF_RB_FORCE_WAKEUP);
	return 0;
}
int stack(struct pt_regs *ctx)
{
	int id = stacks.get_stackid(ctx, BPF_F_USER_STACK | BPF_F_REUSE_STACKID);
	return cgroups.check_current_task(0) + id;
}
BPF_TABLE("hash", u32, u64, inner, 4);
BPF_HASH_OF_MAPS(outer, u32, "inner", 4);
int nested(struct pt_regs *ctx)
{
	u32 k = 1;
	u64 one = 1, *found;
	void *map = outer.lookup(&k);
	if (!map)
		return 0;
	bpf_map_update_elem(map, &k, &one, BPF_ANY);
	found = bpf_map_lookup_elem(map, &k);
	return found ? *found : 0;
}
int tail(struct pt_regs *ctx) { next.call(ctx, 2); return 0; }
int from_skb(struct __sk_buff *skb)
{
	struct event e = {};
	events.perf_submit_skb(skb, skb->len, &e, sizeof(e));
	u64 first = 1, *count = 0;
	struct bpf_sock *sk = skb->sk;
	if (!sk || !(sk = bpf_sk_fullsock(sk)))
		return 0;
	count = of_sock.sk_storage_get(sk, &first, BPF_SK_STORAGE_GET_F_CREATE);
	if (count)
		*count += 1;
	of_sock.sk_storage_delete(sk);
	return 0;
}
int redirect(struct xdp_md *ctx)
{
	if (ctx->rx_queue_index == 1)
		return cpus.redirect_map(1, 0);
	if (ctx->rx_queue_index == 2)
		return sockets.redirect_map(2, 0);
	return devices.redirect_map(0, 0);
}
int ops(struct bpf_sock_ops *skops)
{
	u32 k = 1;
	socks.sock_map_update(skops, &k, BPF_ANY);
	hashed.sock_hash_update(skops, &k, BPF_NOEXIST);
	return 0;
}
int message(struct sk_msg_md *msg) { u32 k = 1; return hashed.msg_redirect_hash(msg, &k, BPF_F_INGRESS); }
__attribute__((section("sk_skb/stream_verdict"))) int stream(struct __sk_buff *skb) { u32 k = 1; return hashed.sk_redirect_hash(skb, &k, 0); }
__attribute__((section("cgroup_skb/egress"))) int group(struct __sk_buff *skb)
{
	u64 *count = of_cgroup.get_local_storage(0);
	lock_xadd(count, 1);
	return 1;
}
__attribute__((section("kprobe"))) int with_task(struct pt_regs *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();
	u64 first = 0, *count = of_task.task_storage_get(t, &first, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (count)
		*count += 1;
	return of_task.task_storage_delete(t);
}
`;

/** LSM programs cannot be loaded everywhere: these only build. */
const hooks = `#include <linux/fs.h>
BPF_INODE_STORAGE(of_inode, u64);
LSM_PROBE(inode_rename, struct inode *dir, struct dentry *old, struct inode *to, struct dentry *new, unsigned int flags)
{
	u64 first = 0, *count = of_inode.inode_storage_get(old->d_inode, &first, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (count)
		*count += 1;
	of_inode.inode_storage_delete(old->d_inode);
	return 0;
}
`;

test("every method is used here", () => {
  const all = `${text}${others}${hooks}`;
  const missing = Object.keys(mapMethods).filter((method) => !new RegExp(`\\.${method}\\(`).test(all));
  assert.equal(missing, []);
});

test("methods, builtins and macros give what BCC's give", async () => {
  const { object } = await builder.compile({ file: "methods.c", text });
  const kernel = await openKernel({ scenario: "exec" });
  try {
    const bpf = await BPF.open({ object, name: "methods.c", kernel });
    cases.forEach((_case, index) => {
      bpf.attachTracepoint({ event: "sched:sched_process_exec", program: `check${index}` });
    });
    await bpf.sleep(Number.POSITIVE_INFINITY);
    cases.forEach(({ name }, index) => {
      assert.ok((bpf.table("runs").get(index) as bigint) > 0n, `${name} did not run`);
    });
    const wrong = [...bpf.table("wrong").items()].map(
      ([index, value]) => `${cases[Number(index)]?.name}: ${value}, not ${cases[Number(index)]?.is}`,
    );
    assert.equal(wrong, []);
  } finally {
    kernel.shutdown();
  }
});

test("the verifier accepts every other method in the programs that may call it", async () => {
  const { object } = await builder.compile({ file: "others.c", text: others });
  const bpftool = requireTool("bpftool");
  if (bpftool === undefined) return;
  if (canLoadBpf()) assert.is(refusalOf(bpftool, object), undefined);
  else process.stderr.write("SKIPPED: this process may not load BPF programs\n");
});

test("storage of inodes builds", async () => {
  const { rewritten } = await builder.compile({ file: "hooks.c", text: hooks });
  assert.match(rewritten, "bpf_inode_storage_get(&of_inode, ");
});

const withWarnings: readonly (readonly [declaration: string, call: string, codes: readonly string[]])[] = [
  ["BPF_PERCPU_HASH(m, u32);", "m.increment(key);", ["RW046"]],
  ['BPF_TABLE("lru_hash", u32, u64, m, 8);', "m.atomic_increment(key, 2);", ["RW046"]],
  ["BPF_HASH(m, u32);", "m.increment(key);", []],
  ["BPF_PERCPU_ARRAY(m, u64, 8);", "m.increment(key);", []],
  ["BPF_HASH(m, u32);", "u64 address = (u64)&key; m.lookup(address);", ["RW048"]],
  ["BPF_HASH(m, u32, void *);", "void *none = 0; m.update(&key, 0); m.update(&key, &none);", []],
  ["#define SIZE 1\nBPF_STACK_TRACE(m, SIZE);", "m.get_stackid(ctx, 0);", []],
  ["#define SIZE 1000\nBPF_STACK_TRACE(m, SIZE);", "m.get_stackid(ctx, 0);", []],
];
for (const [declaration, call, codes] of withWarnings) {
  test(`${declaration} ${call} gives ${codes.join(" ") || "no warning"}`, async () => {
    const program = `${declaration}\nint kprobe__vfs_read(struct pt_regs *ctx)\n{\n\tu32 key = 1;\n\t${call}\n\treturn 0;\n}\n`;
    const { diagnostics } = await builder.compile({ file: "warnings.c", text: program });
    assert.equal(
      diagnostics.map(({ code }) => code),
      codes,
    );
  });
}

test.after(() => builder.close());
test.run();
