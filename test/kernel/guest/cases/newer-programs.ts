/** Guest tests of what programs do on a newer kernel: arenas, open-coded iterators, kfuncs of modules, probes on programs. */
import { strict as assert } from "node:assert";
import { readdirSync, readFileSync } from "node:fs";
import { BPF, type ToolProgram } from "bpfkit";
import type { GuestCase } from "../guest-case.ts";
import { countingHead } from "./kernel-probes.ts";
import { loadedObjects, untilUnloaded } from "./loaded-objects.ts";
import { insertModule } from "./modules.ts";
import { callGetegid } from "./probes.ts";

/** Number of getegid(2). */
const getegid = 108;

const arena: ToolProgram = {
  file: "arena.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#define __arena __attribute__((address_space(1)))
char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, 33); /* BPF_MAP_TYPE_ARENA */
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 4);
} pages SEC(".maps");

struct call { u64 number; struct call __arena *before; };
struct call __arena calls[100];
struct call __arena *latest;
int __arena used = 1;

/* A list through the arena, of the calls with their numbers. */
SEC("tp_btf/sys_enter")
int BPF_PROG(on_call, struct pt_regs *regs, long id)
{
    u32 at = used;

    asm volatile("" :: "r"(&pages));
    if (id != ${getegid} || at >= 100)
        return 0;
    calls[at].number = at * 7;
    calls[at].before = latest;
    latest = &calls[at];
    used = at + 1;
    return 0;
}

u64 sum;
u32 length;

SEC("syscall")
int add(void *ctx)
{
    struct call __arena *call;

    asm volatile("" :: "r"(&pages));
    for (call = latest; call; call = call->before) {
        sum += call->number;
        length++;
        asm goto("may_goto %l[out]" :::: out);
    }
out:
    return 0;
}
`,
};

const iterators: ToolProgram = {
  file: "open-coded-iterators.bpf.c",
  text: `${countingHead}
/* Of Linux 6.4, 6.7 and 6.7; the bundled types are of 6.1. */
struct bpf_iter_num { u64 opaque[1]; } __attribute__((aligned(8)));
struct bpf_iter_task { u64 opaque[3]; } __attribute__((aligned(8)));
struct bpf_iter_task_vma { u64 opaque[1]; } __attribute__((aligned(8)));
extern int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task, unsigned int flags) __ksym;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it) __ksym;
extern void bpf_iter_task_destroy(struct bpf_iter_task *it) __ksym;
extern int bpf_iter_task_vma_new(struct bpf_iter_task_vma *it, struct task_struct *task, u64 address) __ksym;
extern struct vm_area_struct *bpf_iter_task_vma_next(struct bpf_iter_task_vma *it) __ksym;
extern void bpf_iter_task_vma_destroy(struct bpf_iter_task_vma *it) __ksym;

u32 traced;
u32 squares[40];
u64 bytes;

SEC("tp_btf/sys_enter")
int BPF_PROG(on_call, struct pt_regs *regs, long id)
{
    struct task_struct *current = bpf_get_current_task_btf(), *task;
    struct vm_area_struct *vma;
    int i;

    if (id != ${getegid} || bpf_get_current_pid_tgid() >> 32 != traced)
        return 0;
    bpf_for(i, 5, 40)
        squares[i] = i * i;
    bpf_for_each(task, task, current, 2 /* BPF_TASK_ITER_PROC_THREADS */)
        count(task->pid);
    bytes = 0;
    bpf_for_each(task_vma, vma, current, 0)
        bytes += vma->vm_end - vma->vm_start;
    return 0;
}
`,
};

const tracked: ToolProgram = {
  file: "connection-tracking.bpf.c",
  text: `${countingHead}
#include <bpf/bpf_endian.h>
/* Functions of module nf_conntrack (Linux 5.18 and 6.1). */
struct bpf_ct_opts___own { s32 netns_id; s32 error; u8 l4proto; u8 dir; u8 reserved[2]; };
struct nf_conn;
struct nf_conn___init;
extern struct nf_conn___init *bpf_xdp_ct_alloc(struct xdp_md *ctx, struct bpf_sock_tuple *tuple, u32 size,
                                               struct bpf_ct_opts___own *options, u32 options_size) __ksym;
extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *ctx, struct bpf_sock_tuple *tuple, u32 size,
                                         struct bpf_ct_opts___own *options, u32 options_size) __ksym;
extern struct nf_conn *bpf_ct_insert_entry(struct nf_conn___init *entry) __ksym;
extern void bpf_ct_set_timeout(struct nf_conn___init *entry, u32 milliseconds) __ksym;
extern void bpf_ct_release(struct nf_conn *entry) __ksym;

static __always_inline struct nf_conn *find(struct xdp_md *ctx, struct bpf_sock_tuple *tuple)
{
    struct bpf_ct_opts___own options = { .netns_id = -1, .l4proto = IPPROTO_UDP };
    return bpf_xdp_ct_lookup(ctx, tuple, sizeof(tuple->ipv4), &options, sizeof(options));
}

