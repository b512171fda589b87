/** Guest tests of probes in programs: by symbol and library, by pattern, through tracefs, and USDT with arguments. */
import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { type ToolProgram, USDT } from "bpfkit";
import koffi from "koffi";
import { binaryPath, type GuestBinary, type GuestCase } from "../guest-case.ts";

/**
 * A program with a probe that has a semaphore and arguments in registers, in memory and constant, and one without, in the
 * way in which sys/sdt.h notes them. It calls work() thirteen times and square() four times, and ends with the number of
 * times that it found the semaphore switched on.
 */
export const traced: GuestBinary = {
  name: "traced",
  text: `
#define NOTE(provider, name, semaphore, arguments) \\
    "990: nop\\n" \\
    ".pushsection .note.stapsdt,\\"?\\",\\"note\\"\\n.balign 4\\n" \\
    ".4byte 992f-991f, 994f-993f, 3\\n" \\
    "991: .asciz \\"stapsdt\\"\\n992: .balign 4\\n" \\
    "993: .8byte 990b\\n.8byte _.stapsdt.base\\n.8byte " semaphore "\\n" \\
    ".asciz \\"" provider "\\"\\n.asciz \\"" name "\\"\\n.asciz \\"" arguments "\\"\\n" \\
    "994: .balign 4\\n.popsection\\n" \\
    ".ifndef _.stapsdt.base\\n" \\
    ".pushsection .stapsdt.base,\\"aG\\",\\"progbits\\",.stapsdt.base,comdat\\n" \\
    ".weak _.stapsdt.base\\n.hidden _.stapsdt.base\\n" \\
    "_.stapsdt.base: .space 1\\n.size _.stapsdt.base,1\\n.popsection\\n.endif\\n"

__attribute__((section(".probes"), used)) volatile unsigned short step_semaphore = 0;
static int switched_on;
static long table[4] = {7, 70, 700, 7000};

__attribute__((noinline)) long work(int number, long big)
{
    long local[2] = {big, -number};

    if (step_semaphore)
        switched_on++;
    __asm__ volatile(NOTE("bpfkit", "step", "step_semaphore",
                          "-4@%[number] 8@%[big] -8@%[place] 4@$42 8@(%[table],%[index],8)")
                     :
                     : [number] "r"(number), [big] "r"(big), [place] "m"(local[1]),
                       [table] "r"(table), [index] "r"((long)(number & 3)));
    return local[0] + number;
}

__attribute__((noinline)) int square(int number)
{
    __asm__ volatile(NOTE("bpfkit", "square", "0", "-4@%[number]") : : [number] "r"(number));
    return number * number;
}

__attribute__((used)) static void run(void)
{
    long sum = 0;
    for (int i = 0; i < 13; i++)
        sum += work(i, 1000000000000L + i);
    for (int i = 0; i < 4; i++)
        sum += square(i);
    __asm__ volatile("" : : "r"(sum));
    __asm__ volatile("syscall" : : "a"(60L), "D"((long)switched_on) : "rcx", "r11", "memory");
    __builtin_unreachable();
}

__asm__(".globl _start\\n_start: xor %ebp,%ebp\\nand $-16,%rsp\\ncall run\\n");
`,
};

const path = binaryPath(traced);

