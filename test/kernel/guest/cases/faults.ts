/** Guest tests of kernels that lack something: what the command says, and what still works. The last one cannot be undone. */
import { strict as assert } from "node:assert";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { ToolProgram } from "bpfkit";
import type { Guest, GuestCase } from "../guest-case.ts";
import { loadedObjects, loadedSince, untilUnloaded } from "./loaded-objects.ts";
import { callGetegid } from "./probes.ts";

const command = "/bpfkit/node_modules/@bpfkit/cli/bin/bpfkit.cjs";

const reader: ToolProgram = {
  file: "reader.c",
  text: `#include <linux/sched.h>
BPF_HASH(calls, u32);
int kprobe__sys_getegid(void *ctx)
{
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    u32 pid = task->tgid;
    calls.increment(pid);
    return 0;
}
`,
};

/** Reads no memory of the kernel. */
const sampler: ToolProgram = {
  file: "sampler.c",
  text: `BPF_HASH(calls, u32);
int kprobe__sys_getegid(void *ctx)
{
    u32 pid = bpf_get_current_pid_tgid() >> 32;
    calls.increment(pid);
    return 0;
}
`,
};

const pinned: ToolProgram = {
  file: "pinned.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, u32);
    __type(value, u64);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} kept SEC(".maps");

SEC("ksyscall/getegid")
int on_getegid(struct pt_regs *ctx)
{
    u32 index = 0;
    u64 *value = bpf_map_lookup_elem(&kept, &index);
    if (value)
        __sync_fetch_and_add(value, 1);
    return 0;
}
`,
};

/** Runs the command on an object; it is expected to fail. */
function runCommand(
  guest: Guest,
  program: ToolProgram,
): { readonly status: number | null; readonly stderr: string } {
  const words = [command, "run", "--target", "kernel", guest.objectPath(program)];
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: "utf8", timeout: 90_000 });
  assert.equal(/^\s+at /m.test(stderr), false, stderr);
  return { status, stderr };
}

/** Does something while a folder looks empty. */
async function withEmpty(folder: string, run: () => void | Promise<void>): Promise<void> {
  mkdirSync("/tmp/empty", { recursive: true });
  execFileSync("/bin/mount", ["-o", "bind", "/tmp/empty", folder]);
  try {
    await run();
  } finally {
    execFileSync("/bin/umount", [folder]);
    rmSync("/tmp/empty", { recursive: true });
  }
}

/** Faults. */
export const faultCases: readonly GuestCase[] = [
  {
    name: "a map that is pinned by name counts on in the next program",
    programs: [pinned],
    async run(guest) {
      const before = loadedObjects(guest.kernel);
      const path = "/sys/fs/bpf/kept";
      const first = await guest.open(pinned);
      callGetegid(5);
      first.close();
      callGetegid(3);
      const second = await guest.open(pinned);
      callGetegid(2);
      assert.equal(second.table("kept").get(0), 7n);
      second.close();
      guest.kernel.objects.unpin(path);
      await untilUnloaded(guest.kernel, before);
    },
  },
  {
    name: "without the kernel's types the command says so, and leaves nothing",
    programs: [reader],
    async run(guest) {
      const before = loadedObjects(guest.kernel);
      await withEmpty("/sys/kernel/btf", () => {
        const { status, stderr } = runCommand(guest, reader);
        assert.equal(status, 1, stderr);
        assert.match(stderr, /LK004/);
        assert.match(stderr, /CONFIG_DEBUG_INFO_BTF/);
      });
      assert.deepEqual(loadedSince(guest.kernel, before), []);
    },
  },
  {
    name: "without the kprobe PMU kprobes go through tracefs",
    programs: [reader],
    async run(guest) {
      await withEmpty("/sys/bus/event_source/devices", async () => {
        const bpf = await guest.open(reader);
        try {
          assert.match(
            readFileSync("/sys/kernel/tracing/kprobe_events", "utf8"),
            /p:bpfkit\/\w+ __x64_sys_getegid/,
          );
          callGetegid(6);
          assert.deepEqual(bpf.table("calls").items(), [[process.pid, 6n]]);
        } finally {
          bpf.close();
        }
        assert.equal(readFileSync("/sys/kernel/tracing/kprobe_events", "utf8"), "");
      });
    },
  },
  {
    name: "lockdown=integrity lets programs trace; confidentiality is named, also where securityfs is not mounted",
    programs: [reader, sampler],
    async run(guest) {
      const lockdown = "/sys/kernel/security/lockdown";
      writeFileSync(lockdown, "integrity");
      assert.match(readFileSync(lockdown, "utf8"), /\[integrity\]/);
      const bpf = await guest.open(reader);
      try {
        callGetegid(4);
        assert.deepEqual(bpf.table("calls").items(), [[process.pid, 4n]]);
      } finally {
        bpf.close();
      }
      writeFileSync(lockdown, "confidentiality");
      const { status, stderr } = runCommand(guest, reader);
      assert.equal(status, 1, stderr);
      assert.match(stderr, /LK006/);
      assert.match(stderr, /lockdown=integrity/);
      execFileSync("/bin/umount", ["-l", "/sys/kernel/security"]);
      for (const program of [reader, sampler]) {
        const unseen = runCommand(guest, program);
        assert.equal(unseen.status, 1, unseen.stderr);
        assert.match(unseen.stderr, /hint: .*[Ll]ockdown.*mount -t securityfs/s, unseen.stderr);
        assert.equal(unseen.stderr.match(/\berror: /g)?.length, 1, unseen.stderr);
      }
    },
  },
];