/* The first packet's connection is entered; the others find it. */
SEC("xdp")
int track(struct xdp_md *ctx)
{
    struct bpf_ct_opts___own options = { .netns_id = -1, .l4proto = IPPROTO_UDP };
    struct bpf_sock_tuple tuple = {};
    struct nf_conn___init *entry;
    struct nf_conn *found;

    tuple.ipv4.saddr = bpf_htonl(0x0a000001);
    tuple.ipv4.daddr = bpf_htonl(0x0a000002);
    tuple.ipv4.sport = bpf_htons(1000);
    tuple.ipv4.dport = bpf_htons(2000);
    found = find(ctx, &tuple);
    if (found) {
        bpf_ct_release(found);
        count(1);
        return XDP_PASS;
    }
    entry = bpf_xdp_ct_alloc(ctx, &tuple, sizeof(tuple.ipv4), &options, sizeof(options));
    if (!entry)
        return XDP_ABORTED;
    bpf_ct_set_timeout(entry, 60000);
    found = bpf_ct_insert_entry(entry);
    if (!found)
        return XDP_DROP;
    bpf_ct_release(found);
    count(0);
    return XDP_PASS;
}
`,
};

const probed: ToolProgram = {
  file: "probed-program.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";

__noinline int answer(int question)
{
    barrier_var(question);
    return question * 2;
}

SEC("tc")
int asks(struct __sk_buff *skb)
{
    return answer(skb->len);
}
`,
};

const onProgram: ToolProgram = {
  file: "on-program.bpf.c",
  text: `${countingHead}
SEC("fentry/answer") int BPF_PROG(on_question, int question) { return count(question); }
SEC("fexit/answer") int BPF_PROG(on_answer, int question, int answer) { return count(1000 + answer); }
SEC("fentry/asks") int BPF_PROG(on_program, struct sk_buff *skb) { return count(5000); }
`,
};

/** Bytes of the mappings of this process. */
function mappedBytes(): number {
  let sum = 0;
  for (const [, start, end, name] of readFileSync("/proc/self/maps", "utf8").matchAll(
    /^([0-9a-f]+)-([0-9a-f]+) .*?(\[vsyscall\])?$/gm,
  )) {
    if (name === undefined) sum += Number(BigInt(`0x${end}`) - BigInt(`0x${start}`));
  }
  return sum;
}

/** Programs on newer kernels. */
export const newerProgramCases: readonly GuestCase[] = [
  {
    only: "backports",
    name: "arena: a list of 21 calls that one program makes and another one walks",
    programs: [arena],
    async run(guest) {
      const bpf = await guest.open(arena);
      try {
        callGetegid(21);
        bpf.detach();
        callGetegid(2);
        assert.equal(bpf.program("add").testRun({}).returnValue, 0);
        const read = (name: string): number => Number(bpf.collection.variable(name).read());
        assert.deepEqual([read("used"), read("length"), read("sum")], [22, 21, (7 * 21 * 22) / 2]);
      } finally {
        bpf.close();
      }
    },
  },
  {
    only: "backports",
    name: "open-coded iterators: numbers, this process's threads, its memory",
    programs: [iterators],
    async run(guest) {
      const bpf = await guest.open(iterators);
      try {
        bpf.collection.variable("traced").write(process.pid);
        const variable = (name: string) => bpf.collection.variable(name).read();
        let before: number;
        // The JavaScript engine changes its mappings when it likes.
        for (let attempt = 0; ; attempt++) {
          before = mappedBytes();
          callGetegid(1);
          if (before === mappedBytes() || attempt === 50) break;
        }
        assert.equal(Number(variable("bytes")), before);
        assert.deepEqual(
          (variable("squares") as number[]).map(Number),
          Array.from({ length: 40 }, (_, i) => (i < 5 ? 0 : i * i)),
        );
        const threads = bpf
          .table("counts")
          .items()
          .map(([key]) => String(key));
        assert.deepEqual(threads.sort(), readdirSync("/proc/self/task").sort());
      } finally {
        bpf.close();
      }
    },
  },
  {
    only: "backports",
    name: "kfuncs of a module: a tracked connection is entered once and found five times",
    programs: [tracked],
    async run(guest) {
      await assert.rejects(guest.open(tracked), /bpf_xdp_ct_\w+, which nothing defines/);
      insertModule("nf_conntrack");
      const bpf = await guest.open(tracked);
      try {
        for (let packet = 0; packet < 6; packet++) {
          assert.equal(bpf.program("track").testRun({ data: new Uint8Array(64) }).returnValue, 2);
        }
        assert.deepEqual([bpf.table("counts").get(0n), bpf.table("counts").get(1n)], [1n, 5n]);
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "fentry and fexit on a program and on its function",
    programs: [probed, onProgram],
    async run(guest) {
      const { kernel } = guest;
      const before = loadedObjects(kernel);
      const target = await guest.open(probed);
      const asks = target.program("asks");
      const run = (sizeBytes: number): number =>
        asks.testRun({ data: new Uint8Array(sizeBytes) }).returnValue;
      const object = readFileSync(guest.objectPath(onProgram));
      await assert.rejects(guest.open(onProgram), /LD053|no func answer/);
      const bpf = await BPF.open({ object, name: "on-program.bpf.c", kernel, trace: asks });
      for (let call = 0; call < 3; call++) assert.equal(run(64), 128);
      assert.equal(run(100), 200);
      const rows = (): unknown =>
        Object.fromEntries(
          bpf
            .table("counts")
            .items()
            .map(([key, value]) => [String(key), Number(value)]),
        );
      const all = { 64: 3, 100: 1, 1128: 3, 1200: 1, 5000: 4 };
      assert.deepEqual(rows(), all);
      bpf.detach();
      run(64);
      assert.deepEqual(rows(), all, "still attached");
      bpf.close();
      target.close();
      await untilUnloaded(kernel, before);
    },
  },
];
