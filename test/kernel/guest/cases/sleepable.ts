/** Guest tests of sleepable programs: tracing, LSM and uprobes that may wait for user memory. */
import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import type { ToolProgram } from "bpfkit";
import { binaryPath, type GuestBinary, type GuestCase } from "../guest-case.ts";
import { execTrue } from "./probes.ts";

/** Calls greet() five times with a text in memory that nobody has touched yet. */
const greeter: GuestBinary = {
  name: "greeter",
  text: `
__attribute__((noinline)) void greet(const char *text) { __asm__ volatile("" : : "r"(text) : "memory"); }
static const char text[] = "hello";
__attribute__((used)) static void run(void)
{
    for (int i = 0; i < 5; i++)
        greet(text);
    __asm__ volatile("syscall" : : "a"(60L), "D"(0L) : "rcx", "r11", "memory");
    __builtin_unreachable();
}
__asm__(".globl _start\\n_start: xor %ebp,%ebp\\nand $-16,%rsp\\ncall run\\n");
`,
};

const sleepable: ToolProgram = {
  file: "sleepable.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 8);
    __type(key, u32);
    __type(value, u64);
} counts SEC(".maps");

static __always_inline int count(u32 index)
{
    u64 *value = bpf_map_lookup_elem(&counts, &index);
    if (value)
        __sync_fetch_and_add(value, 1);
    return 0;
}

static __always_inline int begins(const void *text, char first)
{
    char letter = 0;

    return bpf_copy_from_user(&letter, 1, text) == 0 && letter == first;
}

SEC("lsm.s/bprm_committed_creds")
int BPF_PROG(on_exec, struct linux_binprm *bprm)
{
    return count(0);
}

SEC("uprobe.s/${binaryPath(greeter)}:greet")
int BPF_UPROBE(on_greet, const char *text)
{
    return begins(text, 'h') ? count(1) : 0;
}

SEC("uretprobe.s/${binaryPath(greeter)}:greet")
int BPF_URETPROBE(on_greet_return)
{
    return count(2);
}
`,
};

/** Sleepable programs on other functions need CONFIG_FUNCTION_ERROR_INJECTION, which Debian's 6.1 cloud kernel lacks. */
const elsewhere: ToolProgram = {
  file: "sleepable-elsewhere.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("fentry.s/__x64_sys_access")
int on_access(void *ctx)
{
    char letter = 0;

    return bpf_copy_from_user(&letter, 1, 0) == 0 && letter == 'x';
}
`,
};

/** Sleepable programs. */
export const sleepableCases: readonly GuestCase[] = [
  {
    name: "sleepable programs: lsm.s, uprobe.s and uretprobe.s counted, fentry.s refused in words",
    programs: [sleepable, elsewhere],
    binaries: [greeter],
    async run(guest) {
      const bpf = await guest.open(sleepable);
      try {
        for (let exec = 0; exec < 3; exec++) execTrue();
        assert.equal(spawnSync(binaryPath(greeter)).status, 0);
        const found = [0, 1, 2].map((index) => Number(bpf.table("counts").get(index)));
        assert.deepEqual(found, [4, 5, 5]);
        await assert.rejects(
          guest.open(elsewhere),
          /LD050|may sleep is called where the kernel cannot sleep/,
        );
      } finally {
        bpf.close();
      }
    },
  },
];
