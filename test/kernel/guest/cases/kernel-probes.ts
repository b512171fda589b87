/** Guest tests of probes in the kernel beyond the plain ones: tracefs, cookies, patterns, fmod_ret, modules, counters, timers. */
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, readSync, rmdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { NotSupportedError } from "@bpfkit/base/diagnostics";
import { matchingFunctions } from "@bpfkit/loader";
import type { ToolProgram } from "bpfkit";
import koffi from "koffi";
import type { GuestCase } from "../guest-case.ts";
import { insertModule } from "./modules.ts";
import { callGetegid, execTrue } from "./probes.ts";

/** A hash `counts`, and count(key). */
export const countingHead = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, u64);
    __type(value, u64);
} counts SEC(".maps");

static __always_inline int count(u64 key)
{
    u64 one = 1, *value = bpf_map_lookup_elem(&counts, &key);
    if (value)
        __sync_fetch_and_add(value, 1);
    else
        bpf_map_update_elem(&counts, &key, &one, BPF_ANY);
    return 0;
}
`;

const probes: ToolProgram = {
  file: "kernel-probes.bpf.c",
  text: `${countingHead}
SEC("kprobe") int on_entry(struct pt_regs *ctx) { return count(bpf_get_attach_cookie(ctx)); }
SEC("kretprobe") int on_return(struct pt_regs *ctx) { return count(1000); }
SEC("ksyscall/getegid") int on_getegid(struct pt_regs *ctx) { return count(2000); }
SEC("kretsyscall/getegid") int on_getegid_return(struct pt_regs *ctx) { return count(2001); }
`,
};

const many: ToolProgram = {
  file: "kprobe-multi.bpf.c",
  text: `${countingHead}
SEC("kprobe.multi/__x64_sys_get?gid") int on_many(struct pt_regs *ctx) { return count(bpf_get_func_ip(ctx)); }
`,
};

const modifying: ToolProgram = {
  file: "fmod-ret.bpf.c",
  text: `${countingHead}
SEC("fmod_ret/security_inode_mkdir")
int BPF_PROG(on_mkdir, struct inode *dir, struct dentry *dentry, int mode, int ret)
{
    char name[8] = {};

    bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(dentry, d_name.name));
    if (name[0] != 'n' || name[1] != 'o' || name[2] != 0)
        return 0;
    count(1);
    return -1; /* EPERM */
}
`,
};

const inModule: ToolProgram = {
  file: "module-functions.bpf.c",
  text: `${countingHead}
/* Only the module's types have it; the real one starts otherwise. */
struct loop_device___some {
    unsigned int lo_flags;
    int lo_number;
} __attribute__((preserve_access_index));

SEC("kprobe/lo_ioctl")
int on_number(struct pt_regs *ctx)
{
    struct block_device *disk = (void *)PT_REGS_PARM1(ctx);
    struct loop_device___some *loop = BPF_CORE_READ(disk, bd_disk, private_data);

    if (bpf_core_field_exists(loop->lo_flags) && bpf_core_field_offset(loop->lo_flags) > 16)
        count(2000000 + BPF_CORE_READ(loop, lo_number));
    return 0;
}

SEC("fentry/loop:lo_ioctl")
int BPF_PROG(on_control, struct block_device *disk, unsigned int mode, unsigned int command, unsigned long argument)
{
    return count(command);
}
SEC("fexit/loop:lo_ioctl")
int BPF_PROG(on_control_end, struct block_device *disk, unsigned int mode, unsigned int command, unsigned long argument, int ret)
{
    return count(1000000 + command);
}
SEC("tracepoint/block/block_rq_complete")
int on_complete(struct trace_event_raw_block_rq_completion *ctx)
{
    /* The disk of major number 7. */
    return ctx->dev >> 20 == 7 ? count(7) : 0;
}
`,
};

const sampling: ToolProgram = {
  file: "sampling.bpf.c",
  text: `${countingHead}
SEC("perf_event") int on_sample(struct bpf_perf_event_data *ctx) { return count(bpf_get_smp_processor_id()); }
`,
};

const counters: ToolProgram = {
  file: "perf-counters.c",
  text: `BPF_PERF_ARRAY(cnt, 64);
BPF_HASH(seen, u32);
int on_getegid(void *ctx)
{
    u32 cpu = bpf_get_smp_processor_id();
    u64 value = cnt.perf_read(cpu);
    seen.update(&cpu, &value);
    return 0;
}
`,
};

const typedTracepoint: ToolProgram = {
  file: "tp-btf.bpf.c",
  text: `${countingHead}
extern const void sched_clock __attribute__((section(".ksyms")));
SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *binary)
{
    count(task->real_parent->tgid);
    /* The address of a kernel function, as /proc/kallsyms has it. */
    u64 key = 1, address = (u64)&sched_clock;
    bpf_map_update_elem(&counts, &key, &address, BPF_ANY);
    return 0;
}
`,
};

const timers: ToolProgram = {
  file: "timers.bpf.c",
  text: `${countingHead}
