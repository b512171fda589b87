/** Guest tests of names for addresses: a user stack and a kernel stack that are known, and symbols of modules. */
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { chmodSync, copyFileSync, readFileSync } from "node:fs";
import type { ToolProgram } from "bpfkit";
import type { GuestCase } from "../guest-case.ts";
import { insertModule } from "./modules.ts";

/** The host compiles known-stack.c to this file beside the objects. */
export const knownStack = "known-stack";

const stacks: ToolProgram = {
  file: "stacks.c",
  text: `struct key { u32 pid; int user; int kernel; char comm[16]; };
BPF_HASH(counts, struct key);
BPF_STACK_TRACE(traces, 128);
int kprobe__sys_getegid(struct pt_regs *ctx)
{
    struct key key = {};
    key.pid = bpf_get_current_pid_tgid() >> 32;
    bpf_get_current_comm(&key.comm, sizeof(key.comm));
    key.user = traces.get_stackid(ctx, BPF_F_USER_STACK);
    key.kernel = traces.get_stackid(ctx, 0);
    counts.increment(key);
    return 0;
}
`,
};

interface Key {
  readonly pid: number;
  readonly user: number;
  readonly kernel: number;
  readonly comm: string;
}

/** Names of addresses. */
export const symbolCases: readonly GuestCase[] = [
  {
    name: "a known user stack and its kernel stack have their functions' names",
    programs: [stacks],
    async run(guest) {
      copyFileSync(`/objects/${knownStack}`, `/tmp/${knownStack}`);
      chmodSync(`/tmp/${knownStack}`, 0o755);
      const bpf = await guest.open(stacks);
      const child = spawn(`/tmp/${knownStack}`, [], { stdio: ["pipe", "pipe", "inherit"] });
      try {
        await new Promise((resolve) => child.stdout.once("data", resolve));
        const entries = bpf
          .table("counts")
          .items()
          .map(([key, count]) => ({ ...(key as unknown as Key), count }))
          .filter(({ comm }) => comm === knownStack);
        assert.equal(entries.length, 1, JSON.stringify(entries.map(({ pid }) => pid)));
        const [{ pid, user, kernel, count }] = entries as [Key & { count: bigint }];
        assert.equal(pid, child.pid);
        assert.equal(count, 5n);
        const traces = bpf.table("traces");
        const options = { showModule: true };
        const userNames = traces.walk(user).map((address) => bpf.sym(address, pid, options));
        assert.deepEqual(
          userNames.slice(0, 4),
          ["inner", "middle", "outer", "main"].map((name) => `${name} [${knownStack}]`),
        );
        assert.match(userNames[4] ?? "", /^\S+ \[libc\.so\.6\]$/);
        const kernelNames = traces.walk(kernel).map((address) => bpf.ksym(address, options));
        assert.match(kernelNames[0] ?? "", /^__x64_sys_getegid \[kernel\]$/);
        assert.ok(kernelNames.includes("do_syscall_64 [kernel]"), kernelNames.join(", "));
        assert.match(kernelNames.at(-1) ?? "", /^entry_SYSCALL_64/);
        child.stdin.end();
        await new Promise((resolve) => child.once("exit", resolve));
        // What was looked up while it ran is known afterwards.
        assert.equal(bpf.sym(traces.walk(user)[0] ?? 0n, pid), "inner");
      } finally {
        child.kill();
        bpf.close();
      }
    },
  },
  {
    name: "symbols of modules come with the module's name",
    programs: [stacks],
    async run(guest) {
      const bpf = await guest.open(stacks);
      try {
        insertModule("null_blk", ["nr_devices=1", "gb=1", "memory_backed=0"]);
        const lines = readFileSync("/proc/kallsyms", "latin1").split("\n");
        const times = new Map<string, number>();
        for (const line of lines) times.set(line.slice(0, 16), (times.get(line.slice(0, 16)) ?? 0) + 1);
        // Names of code that ran once stay where another module's code is now: addresses with one name are meant.
        const own = lines.flatMap((line) => {
          const [, address = "", name = ""] = /^([0-9a-f]{16}) [tT] (\S+)\t\[null_blk\]$/.exec(line) ?? [];
          return name !== "" && times.get(address) === 1 ? [{ address: BigInt(`0x${address}`), name }] : [];
        });
        assert.ok(own.length > 10, `the module has ${own.length} symbols`);
        for (const { address, name } of own) {
          const found = bpf.ksym(address, { showModule: true, showOffset: true });
          assert.equal(found, `${name}+0x0 [null_blk]`);
        }
        assert.equal(bpf.ksymAddress("do_syscall_64") !== undefined, true);
      } finally {
        bpf.close();
      }
    },
  },
];
