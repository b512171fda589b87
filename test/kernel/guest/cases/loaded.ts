/** Guest tests of what is loaded and attached, and of what the kernel can do, against Debian's bpftool in the guest. */
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { helperById, ProgramType } from "@bpfkit/base/abi";
import type { Kernel } from "@bpfkit/base/kernel";
import { hasHelper } from "@bpfkit/loader";
import {
  btfUsers,
  describeFeatures,
  describeLoadedBtf,
  describeLoadedLink,
  describeLoadedMap,
  describeLoadedProgram,
  eachObject,
  type JsonNode,
  jsonText,
  LoadedTypes,
  type ToolProgram,
} from "bpfkit";
import type { GuestCase } from "../guest-case.ts";

const attached: ToolProgram = {
  file: "attached.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
SEC("fentry/do_nanosleep") int on_entry(void *ctx) { return 0; }
SEC("tp_btf/sched_switch") int on_switch(void *ctx) { return 0; }
SEC("raw_tp/sched_process_exit") int on_exit(void *ctx) { return 0; }
SEC("tracepoint/sched/sched_process_fork") int on_fork(void *ctx) { return 0; }
char LICENSE[] SEC("license") = "GPL";
`,
};

const loaded: ToolProgram = {
  file: "loaded.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
struct point { int x; u64 y; };
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, u64); __type(value, struct point); } by_number SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } ring SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 2); __type(key, u32); __type(value, u64); } cpus SEC(".maps");
u64 calls;
const volatile u32 limit = 5;

static __noinline int half(u64 value)
{
    calls += value;
    return value / 2;
}

SEC("raw_tp/sys_enter")
int on_call(u64 *ctx)
{
    u64 key = ctx[1];
    struct point *point = bpf_map_lookup_elem(&by_number, &key);
    u64 *event = bpf_ringbuf_reserve(&ring, 8, 0);

    if (event) {
        *event = point ? point->y : limit;
        bpf_ringbuf_submit(event, 0);
    }
    return half(key);
}
SEC("fentry/do_nanosleep") int on_sleep(void *ctx) { return 0; }
`,
};

