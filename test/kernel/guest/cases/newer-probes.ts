/** Guest tests of probes that need a newer kernel: kprobe.multi, kprobe.session, links of many uprobes. */
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { NotSupportedError } from "@bpfkit/base/diagnostics";
import { type Kernel, LinkType } from "@bpfkit/base/kernel";
import type { BPF, ToolProgram } from "bpfkit";
import koffi from "koffi";
import { binaryPath, type GuestCase } from "../guest-case.ts";
import { countingHead } from "./kernel-probes.ts";
import { callGetegid } from "./probes.ts";
import { runTraced, traced } from "./user-probes.ts";

const kernelProbes: ToolProgram = {
  file: "newer-kernel-probes.bpf.c",
  text: `${countingHead}
extern bool bpf_session_is_return(void) __ksym;
extern __u64 *bpf_session_cookie(void) __ksym;

SEC("kprobe.multi/__x64_sys_get?gid")
int on_many(struct pt_regs *ctx) { return count(bpf_get_func_ip(ctx)); }

SEC("kprobe.multi") int on_named(struct pt_regs *ctx) { return count(bpf_get_attach_cookie(ctx)); }
SEC("kretprobe.multi") int on_returns(struct pt_regs *ctx) { return count(100 + bpf_get_attach_cookie(ctx)); }

/* Both ends of getegid, with what the first end says to the second; only the first end of getpgid. */
SEC("kprobe.session")
int on_both(struct pt_regs *ctx)
{
    u64 *cookie = bpf_session_cookie(), which = bpf_get_attach_cookie(ctx);

    if (bpf_session_is_return()) {
        count(1000 + which + *cookie);
        return 0;
    }
    *cookie = 500;
    count(1000 + which);
    return which == 2;
}
`,
};

const session: ToolProgram = {
  file: "kprobe-session.bpf.c",
  text: `${countingHead}
SEC("kprobe.session/__x64_sys_getegid") int on_both(struct pt_regs *ctx) { return count(0); }
`,
};

const path = binaryPath(traced);

const userProbes: ToolProgram = {
  file: "newer-user-probes.bpf.c",
  text: `${countingHead}
#include <bpf/usdt.bpf.h>

SEC("uprobe.multi/${path}:w*") int by_pattern(struct pt_regs *ctx) { return count(0); }
SEC("uprobe.multi") int on_call(struct pt_regs *ctx) { return count(bpf_get_attach_cookie(ctx)); }
SEC("uretprobe.multi") int on_return(struct pt_regs *ctx) { return count(100 + bpf_get_attach_cookie(ctx)); }

SEC("usdt/${path}:bpfkit:step")
int BPF_USDT(on_step, int number, u64 big)
{
    count(1000 + number);
    return count(big);
}
`,
};

const sessions: ToolProgram = {
  file: "uprobe-session.bpf.c",
  text: `${countingHead}
SEC("uprobe.session/${path}:square") int on_both(struct pt_regs *ctx) { return count(0); }
`,
};

const getpgid = koffi.load("libc.so.6").func("int getpgid(int)");

function callBoth(getegids: number, getpgids: number): void {
  callGetegid(getegids);
  for (let call = 0; call < getpgids; call++) getpgid(0);
}

/** What was counted, by key. */
function counted(bpf: BPF): Record<string, number> {
  const rows = bpf.table("counts").items();
  return Object.fromEntries(rows.map(([key, value]) => [String(key), Number(value)]));
}

/** Types of the links that a descriptor each holds. */
const linkTypes = (kernel: Kernel, bpf: BPF): number[] =>
  bpf.links.flatMap(({ fds }) => fds.map((fd) => kernel.objects.linkInfo(fd).type));

function addressOf(name: string): string {
  const line = new RegExp(`^([0-9a-f]+) [tT] ${name}$`, "m").exec(readFileSync("/proc/kallsyms", "latin1"));
  return String(BigInt(`0x${line?.[1]}`));
}

