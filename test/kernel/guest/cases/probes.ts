/** Guest tests of attach types: each counts a scripted number of system calls made by this process. */
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { accessSync } from "node:fs";
import { Errno } from "@bpfkit/base/abi";
import type { ToolProgram } from "bpfkit";
import type { GuestCase } from "../guest-case.ts";

const program = (name: string, text: string): ToolProgram => ({ file: `${name}.c`, text });

/** Calls getegid(2), which nothing else in the guest calls. */
export function callGetegid(times: number): void {
  for (let call = 0; call < times; call++) process.getegid?.();
}

function callAccess(times: number): void {
  for (let call = 0; call < times; call++) {
    assert.throws(() => accessSync("/no/such/file"), /ENOENT/);
  }
}

/** Runs a program of busybox that does nothing. */
export function execTrue(...words: readonly string[]): void {
  execFileSync("/bin/true", words);
}

const kprobes = program(
  "kprobes",
  `BPF_HASH(entries, u32);
BPF_HASH(results, s64);
int kprobe__sys_getegid(void *ctx)
{
    u32 tgid = bpf_get_current_pid_tgid() >> 32;
    entries.increment(tgid);
    return 0;
}
int kretprobe__sys_access(struct pt_regs *ctx)
{
    s64 result = PT_REGS_RC(ctx);
    results.increment(result);
    return 0;
}
`,
);

const tracepoints = program(
  "tracepoints",
  `BPF_ARRAY(execs, u64, 1);
BPF_HASH(modes, u32);
TRACEPOINT_PROBE(sched, sched_process_exec)
{
    execs.increment(0);
    return 0;
}
TRACEPOINT_PROBE(syscalls, sys_enter_access)
{
    u32 mode = args->mode;
    modes.increment(mode);
    return 0;
}
`,
);

const rawTracepoints = program(
  "raw-tracepoints",
  `BPF_ARRAY(execs, u64, 1);
RAW_TRACEPOINT_PROBE(sched_process_exec)
{
    execs.increment(0);
    return 0;
}
`,
);

const tracing = program(
  "tracing",
  `BPF_ARRAY(counts, u64, 3);
KFUNC_PROBE(do_faccessat, int dfd, const char *filename, int mode, int flags)
{
    if (mode == 0)
        counts.increment(0);
    return 0;
}
KRETFUNC_PROBE(do_faccessat, int dfd, const char *filename, int mode, int flags, long ret)
{
    if (ret == -ENOENT)
        counts.increment(1);
    return 0;
}
LSM_PROBE(bprm_check_security, struct linux_binprm *bprm)
{
    counts.increment(2);
    return 0;
}
`,
);

const sampling = program(
  "sampling",
  `BPF_ARRAY(samples, u64, 1);
int on_sample(struct bpf_perf_event_data *ctx)
{
    samples.increment(0);
    return 0;
}
`,
);

const stacks = program(
  "stacks",
  `BPF_STACK_TRACE(traces, 64);
BPF_HASH(seen, int);
int kprobe__sys_getegid(struct pt_regs *ctx)
{
    int id = traces.get_stackid(ctx, 0);
    seen.increment(id);
    return 0;
}
`,
);

const hello = program(
  "hello",
  `int kprobe__sys_getegid(void *ctx)
{
    bpf_trace_printk("Hello, World! %d\\n", 42);
    return 0;
}
`,
);

/** Attach types. */
export const probeCases: readonly GuestCase[] = [
  {
    name: "kprobe and kretprobe count calls and results",
    programs: [kprobes],
    async run(guest) {
      const bpf = await guest.open(kprobes);
      try {
        callGetegid(17);
        callAccess(13);
        assert.deepEqual(bpf.table("entries").items(), [[process.pid, 17n]]);
        assert.deepEqual(bpf.table("results").items(), [[BigInt(-Errno.ENOENT), 13n]]);
      } finally {
        bpf.close();
      }
      callGetegid(5);
    },
  },
  {
    name: "tracepoints with their fields",
    programs: [tracepoints],
    async run(guest) {
      const bpf = await guest.open(tracepoints);
      try {
        for (let exec = 0; exec < 7; exec++) execTrue();
        callAccess(11);
        assert.equal(bpf.table("execs").get(0), 7n);
        assert.deepEqual(bpf.table("modes").items(), [[0, 11n]]);
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "raw tracepoints",
    programs: [rawTracepoints],
    async run(guest) {
      const bpf = await guest.open(rawTracepoints);
      try {
        for (let exec = 0; exec < 5; exec++) execTrue();
        assert.equal(bpf.table("execs").get(0), 5n);
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "fentry, fexit and LSM",
    programs: [tracing],
    async run(guest) {
      const bpf = await guest.open(tracing);
      try {
        callAccess(19);
        for (let exec = 0; exec < 3; exec++) execTrue();
        assert.deepEqual(bpf.table("counts").values(), [19n, 19n, 3n]);
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "sampling by a software clock",
    programs: [sampling],
    async run(guest) {
      const bpf = await guest.open(sampling);
      try {
        const cpuClock = 0;
        bpf.attachPerfEvent({
          kind: "software",
          config: cpuClock,
          sampleFrequencyHz: 99,
          program: "on_sample",
        });
        const end = performance.now() + 500;
        while (performance.now() < end) callGetegid(1);
        const samples = Number(bpf.table("samples").get(0));
        assert.ok(samples >= 10, `${samples} samples in half a second at 99 Hz`);
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "stack traces with the kernel's symbols",
    programs: [stacks],
    async run(guest) {
      const bpf = await guest.open(stacks);
      try {
        callGetegid(3);
        const seen = bpf.table("seen").items();
        assert.equal(seen.length, 1, "one stack");
        assert.equal(seen[0]?.[1], 3n);
        const names = bpf
          .table("traces")
          .walk(Number(seen[0]?.[0]))
          .map((address) => bpf.ksym(address));
        assert.ok(names.includes("__x64_sys_getegid"), names.join(" "));
        assert.ok(names.includes("do_syscall_64"), names.join(" "));
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "hello world through the trace pipe",
    programs: [hello],
    async run(guest) {
      const bpf = await guest.open(hello);
      try {
        bpf.openTracePipe();
        callGetegid(4);
        const lines: string[] = [];
        for await (const { message, pid } of bpf.traceFields(AbortSignal.timeout(5000))) {
          assert.equal(pid, process.pid);
          if (lines.push(message) === 4) break;
        }
        assert.deepEqual(lines, new Array(4).fill("Hello, World! 42"));
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "functions and tracepoints that do not exist are named",
    programs: [sampling, kprobes],
    async run(guest) {
      const bpf = await guest.open(kprobes);
      try {
        assert.equal(bpf.hasKprobeFunction("no_such_function"), false);
        assert.equal(bpf.hasKprobeFunction("do_nanosleep"), true);
        const name = "kprobe__sys_getegid";
        assert.throws(
          () => bpf.attachKprobe({ event: "no_such_function", program: name }),
          /LD054|no function no_such/,
        );
        assert.throws(() => bpf.attachTracepoint({ event: "sched:nothing", program: name }), /no tracepoint/);
      } finally {
        bpf.close();
      }
    },
  },
];
