/** Guest tests of kill -9 for every way of attaching: what hangs on descriptors goes, and what stays is what is documented. */
import { strict as assert } from "node:assert";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import type { ToolProgram } from "bpfkit";
import type { GuestCase } from "../guest-case.ts";
import { loadedObjects, loadedSince, untilUnloaded } from "./loaded-objects.ts";
import { insertModule } from "./modules.ts";
import { until } from "./until.ts";

const folder = "/sys/fs/cgroup/killed";
const kprobeList = "/sys/kernel/tracing/kprobe_events";

const head = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";
`;

const held: ToolProgram = {
  file: "held.bpf.c",
  text: `${head}
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

struct {
    __uint(type, BPF_MAP_TYPE_SOCKMAP);
    __uint(max_entries, 4);
    __type(key, u32);
    __type(value, u32);
} sockets SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __uint(pinning, LIBBPF_PIN_NONE);
    __type(key, u32);
    __type(value, u64);
} counts SEC(".maps");

SEC("kprobe") int on_entry(void *ctx) { seen++; return 0; }
SEC("perf_event") int on_sample(void *ctx) { return 0; }
SEC("xdp") int on_packet(struct xdp_md *ctx) { return XDP_PASS; }
SEC("cgroup_skb/egress") int on_egress(struct __sk_buff *skb) { return 1; }
SEC("cgroup/connect4") int on_connect(struct bpf_sock_addr *ctx) { return 1; }
SEC("sk_lookup") int on_lookup(struct bpf_sk_lookup *ctx) { return 1; }
SEC("flow_dissector") int on_flow(struct __sk_buff *skb) { return 129; }
SEC("socket") int on_socket(struct __sk_buff *skb) { return -1; }
SEC("sk_msg") int on_message(struct sk_msg_md *ctx) { return SK_PASS; }
SEC("sk_skb/stream_verdict") int on_verdict(struct __sk_buff *skb) { return SK_PASS; }
SEC("iter/task") int every_task(struct bpf_iter__task *ctx) { return 0; }

SEC("ksyscall/getegid") int on_call(void *ctx) { return 0; }
SEC("tracepoint/sched/sched_process_exec") int on_exec(void *ctx) { return 0; }
SEC("raw_tp/sched_process_exec") int on_raw_exec(void *ctx) { return 0; }
SEC("tp_btf/sched_process_exec") int on_typed_exec(void *ctx) { return 0; }
SEC("fentry/do_faccessat") int on_access(void *ctx) { return 0; }
SEC("fexit/do_faccessat") int on_access_end(void *ctx) { return 0; }
SEC("fmod_ret/security_inode_mkdir") int BPF_PROG(on_mkdir) { return 0; }
SEC("lsm/bprm_check_security") int on_check(void *ctx) { return 0; }
SEC("uprobe/libc.so.6:getegid") int on_library(void *ctx) { return 0; }
`,
};

const staying: ToolProgram = {
  file: "staying.bpf.c",
  text: `${head}
SEC("kprobe") int on_entry(void *ctx) { return 0; }
SEC("xdp") int on_packet(struct xdp_md *ctx) { return XDP_PASS; }
SEC("tc") int on_classified(struct __sk_buff *skb) { return -1; }
SEC("cgroup_skb/egress") int on_egress(struct __sk_buff *skb) { return 1; }
`,
};

/** Starts a process that attaches and waits until it has. */
async function startAttached(which: string, object: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["/bpfkit/agent/attach-all.js", which, object, folder], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  await until("all to be attached", () => {
    assert.equal(child.exitCode, null, output);
    return /^attached \d+$/m.test(output);
  });
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "close");
}

const run = (program: string, ...words: string[]): string =>
  execFileSync(program, words, { encoding: "utf8" });
/** bpftool's JSON of this is not well formed where there is a flow dissector. */
const xdpOfLoopback = (): boolean => /^lo\(1\) generic id \d+/m.test(run("/usr/bin/bpftool", "net", "show"));
/** Ids and attach types. */
const ofCgroup = (): (readonly [id: string, type: string])[] =>
  [...run("/usr/bin/bpftool", "cgroup", "show", folder).matchAll(/^(\d+) +(\w+)/gm)].map(
    ([, id = "", type = ""]) => [id, type],
  );
const isProbed = (): boolean => readFileSync("/sys/kernel/debug/kprobes/list", "utf8") !== "";

/** kill -9. */
export const killedCases: readonly GuestCase[] = [
  {
    name: "kill -9 with 25 attachments of every kind that hangs on descriptors leaves no program, map, link or probe",
    programs: [held],
    async run(guest) {
      mkdirSync(folder);
      const before = loadedObjects(guest.kernel);
      let child: ChildProcess | undefined;
      try {
        child = await startAttached("held", guest.objectPath(held));
        const loaded = loadedSince(guest.kernel, before);
        const many = (kind: string): number => loaded.filter((each) => each.startsWith(kind)).length;
        assert.ok(many("program") >= 20 && many("map") >= 5 && many("link") >= 19, loaded.join(", "));
        assert.equal(xdpOfLoopback(), true);
        assert.equal(ofCgroup().length, 2);
        assert.equal(isProbed(), true);
        await kill(child);
        await untilUnloaded(guest.kernel, before);
        assert.equal(xdpOfLoopback(), false, "XDP is left");
        assert.deepEqual(ofCgroup(), [], "a cgroup program is left");
        await until("the kprobes to go", () => !isProbed());
      } finally {
        child?.kill("SIGKILL");
        rmdirSync(folder);
      }
    },
  },
  {
    name: "kill -9 leaves XDP by netlink, clsact, cgroup programs without links and probes of tracefs, which can be taken away",
    programs: [staying],
    async run({ kernel, objectPath }) {
      insertModule("sch_ingress");
      insertModule("cls_bpf");
      mkdirSync(folder);
      const before = loadedObjects(kernel);
      try {
        await kill(await startAttached("staying", objectPath(staying)));
        const programs = (): string[] =>
          loadedSince(kernel, before).filter((each) => each.startsWith("program"));
        // The fourth ran on the probe's event, which is gone; the probe itself is listed still.
        await until(
          () => `one program to go: ${programs().join(", ")}`,
          () => programs().length === 3,
        );
        assert.equal(xdpOfLoopback(), true);
        const [[id = "", type = ""] = []] = ofCgroup();
        assert.match(type, /egress/);
        assert.match(readFileSync(kprobeList, "utf8"), /^p:bpfkit\/\w+ do_nanosleep$/m);
        assert.equal(kernel.network.addClassifierHook(1), false, "the hook for classifiers is gone");

        // As SUPPORT.md says: ip link set lo xdpgeneric off; tc qdisc del dev lo clsact; bpftool cgroup detach ...
        kernel.network.setXdp(1, -1, 2);
        kernel.network.removeClassifierHook(1);
        run("/usr/bin/bpftool", "cgroup", "detach", folder, type, "id", id);
        appendFileSync(kprobeList, readFileSync(kprobeList, "utf8").replace(/^\w+:(\S+) .*$/gm, "-:$1"));
        await untilUnloaded(kernel, before);
        assert.equal(readFileSync(kprobeList, "utf8"), "");
        assert.equal(xdpOfLoopback(), false);
      } finally {
        rmdirSync(folder);
      }
    },
  },
];
