/** Guest tests of iterators: what they print is what /proc and the maps say. */
import { strict as assert } from "node:assert";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, realpathSync, rmdirSync, statSync } from "node:fs";
import { createServer } from "node:net";
import type { IteratorOptions } from "@bpfkit/loader";
import type { ToolProgram } from "bpfkit";
import type { GuestCase } from "../guest-case.ts";
import { eachId } from "./loaded-objects.ts";

const iterators: ToolProgram = {
  file: "iterators.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, u32);
    __type(value, u64);
} squares SEC(".maps");

SEC("iter/task")
int every_task(struct bpf_iter__task *ctx)
{
    struct task_struct *task = ctx->task;

    if (!task)
        BPF_SEQ_PRINTF(ctx->meta->seq, "end\\n");
    else if (task->pid == task->tgid)
        BPF_SEQ_PRINTF(ctx->meta->seq, "%d %s\\n", task->pid, task->comm);
    return 0;
}

SEC("iter/bpf_map")
int every_map(struct bpf_iter__bpf_map *ctx)
{
    struct bpf_map *map = ctx->map;

    if (map)
        BPF_SEQ_PRINTF(ctx->meta->seq, "%u %s %u\\n", map->id, map->name, map->max_entries);
    return 0;
}

SEC("iter/bpf_map_elem")
int every_element(struct bpf_iter__bpf_map_elem *ctx)
{
    u32 *key = ctx->key;
    u64 *value = ctx->value;

    if (key && value)
        BPF_SEQ_PRINTF(ctx->meta->seq, "%u=%llu\\n", *key, *value);
    return 0;
}
`,
};

/** Walks that print one line each for what this process has made. */
const more: ToolProgram = {
  file: "more-iterators.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "GPL";

#define PRINT(...) BPF_SEQ_PRINTF(ctx->meta->seq, __VA_ARGS__)

SEC("iter/task_file")
int every_file(struct bpf_iter__task_file *ctx)
{
    if (ctx->task && ctx->file)
        PRINT("%u\\n", ctx->fd);
    return 0;
}

SEC("iter/task_vma")
int every_mapping(struct bpf_iter__task_vma *ctx)
{
    struct vm_area_struct *vma = ctx->vma;

    if (ctx->task && vma)
        PRINT("%lx-%lx\\n", vma->vm_start, vma->vm_end);
    return 0;
}

SEC("iter/tcp")
int every_tcp(struct bpf_iter__tcp *ctx)
{
    struct sock_common *sk = ctx->sk_common;

    if (sk && sk->skc_state == 10 /* TCP_LISTEN */)
        PRINT("%u\\n", sk->skc_num);
    return 0;
}

SEC("iter/udp")
int every_udp(struct bpf_iter__udp *ctx)
{
    struct udp_sock *sk = ctx->udp_sk;

    if (sk)
        PRINT("%u\\n", BPF_CORE_READ(sk, inet.sk.__sk_common.skc_num));
    return 0;
}

SEC("iter/bpf_prog")
int every_program(struct bpf_iter__bpf_prog *ctx)
{
    struct bpf_prog *prog = ctx->prog;

    if (prog)
        PRINT("%u\\n", prog->aux->id);
    return 0;
}

SEC("iter/ksym")
int every_symbol(struct bpf_iter__ksym *ctx)
{
    struct kallsym_iter *symbol = ctx->ksym;

    if (symbol && symbol->name[0] == 'd' && symbol->name[1] == 'o' && symbol->name[2] == '_' &&
        symbol->name[3] == 'n')
        PRINT("%s\\n", symbol->name);
    return 0;
}

SEC("iter/cgroup")
int every_cgroup(struct bpf_iter__cgroup *ctx)
{
    struct cgroup *cgroup = ctx->cgroup;

    if (cgroup)
        PRINT("%llu\\n", cgroup->kn->id);
    return 0;
}

SEC("iter.s/task")
int sleepable_task(struct bpf_iter__task *ctx)
{
    struct task_struct *task = ctx->task;

    if (task && task->pid == task->tgid)
        PRINT("%d\\n", task->pid);
    return 0;
}
`,
};