struct timed { struct bpf_timer timer; u64 ticks; };
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, u32);
    __type(value, struct timed);
} timed SEC(".maps");

static int on_tick(void *map, u32 *key, struct timed *value)
{
    value->ticks++;
    count(5);
    if (value->ticks < 9)
        bpf_timer_start(&value->timer, 1000000, 0);
    return 0;
}

SEC("tc")
int start(struct __sk_buff *skb)
{
    u32 key = 0;
    struct timed *value = bpf_map_lookup_elem(&timed, &key);

    if (!value || bpf_timer_init(&value->timer, &timed, 1))
        return 1;
    if (bpf_timer_set_callback(&value->timer, on_tick))
        return 2;
    return bpf_timer_start(&value->timer, 1000000, 0);
}
`,
};

/** What the kernel lists as probed. */
const listed = (): string => readFileSync("/sys/kernel/debug/kprobes/list", "utf8");

/** Probes in the kernel. */
export const kernelProbeCases: readonly GuestCase[] = [
  {
    name: "kprobes through tracefs, with cookies, and by system call",
    programs: [probes],
    async run(guest) {
      const bpf = await guest.open(probes);
      const counted = (key: bigint): unknown => bpf.table("counts").get(key);
      const events = "/sys/kernel/tracing/kprobe_events";
      try {
        callGetegid(3);
        assert.deepEqual([counted(2000n), counted(2001n)], [3n, 3n]);
        bpf.detach();
        const event = bpf.syscallFunction("getegid");
        bpf.attachKprobe({ event, program: "on_entry", cookie: 77n });
        bpf.attachKprobe({ event, program: "on_entry", cookie: 78n, mode: "tracefs" });
        bpf.attachKretprobe({ event, program: "on_return", mode: "tracefs" });
        assert.equal(readFileSync(events, "utf8").trim().split("\n").length, 2);
        callGetegid(8);
        assert.deepEqual([counted(77n), counted(78n), counted(1000n)], [8n, 8n, 8n]);
        assert.throws(
          () => bpf.attachKprobe({ event: "no_such_function", program: "on_entry", mode: "tracefs" }),
          /LD054|no function no_such/,
        );
        bpf.detach();
        assert.equal(readFileSync(events, "utf8"), "");
        assert.equal(listed().includes("getegid"), false);
        const traceable = matchingFunctions(guest.kernel, /^vfs_(read|write)$/, "traceable");
        assert.deepEqual(traceable.map(({ name }) => name).sort(), ["vfs_read", "vfs_write"]);
        const links = bpf.attachKprobes({ eventPattern: /__x64_sys_get[eg]+id/, program: "on_return" });
        assert.deepEqual(
          links.map(({ description }) => description).sort(),
          ["kprobe:__x64_sys_getegid", "kprobe:__x64_sys_getgid"].sort(),
        );
        callGetegid(2);
        process.getgid?.();
        assert.equal(counted(1000n), 11n);
      } finally {
        bpf.close();
      }
    },
  },
  {
    only: "stable",
    name: "kprobe.multi is refused by name where the kernel has none",
    programs: [many],
    async run(guest) {
      await assert.rejects(
        guest.open(many),
        (error) =>
          error instanceof NotSupportedError && error.since === "5.18" && /kprobe\.multi/.test(error.message),
      );
    },
  },
  {
    name: "fmod_ret makes mkdir fail, twice",
    programs: [modifying],
    async run(guest) {
      const bpf = await guest.open(modifying);
      try {
        for (let attempt = 0; attempt < 2; attempt++) assert.throws(() => mkdirSync("/tmp/no"), /EPERM/);
        mkdirSync("/tmp/yes");
        rmdirSync("/tmp/yes");
        assert.equal(bpf.table("counts").get(1n), 2n);
      } finally {
        bpf.close();
      }
      mkdirSync("/tmp/no");
      rmdirSync("/tmp/no");
    },
  },
  {
    name: "fentry and fexit in a module, and 23 reads of a loop device",
    programs: [inModule],
    async run(guest) {
      insertModule("loop");
      execFileSync("/bin/dd", ["if=/dev/zero", "of=/tmp/disk", "bs=4096", "count=64"], { stdio: "ignore" });
      const bpf = await guest.open(inModule);
      const counted = (key: bigint): unknown => bpf.table("counts").get(key);
      try {
        execFileSync("/bin/losetup", ["/dev/loop0", "/tmp/disk"]);
        // What busybox's losetup asks for is its own affair: as many ends as beginnings.
        const rows = bpf
          .table("counts")
          .items()
          .map(([key, value]) => [Number(key), Number(value)] as const);
        const entries = rows.filter(([key]) => key < 1_000_000 && key !== 7);
        assert.ok(entries.length > 0, "no control call was seen");
        // A member of a struct that only the module's types have, found by CO-RE: this is the first loop device.
        assert.ok(Number(counted(2_000_000n)) > 0, "the module's types were not found");
        for (const [key, value] of entries) assert.equal(counted(BigInt(key + 1_000_000)), BigInt(value));
        const before = Number(counted(7n) ?? 0n);
        const direct = 0o40000;
        const disk = openSync("/dev/loop0", direct);
        // Direct reads want memory at a multiple of 512 bytes.
        const memory = new Uint8Array(8192);
        const aligned = memory.subarray(Number(-koffi.address(memory) & 511n));
        for (let block = 0; block < 23; block++) readSync(disk, aligned, 0, 4096, block * 4096);
        closeSync(disk);
        assert.equal(Number(counted(7n)) - before, 23);
      } finally {
        bpf.close();
        execFileSync("/bin/losetup", ["-d", "/dev/loop0"]);
      }
    },
  },
  {
    name: "perf events: a clock by frequency on every CPU, a tracepoint's count, hardware events refused by name",
    programs: [sampling],
    async run(guest) {
      const bpf = await guest.open(sampling);
      const { kernel } = guest;
      try {
        // PERF_COUNT_SW_CPU_CLOCK.
        bpf.attachPerfEvent({ kind: "software", config: 0, sampleFrequencyHz: 199, program: "on_sample" });
        const end = performance.now() + 600;
        while (performance.now() < end);
        await sleep(50);
        const samples = bpf
          .table("counts")
          .items()
          .reduce((sum, [, value]) => sum + Number(value), 0);
        assert.ok(samples > 20 && samples < 199 * 2 * 4, `${samples} samples`);
        const id = Number(readFileSync("/sys/kernel/tracing/events/syscalls/sys_enter_getegid/id", "utf8"));
        const counter = kernel.perfEventOpen({ kind: "tracepoint-counter", config: id }, process.pid, -1);
        kernel.perfEventEnable(counter);
        callGetegid(9);
        kernel.perfEventDisable(counter);
        callGetegid(2);
        assert.equal(kernel.perfEventRead(counter), 9n);
        kernel.close(counter);
        for (const [kind, config] of [
          ["cache", 0x10002],
          ["hardware", 0],
          ["raw", 0x3c],
        ] as const) {
          const isExplained = (error: Error & { code?: string; hint?: string }): boolean =>
            error.code === "LD056" &&
            error.message.includes(`${kind} event ${config}`) &&
            /no hardware counters/.test(error.hint ?? "");
          const open = kernel.perfEventOpen.bind(kernel);
          assert.throws(() => open({ kind, config }, -1, 0), /ENOENT/, "the machine has hardware counters");
          const event = { kind, config, samplePeriod: 100, program: "on_sample" };
          assert.throws(() => bpf.attachPerfEvent(event), isExplained);
        }
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "a program reads counters of every CPU through a perf event array",
    programs: [counters],
    async run(guest) {
      const bpf = await guest.open(counters);
      try {
        const id = Number(readFileSync("/sys/kernel/tracing/events/syscalls/sys_enter_getegid/id", "utf8"));
        bpf.table("cnt").openPerfEvent({ kind: "tracepoint-counter", config: id });
        bpf.attachKprobe({ event: bpf.syscallFunction("getegid"), program: "on_getegid" });
        callGetegid(12);
        // Each CPU counts what it ran; the kprobe comes after the tracepoint of the same call.
        const counts = bpf
          .table("seen")
          .items()
          .map(([, value]) => Number(value));
        assert.equal(
          counts.reduce((sum, value) => sum + value, 0),
          12,
          counts.join(" "),
        );
        assert.throws(
          () => bpf.table("seen").openPerfEvent({ kind: "software", config: 0 }),
          /no perf event array/,
        );
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "tp_btf: seven execs of this process, and the address of a kernel symbol",
    programs: [typedTracepoint],
    async run(guest) {
      const bpf = await guest.open(typedTracepoint);
      try {
        for (let exec = 0; exec < 7; exec++) execTrue();
        assert.equal(bpf.table("counts").get(BigInt(process.pid)), 7n);
        const line = /^([0-9a-f]+) T sched_clock$/m.exec(readFileSync("/proc/kallsyms", "latin1"));
        assert.equal(bpf.table("counts").get(1n), BigInt(`0x${line?.[1]}`));
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "a bpf_timer ticks nine times",
    programs: [timers],
    async run(guest) {
      const bpf = await guest.open(timers);
      try {
        const { returnValue } = bpf.program("start").testRun({ data: new Uint8Array(64) });
        assert.equal(returnValue, 0);
        for (let turn = 0; turn < 100 && bpf.table("counts").get(5n) !== 9n; turn++) await sleep(20);
        assert.equal(bpf.table("counts").get(5n), 9n);
        await sleep(50);
        assert.equal(bpf.table("counts").get(5n), 9n);
      } finally {
        bpf.close();
      }
    },
  },
];