const probes: ToolProgram = {
  file: "user-probes.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
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

SEC("uprobe/${path}:work") int on_work(void *ctx) { return count(0); }
SEC("uretprobe/${path}:square") int on_square(void *ctx) { return count(1); }
SEC("uprobe/libc.so.6:getppid") int on_getppid(void *ctx) { return count(2); }
SEC("uprobe.multi/${path}:*qu?r*") int on_many(void *ctx) { return count(3); }
`,
};

const usdt: ToolProgram = {
  file: "usdt-arguments.c",
  text: `#include <uapi/linux/ptrace.h>
struct row { s32 number; u64 big; s64 place; u32 constant; u64 element; };
BPF_HASH(rows, u32, struct row);
BPF_ARRAY(squares, u64, 8);
int on_step(struct pt_regs *ctx)
{
    struct row row = {};
    u32 key;
    bpf_usdt_readarg(1, ctx, &row.number);
    bpf_usdt_readarg(2, ctx, &row.big);
    bpf_usdt_readarg(3, ctx, &row.place);
    bpf_usdt_readarg(4, ctx, &row.constant);
    bpf_usdt_readarg(5, ctx, &row.element);
    key = row.number;
    rows.update(&key, &row);
    return 0;
}
int on_square(struct pt_regs *ctx)
{
    int number = 0;
    bpf_usdt_readarg(1, ctx, &number);
    squares.increment(number);
    return 0;
}
`,
};

/** Runs the program; the status is what its semaphore said. */
export function runTraced(): number {
  const { status, error } = spawnSync(path);
  if (error !== undefined) throw error;
  return status ?? -1;
}

/** Probes in programs. */
export const userProbeCases: readonly GuestCase[] = [
  {
    name: "uprobes by section: symbols of a program, a library by name, a pattern",
    programs: [probes],
    binaries: [traced],
    async run(guest) {
      const bpf = await guest.open(probes);
      const counts = (): unknown[] => [0, 1, 2, 3].map((index) => bpf.table("counts").get(index));
      const getppid = koffi.load("libc.so.6").func("int getppid()");
      try {
        const before = Number(bpf.table("counts").get(2));
        for (let call = 0; call < 6; call++) getppid();
        runTraced();
        assert.equal(Number(bpf.table("counts").get(2)) - before, 6);
        assert.deepEqual([counts()[0], counts()[1], counts()[3]], [13n, 4n, 4n]);
        bpf.detach();
        runTraced();
        assert.deepEqual([counts()[0], counts()[1], counts()[3]], [13n, 4n, 4n], "still attached");
        bpf.attachUprobe({ path, symbol: "work", offset: 0, program: "on_work" });
        bpf.attachUprobe({ path: "c", symbol: "getppid", pid: process.pid, program: "on_getppid" }).close();
        runTraced();
        assert.equal(counts()[0], 26n);
        assert.throws(
          () => bpf.attachUprobe({ path, symbol: "none", program: "on_work" }),
          /LD083|no function none/,
        );
        assert.throws(
          () => bpf.attachUprobe({ path: "no-such-program", symbol: "f", program: "on_work" }),
          /no program or library/,
        );
        assert.throws(
          () => bpf.attachUprobe({ path: "/etc/passwd", symbol: "f", program: "on_work" }),
          /no 64-bit ELF/,
        );
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "uprobes through tracefs, and the list is as before",
    programs: [probes],
    binaries: [traced],
    async run(guest) {
      const list = "/sys/kernel/tracing/uprobe_events";
      const bpf = await guest.open(probes);
      try {
        bpf.detach();
        const start = bpf.table("counts").get(0);
        bpf.attachUprobe({ path, symbol: "work", program: "on_work", mode: "tracefs" });
        bpf.attachUretprobe({ path, symbol: "square", program: "on_square", mode: "tracefs" });
        assert.equal(readFileSync(list, "utf8").trim().split("\n").length, 2);
        runTraced();
        assert.deepEqual([bpf.table("counts").get(0), bpf.table("counts").get(1), start], [13n, 4n, 0n]);
      } finally {
        bpf.close();
      }
      assert.equal(readFileSync(list, "utf8"), "");
    },
  },
  {
    name: "USDT probes with arguments and a semaphore, counted and read",
    programs: [usdt],
    binaries: [traced],
    async run(guest) {
      const context = new USDT({ path });
      assert.deepEqual(
        context
          .enumerateProbes(guest.kernel)
          .map(({ name, argumentCount, hasSemaphore }) => [name, argumentCount, hasSemaphore]),
        [
          ["step", 5, true],
          ["square", 1, false],
        ],
      );
      assert.equal(runTraced(), 0, "the semaphore is off");
      const bpf = await guest.open(usdt);
      try {
        context.enableProbe({ probe: "bpfkit:step", program: "on_step" });
        context.enableProbe({ probe: "square", program: "on_square" });
        context.attach(bpf);
        assert.equal(runTraced(), 13, "the semaphore is on");
        const rows = bpf.table("rows").items();
        assert.equal(rows.length, 13);
        for (const [key, row] of rows) {
          const number = Number(key);
          assert.deepEqual(row, {
            number,
            big: 1_000_000_000_000n + BigInt(number),
            place: BigInt(-number),
            constant: 42,
            element: [7n, 70n, 700n, 7000n][number & 3],
          });
        }
        assert.deepEqual(
          [0, 1, 2, 3, 4].map((number) => bpf.table("squares").get(number)),
          [1n, 1n, 1n, 1n, 0n],
        );
        assert.throws(
          () => bpf.attachUsdt({ path, name: "none", program: "on_step" }),
          (error: Error & { hint?: string }) =>
            /no USDT probe none/.test(error.message) && /bpfkit:step/.test(error.hint ?? ""),
        );
        bpf.detach();
        assert.equal(runTraced(), 0, "the semaphore is off again");
        assert.equal(bpf.table("squares").get(0), 1n);
      } finally {
        bpf.close();
      }
    },
  },
];