/** Lines of a walk, sorted. */
const sorted = (text: string): string[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .sort();

/** Iterators. */
export const iteratorCases: readonly GuestCase[] = [
  {
    name: "iter/task prints the processes of /proc, each run anew",
    programs: [iterators],
    async run(guest) {
      const bpf = await guest.open(iterators);
      try {
        const link = bpf.attachIterator({ program: "every_task" });
        const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
        for (let run = 0; run < 2; run++) {
          const lines = link.read().trim().split("\n");
          assert.equal(lines.pop(), "end");
          const pids = lines.map((line) => line.split(" ")[0] ?? "");
          // Kernel threads come and go.
          assert.ok(Math.abs(pids.length - processes.length) < 8, `${pids.length}, ${processes.length}`);
          assert.ok(lines.includes(`${process.pid} node`), lines.join("\n"));
        }
        const mine = bpf.attachIterator({ program: "every_task", pid: process.pid });
        assert.deepEqual(mine.read(), `${process.pid} node\nend\n`);
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "iter/bpf_map lists the maps, iter/bpf_map_elem the 20 elements of one",
    programs: [iterators],
    async run(guest) {
      const bpf = await guest.open(iterators);
      try {
        const map = bpf.collection.maps.get("squares");
        assert.ok(map);
        for (let key = 0; key < 20; key++) map.update(key, BigInt(key * key));
        const { id } = guest.kernel.mapInfo(map.fd);
        const maps = bpf.attachIterator({ program: "every_map" }).read().trim().split("\n");
        assert.ok(maps.includes(`${id} squares 64`), maps.join("\n"));
        const elements = bpf
          .attachIterator({ program: "every_element", map })
          .read()
          .trim()
          .split("\n")
          .sort();
        const expected = Array.from({ length: 20 }, (_, key) => `${key}=${key * key}`).sort();
        assert.deepEqual(elements, expected);
        assert.throws(
          () => bpf.attachIterator({ program: "every_element" }),
          (error: Error & { hint?: string }) =>
            /LD092|iter:bpf_map_elem/.test(error.message) && error.hint === "Say which map to walk.",
        );
        // Only the two that need no map are attached by their sections.
        assert.equal(bpf.links.filter(({ description }) => description === "iter:task").length, 1);
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "iterators over files, mappings, sockets, programs, symbols and cgroups find what /proc and sysfs show",
    programs: [more],
    async run(guest) {
      const bpf = await guest.open(more);
      const udp = createSocket("udp4");
      const servers = [createServer(), createServer(), createServer()];
      const outer = "/sys/fs/cgroup/walked";
      const folders = [outer, `${outer}/one`, `${outer}/two`, `${outer}/two/three`];
      for (const folder of folders) mkdirSync(folder);
      try {
        const read = (program: string, options: Omit<IteratorOptions, "map"> = {}): string[] =>
          sorted(bpf.attachIterator({ program, ...options }).read());
        const { pid } = process;
        const mappings = read("every_mapping", { pid });
        // Linux 6.1 walks the files of a process once for each of some of its threads.
        const files = [...new Set(read("every_file", { pid }))];
        // The walk over files holds its own descriptors while it is read; they are above those that stay.
        const open = readdirSync("/proc/self/fd").sort();
        assert.ok(files.length > 10 && files.every((fd) => /^\d+$/.test(fd)));
        assert.deepEqual(
          files.filter((fd) => open.includes(fd)),
          open.filter((fd) => files.includes(fd)),
        );
        assert.ok(Math.abs(files.length - open.length) <= 3, `${files.length}, ${open.length}`);
        const binary = realpathSync("/proc/self/exe");
        const ofBinary = readFileSync("/proc/self/maps", "utf8")
          .split("\n")
          .filter((line) => line.endsWith(binary))
          .map((line) => line.split(" ")[0] ?? "");
        assert.ok(ofBinary.length >= 3);
        for (const range of ofBinary) assert.ok(mappings.includes(range.replace(/^0+|(?<=-)0+/g, "")), range);

        for (const server of servers) {
          server.listen(0, "127.0.0.1");
          await once(server, "listening");
        }
        const ports = servers.map((server) => String((server.address() as { port: number }).port)).sort();
        assert.deepEqual(read("every_tcp"), ports);
        udp.bind(0, "127.0.0.1");
        await once(udp, "listening");
        assert.ok(read("every_udp").includes(String(udp.address().port)));

        const programs = [...eachId(guest.kernel, "program")].map(String).sort();
        assert.deepEqual(read("every_program"), programs);
        const names = readFileSync("/proc/kallsyms", "utf8")
          .split("\n")
          .map((line) => line.split(/[ \t]/)[2] ?? "")
          .filter((name) => name.startsWith("do_n"));
        assert.ok(names.length > 3);
        assert.deepEqual(read("every_symbol"), names.sort());

        const idOf = (folder: string): string => String(statSync(folder).ino);
        const walk = (path: string, order: "self" | "descendants" | "ancestors"): string[] =>
          read("every_cgroup", { cgroup: { path, order } });
        assert.deepEqual(walk(outer, "self"), [idOf(outer)]);
        assert.deepEqual(walk(outer, "descendants"), folders.map(idOf).sort());
        const up = ["/sys/fs/cgroup", outer, `${outer}/two`, `${outer}/two/three`];
        assert.deepEqual(walk(`${outer}/two/three`, "ancestors"), up.map(idOf).sort());
        assert.ok(read("sleepable_task").includes(String(pid)));
      } finally {
        bpf.close();
        udp.close();
        for (const server of servers) server.close();
        for (const folder of folders.reverse()) rmdirSync(folder);
      }
    },
  },
];
