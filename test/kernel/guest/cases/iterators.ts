/** Guest tests of iterators: what they print is what /proc and the maps say. */
import { strict as assert } from "node:assert";
import { readdirSync } from "node:fs";
import type { ToolProgram } from "bpfkit";
import type { GuestCase } from "../guest-case.ts";

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
];
