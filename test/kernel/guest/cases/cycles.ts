/** Guest tests of what is left after many rounds: descriptors, mapped memory, objects of the kernel. */
import { strict as assert } from "node:assert";
import { readdirSync, readFileSync } from "node:fs";
import { BtfTable } from "@bpfkit/elf/btf";
import { BPF, type ToolProgram } from "bpfkit";
import type { GuestCase } from "../guest-case.ts";
import { loadedObjects, untilUnloaded } from "./loaded-objects.ts";

const everything: ToolProgram = {
  file: "cycles.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

u64 seen = 0;

struct {
    __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
    __uint(key_size, 4);
    __uint(value_size, 4);
} perf SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} ring SEC(".maps");

SEC("raw_tp/sched_process_exec")
int on_exec(void *ctx)
{
    __sync_fetch_and_add(&seen, 1);
    bpf_ringbuf_output(&ring, &seen, sizeof(seen), 0);
    bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU, &seen, sizeof(seen));
    return 0;
}

SEC("tp_btf/sched_process_exec") int on_typed_exec(void *ctx) { return 0; }
SEC("tracepoint/sched/sched_process_exec") int on_traced_exec(void *ctx) { return 0; }
`,
};

const descriptors = (): number => readdirSync("/proc/self/fd").length;
/** Rings and arrays of the kernel in this process's memory. */
const mapped = (): string[] =>
  readFileSync("/proc/self/maps", "utf8")
    .split("\n")
    .filter((line) => /bpf-map|perf_event|bpf_map/.test(line));

/** Rounds. */
export const cycleCases: readonly GuestCase[] = [
  {
    name: "1000 rounds of attaching, 25 of loading with rings, perf buffers and mapped variables leave nothing open",
    only: "stable",
    programs: [everything],
    async run(guest) {
      const { kernel } = guest;
      const before = loadedObjects(kernel);
      const object = readFileSync(guest.objectPath(everything));
      const targetBtf = BtfTable.decode(kernel.readKernelFile("/sys/kernel/btf/vmlinux"));
      const round = async (): Promise<void> => {
        const bpf = await BPF.open({ object, name: "cycles", kernel, targetBtf });
        bpf.table("ring").openRingBuffer(() => {});
        bpf.table("perf").openPerfBuffer(() => {}, { pageCount: 1 });
        bpf.collection.variable("seen").write(1n);
        assert.ok(mapped().length >= 2 + kernel.onlineCpus.length, mapped().join("\n"));
        bpf.close();
      };
      await round();
      const openAtFirst = descriptors();
      assert.deepEqual(mapped(), []);
      for (let each = 0; each < 25; each++) await round();
      assert.equal(descriptors(), openAtFirst);
      assert.deepEqual(mapped(), []);

      const bpf = await BPF.open({ object, name: "cycles", kernel, targetBtf, autoAttach: false });
      const openWhileLoaded = descriptors();
      for (let each = 0; each < 1000; each++) {
        bpf.attachRawTracepoint({ event: "sched_process_exec", program: "on_exec" }).close();
      }
      assert.equal(descriptors(), openWhileLoaded);
      bpf.close();
      assert.equal(descriptors(), openAtFirst);
      await untilUnloaded(kernel, before);
    },
  },
];
