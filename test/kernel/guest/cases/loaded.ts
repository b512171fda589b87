/** Guest tests of what is loaded and attached, and of what the kernel can do, against Debian's bpftool in the guest. */
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { helperById, ProgramType } from "@bpfkit/base/abi";
import type { Kernel } from "@bpfkit/base/kernel";
import { hasHelper } from "@bpfkit/loader";
import { describeFeatures, describeLoadedLink, eachObject, jsonText, type ToolProgram } from "bpfkit";
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

const command = "/bpfkit/node_modules/@bpfkit/cli/bin/bpfkit.cjs";
const run = (program: string, words: readonly string[]): string =>
  execFileSync(program, words, { encoding: "utf8", maxBuffer: 1 << 26 });

function links(kernel: Kernel): unknown[] {
  const found = eachObject(kernel, "link", (fd) => describeLoadedLink(kernel, fd));
  return JSON.parse(jsonText(found)) as unknown[];
}

/** Loaded and attached. */
export const loadedCases: readonly GuestCase[] = [
  {
    only: "stable",
    name: "links are those that bpftool lists, field by field and line by line",
    programs: [attached],
    async run(guest) {
      const before = links(guest.kernel);
      const bpf = await guest.open(attached);
      try {
        const theirs = JSON.parse(run("bpftool", ["-j", "link", "list"])) as Record<string, unknown>[];
        const ours = links(guest.kernel) as Record<string, unknown>[];
        assert.ok(ours.length >= before.length + 3, JSON.stringify(ours));
        assert.equal(ours.length, theirs.length);
        for (const [index, link] of theirs.entries()) {
          for (const [name, value] of Object.entries(link)) {
            if (name !== "pids")
              assert.deepEqual(ours[index]?.[name], value, `${name} of link ${link["id"]}`);
          }
        }
        // bpftool 7.1 gives the target as JSON only, newer ones in both.
        const text = (all: string) =>
          all.replace(/^\t(?:pids|target_obj_id) .*\n/gm, "").replace(/[ \t]+$/gm, "");
        const shown = run(process.execPath, [command, "link", "list"]);
        assert.equal(text(shown), text(run("bpftool", ["link", "list"])));
      } finally {
        bpf.close();
      }
      assert.deepEqual(links(guest.kernel), before);
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