/** Probes of newer kernels. */
export const newerProbeCases: readonly GuestCase[] = [
  {
    only: "backports",
    name: "kprobe.multi by pattern, and by names with cookies at entries and returns",
    programs: [kernelProbes],
    async run(guest) {
      const bpf = await guest.open(kernelProbes);
      try {
        assert.deepEqual(linkTypes(guest.kernel, bpf), [LinkType.KprobeMulti]);
        callBoth(4, 3);
        // getegid has several names, of which ftrace lists another one.
        assert.deepEqual(counted(bpf), {
          [addressOf("__x64_sys_getegid")]: 4,
          [addressOf("__x64_sys_getpgid")]: 3,
        });
        bpf.detach();
        bpf.table("counts").clear();
        const functions = ["__x64_sys_getegid", "__x64_sys_getpgid"];
        bpf.attachKprobeMulti({ functions, cookies: [7n, 8n], program: "on_named" });
        bpf.attachKprobeMulti({ functions, cookies: [8n, 7n], returns: true, program: "on_returns" });
        callBoth(5, 2);
        assert.deepEqual(counted(bpf), { 7: 5, 8: 2, 107: 2, 108: 5 });
        assert.throws(
          () => bpf.attachKprobeMulti({ functions: ["no_such_function"], program: "on_named" }),
          /LD054|does not have every function/,
        );
        bpf.detach();
        callBoth(1, 1);
        assert.deepEqual(counted(bpf), { 7: 5, 8: 2, 107: 2, 108: 5 }, "still attached");
        const all = bpf.attachKprobeMulti({ pattern: "tcp_*", program: "on_named" });
        const [fd] = all.fds;
        assert.ok(fd !== undefined);
        const held = guest.kernel.objects.linkInfo(fd).target;
        assert.ok(held.kind === "kprobe-multi");
        assert.ok(held.count > 300 && held.places.length === held.count, `${held.count} functions`);
      } finally {
        bpf.close();
      }
    },
  },
  {
    only: "backports",
    name: "kprobe.session: both ends of one function, one end of another",
    programs: [kernelProbes],
    async run(guest) {
      const bpf = await guest.open(kernelProbes);
      try {
        bpf.detach();
        const functions = ["__x64_sys_getegid", "__x64_sys_getpgid"];
        bpf.attachKprobeMulti({ functions, cookies: [1n, 2n], program: "on_both" });
        callBoth(6, 3);
        assert.deepEqual(counted(bpf), { 1001: 6, 1501: 6, 1002: 3 });
      } finally {
        bpf.close();
      }
    },
  },
  {
    only: "backports",
    name: "many uprobes and a USDT probe with arguments through one link each",
    programs: [userProbes, sessions],
    binaries: [traced],
    async run(guest) {
      const { kernel } = guest;
      const bpf = await guest.open(userProbes);
      try {
        assert.deepEqual(linkTypes(kernel, bpf), [LinkType.UprobeMulti, LinkType.UprobeMulti]);
        assert.equal(runTraced(), 13, "the semaphore is on");
        const rows: Record<string, number> = { 0: 13 };
        for (let number = 0; number < 13; number++) {
          rows[1000 + number] = 1;
          rows[1_000_000_000_000 + number] = 1;
        }
        assert.deepEqual(counted(bpf), rows);
        bpf.detach();
        bpf.table("counts").clear();
        assert.equal(runTraced(), 0, "the semaphore is off again");
        const functions = ["work", "square"];
        bpf.attachUprobeMulti({ path, functions, cookies: [7n, 8n], program: "on_call" });
        bpf.attachUprobeMulti({ path, functions, cookies: [8n, 7n], returns: true, program: "on_return" });
        bpf.attachUprobeMulti({ path, functions, cookies: [9n, 9n], pid: process.pid, program: "on_call" });
        assert.deepEqual(linkTypes(kernel, bpf), new Array(3).fill(LinkType.UprobeMulti));
        runTraced();
        assert.deepEqual(counted(bpf), { 7: 13, 8: 4, 107: 4, 108: 13 });
        await assert.rejects(
          guest.open(sessions),
          (error) => error instanceof NotSupportedError && error.since === "6.13",
        );
      } finally {
        bpf.close();
      }
    },
  },
  {
    only: "stable",
    name: "kprobe.session is refused with the release that has it",
    programs: [session],
    async run(guest) {
      await assert.rejects(
        guest.open(session),
        (error) => error instanceof NotSupportedError && error.since === "6.10",
      );
    },
  },
];