const everywhere: ToolProgram = {
  file: "everywhere.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
SEC("kprobe/do_nanosleep") int entry(void *ctx) { return 0; }
SEC("kretprobe/do_nanosleep") int end(void *ctx) { return 0; }
SEC("kprobe.multi/do_nanosleep") int entries(void *ctx) { return 0; }
SEC("kretprobe.multi/vfs_rea?") int ends(void *ctx) { return 0; }
SEC("uprobe/libc.so.6:getppid") int user(void *ctx) { return 0; }
SEC("uretprobe/libc.so.6:getppid") int user_end(void *ctx) { return 0; }
SEC("uprobe.multi/libc.so.6:getp?id") int users(void *ctx) { return 0; }
SEC("tracepoint/sched/sched_process_fork") int on_fork(void *ctx) { return 0; }
SEC("raw_tp/sched_process_exit") int on_exit(void *ctx) { return 0; }
SEC("fentry/do_nanosleep") int on_entry(void *ctx) { return 0; }
SEC("iter/task") int task(void *ctx) { return 0; }
SEC("perf_event") int sample(void *ctx) { return 0; }
SEC("tcx/egress") int packet(void *ctx) { return 0; }
SEC("xdp") int frame(void *ctx) { return XDP_PASS; }
SEC("netfilter") int hook(void *ctx) { return 1; }
SEC("cgroup/dev") int device(void *ctx) { return 1; }
SEC("sk_lookup") int lookup(void *ctx) { return 1; }
char LICENSE[] SEC("license") = "GPL";
`,
};

const command = "/bpfkit/node_modules/@bpfkit/cli/bin/bpfkit.cjs";
const run = (program: string, words: readonly string[]): string =>
  execFileSync(program, words, { encoding: "utf8", maxBuffer: 1 << 26 });

function links(kernel: Kernel): unknown[] {
  const found = eachObject(kernel, "link", (fd) => describeLoadedLink(kernel, fd));
  return JSON.parse(jsonText(found)) as unknown[];
}

/** What bpfkit says of all links is what bpftool says of them. */
function compareLinks(kernel: Kernel): void {
  const theirs = JSON.parse(run("bpftool", ["-j", "link", "list"])) as Record<string, unknown>[];
  const ours = links(kernel) as Record<string, unknown>[];
  assert.equal(ours.length, theirs.length);
  for (const [index, link] of theirs.entries()) {
    for (const [name, value] of Object.entries(link)) {
      if (name !== "pids") assert.deepEqual(ours[index]?.[name], value, `${name} of link ${link["id"]}`);
    }
  }
  // bpftool 7.1 gives the target as JSON only, newer ones in both.
  const text = (all: string) => all.replace(/^\t(?:pids|target_obj_id) .*\n/gm, "").replace(/[ \t]+$/gm, "");
  const shown = run(process.execPath, [command, "link", "list"]);
  assert.equal(text(shown), text(run("bpftool", ["link", "list"])));
}

const sorted = (value: unknown): unknown =>
  Array.isArray(value) && value.every((each) => typeof each === "number")
    ? value.toSorted((a, b) => a - b)
    : value;

/** Loaded and attached. */
export const loadedCases: readonly GuestCase[] = [
  {
    name: "links are those that bpftool lists, field by field and line by line",
    programs: [attached],
    async run(guest) {
      const before = links(guest.kernel);
      const bpf = await guest.open(attached);
      try {
        assert.ok(links(guest.kernel).length >= before.length + 3);
        compareLinks(guest.kernel);
      } finally {
        bpf.close();
      }
      assert.deepEqual(links(guest.kernel), before);
    },
  },
  {
    only: "backports",
    name: "links of every type are those that bpftool lists, with their events, functions and cookies",
    programs: [everywhere],
    async run(guest) {
      const bpf = await guest.open(everywhere);
      try {
        bpf.attachPerfEvent({ kind: "software", config: 0, sampleFrequencyHz: 1, program: "sample" });
        bpf.attachTrafficControl({ interface: "lo", direction: "egress", program: "packet" });
        bpf.attachXdp({ interface: "lo", mode: "generic", program: "frame" });
        bpf.attachNetfilter({ family: "ipv4", hook: "input", priority: -5, program: "hook" });
        bpf.attachCgroup({ path: "/sys/fs/cgroup", program: "device" });
        bpf.attachNetworkNamespace({ program: "lookup" });
        bpf.attachKprobe({ event: "do_nanosleep", program: "entry", cookie: 77n });
        bpf.attachUprobe({ path: "c", symbol: "getppid", program: "user", cookie: 78n });
        assert.ok(links(guest.kernel).length >= 18);
        compareLinks(guest.kernel);
      } finally {
        bpf.close();
      }
    },
  },
  {
    only: "backports",
    name: "programs, maps and types are those that bpftool lists and dumps",
    programs: [loaded],
    async run(guest) {
      const { kernel } = guest;
      const bpf = await guest.open(loaded);
      try {
        const [types, users] = [new LoadedTypes(kernel), btfUsers(kernel)];
        const lists = {
          prog: eachObject(kernel, "program", (fd) => describeLoadedProgram(kernel, types, fd)),
          map: eachObject(kernel, "map", (fd) => describeLoadedMap(kernel, fd)),
          btf: eachObject(kernel, "btf", (fd) => describeLoadedBtf(kernel, users, fd)),
        };
        for (const [kind, found] of Object.entries(lists)) {
          const ours = JSON.parse(jsonText(found as unknown as JsonNode)) as Record<string, unknown>[];
          const theirs = JSON.parse(run("bpftool", ["-j", kind, "list"])) as Record<string, unknown>[];
          assert.equal(ours.length, theirs.length, kind);
          for (const [index, each] of theirs.entries()) {
            for (const [name, value] of Object.entries(each)) {
              // bpftool lists ids in the order of its hash table; orphans are programs of devices that are gone.
              if (name !== "pids" && name !== "orphaned")
                assert.deepEqual(
                  sorted(ours[index]?.[name]),
                  sorted(value),
                  `${kind} ${each["id"]}: ${name}`,
                );
            }
          }
        }
        const words = ["prog", "dump", "xlated", "name", "on_call"];
        assert.equal(run(process.execPath, [command, ...words]), run("bpftool", words));
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "features and helpers are those that bpftool finds",
    async run({ kernel }) {
      const theirs = JSON.parse(run("bpftool", ["-j", "feature", "probe", "kernel"])) as Record<
        string,
        Record<string, unknown>
      >;
      const ours = JSON.parse(jsonText(describeFeatures(kernel))) as typeof theirs;
      for (const part of ["syscall_config", "program_types", "map_types", "misc"]) {
        for (const [name, value] of Object.entries(theirs[part] ?? {})) {
          assert.deepEqual(ours[part]?.[name], value, name);
        }
      }
      const types = { kprobe: ProgramType.Kprobe, xdp: ProgramType.Xdp, cgroup_skb: ProgramType.CgroupSkb };
      const loud = ["bpf_trace_printk", "bpf_trace_vprintk", "bpf_probe_write_user"];
      for (const [name, type] of Object.entries(types)) {
        const found: string[] = [];
        for (let id = 1; helperById(id) !== undefined; id++) {
          const helper = `bpf_${helperById(id)?.name}`;
          if (!loud.includes(helper) && hasHelper(kernel, type, id)) found.push(helper);
        }
        assert.deepEqual(found, theirs["helpers"]?.[`${name}_available_helpers`], name);
      }
    },
  },
];
