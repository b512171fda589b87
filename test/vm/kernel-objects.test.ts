/** What programs find when they follow pointers through the simulated kernel's structs, and how its CPUs are shared. */
import { ProgramType } from "@bpfkit/base/abi";
import type { Fd } from "@bpfkit/base/kernel";
import { BtfTable } from "@bpfkit/elf/btf";
import { SimulatedKernel, scenarioByName } from "@bpfkit/vm/kernel";
import { loadBundledProfile } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { attach, kprobe, load, outputText, perfBuffers, tracepoint } from "./programs.ts";

const profile = loadBundledProfile();
const btf = BtfTable.decode(profile.btf);

function boot(name: string): SimulatedKernel {
  const scenario = scenarioByName(name);
  assert.ok(scenario);
  return new SimulatedKernel({ profile, btf, scenario, engine: "jit" });
}

/** Byte offset of a field, found here independently of the simulation: `a.b`, also in anonymous members. */
function offsetOf(struct: string, path: string): number {
  const id = btf.find(struct, "struct");
  assert.ok(id, struct);
  let place: Place = { type: id, offset: 0 };
  for (const name of path.split(".")) {
    const next = search(place, name);
    assert.ok(next, `${struct}.${path}`);
    place = next;
  }
  return place.offset;
}

interface Place {
  readonly type: number;
  readonly offset: number;
}

function search(place: Place, name: string): Place | undefined {
  const type = btf.type(btf.resolve(place.type));
  if (type.kind !== "struct" && type.kind !== "union") return undefined;
  for (const member of type.members) {
    const at = { type: member.type, offset: place.offset + member.bitOffset / 8 };
    if (member.name === name) return at;
    const inner = member.name === "" ? search(at, name) : undefined;
    if (inner !== undefined) return inner;
  }
  return undefined;
}

const Base = -400;

/** Text that follows pointers from r7 and reads `size` bytes of the last field to the stack at r10 + Base + slot. */
function follow(
  path: readonly (readonly [struct: string, field: string])[],
  slot: number,
  size: number,
): string {
  return path
    .map(([struct, field], index) => {
      const isLast = index === path.length - 1;
      return `
        r1 = r10
        r1 += ${isLast ? Base + slot : -24}
        r2 = ${isLast ? size : 8}
        r3 = ${index === 0 ? "r7" : "*(u64 *)(r10 -24)"}
        r3 += ${offsetOf(struct, field)}
        call bpf_probe_read_kernel`;
    })
    .join("\n");
}

const zero = (size: number) =>
  Array.from({ length: size / 8 }, (_, at) => `*(u64 *)(r10 ${Base + 8 * at}) = 0`).join("\n");

async function collect(
  kernel: SimulatedKernel,
  fds: readonly Fd[],
  drain: () => Uint8Array[],
): Promise<DataView[]> {
  const views: DataView[] = [];
  for (;;) {
    const { ended, ready } = await kernel.wait(fds, Number.POSITIVE_INFINITY);
    for (const bytes of drain()) views.push(new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
    if (ended && ready.length === 0) return views;
  }
}

const text = (view: DataView, at: number, size: number) => {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, size);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
};

test("from task_struct to parents, credentials, namespaces and memory", async () => {
  const kernel = boot("exec");
  const buffers = perfBuffers(kernel, 64);
  const program = `
    r6 = r1
    ${zero(128)}
    call bpf_get_current_task
    r7 = r0
    ${follow([["task_struct", "pid"]], 0, 4)}
    ${follow([["task_struct", "tgid"]], 4, 4)}
    ${follow(
      [
        ["task_struct", "real_parent"],
        ["task_struct", "tgid"],
      ],
      8,
      4,
    )}
    ${follow(
      [
        ["task_struct", "group_leader"],
        ["task_struct", "pid"],
      ],
      12,
      4,
    )}
    ${follow(
      [
        ["task_struct", "cred"],
        ["cred", "uid"],
      ],
      16,
      4,
    )}
    ${follow(
      [
        ["task_struct", "nsproxy"],
        ["nsproxy", "pid_ns_for_children"],
        ["pid_namespace", "ns.inum"],
      ],
      20,
      4,
    )}
    ${follow(
      [
        ["task_struct", "thread_pid"],
        ["pid", "numbers"],
      ],
      24,
      4,
    )}
    ${follow([["task_struct", "exit_code"]], 28, 4)}
    ${follow([["task_struct", "start_time"]], 32, 8)}
    ${follow(
      [
        ["task_struct", "real_parent"],
        ["task_struct", "real_parent"],
        ["task_struct", "comm"],
      ],
      40,
      16,
    )}
    ${follow([["task_struct", "comm"]], 56, 16)}
    ${follow(
      [
        ["task_struct", "mm"],
        ["mm_struct", "arg_start"],
      ],
      72,
      8,
    )}
    ${follow(
      [
        ["task_struct", "nsproxy"],
        ["nsproxy", "mnt_ns"],
        ["mnt_namespace", "ns.inum"],
      ],
      80,
      4,
    )}
    r1 = r10
    r1 += ${Base + 88}
    r2 = 32
    r3 = *(u64 *)(r10 ${Base + 72})
    call bpf_probe_read_user_str
    ${outputText(buffers.map, Base, 128)}`;
  const fd = load(kernel, program, { type: ProgramType.Tracepoint });
  attach(kernel, tracepoint(kernel, "sched/sched_process_exit"), fd);
  const views = await collect(kernel, buffers.fds, () => buffers.drain().samples);
  const { exits, forks, execs } = kernel.groundTruth;
  assert.is(views.length, exits.length);
  const start = Number(kernel.monotonicNs()) - 5_000_000_000;
  const byPid = new Map(views.map((view) => [view.getUint32(0, true), view]));
  for (const { pid, comm, status } of exits) {
    const view = byPid.get(pid);
    assert.ok(view, `pid ${pid}`);
    const fork = forks.find(({ child }) => child === pid);
    const done = execs.find((call) => call.pid === pid && call.ret === 0);
    assert.ok(fork);
    assert.is(view.getUint32(4, true), pid);
    assert.is(view.getUint32(8, true), fork.parent);
    assert.is(view.getUint32(12, true), pid);
    assert.is(view.getUint32(16, true), fork.comm === "bash" ? 1000 : 0);
    assert.is(view.getUint32(20, true), 0xefff_fffc);
    assert.is(view.getUint32(24, true), pid);
    assert.is(view.getUint32(28, true), status << 8);
    const started = Number(view.getBigUint64(32, true)) - start - fork.timeNs;
    assert.ok(started > 0 && started < 100_000, `started ${started} ns after the fork began`);
    assert.is(text(view, 40, 16), fork.comm === "bash" ? "sshd" : "systemd");
    assert.is(text(view, 56, 16), comm.slice(0, 15));
    assert.is(view.getUint32(80, true), 0xf000_0000);
    if (done !== undefined) assert.is(text(view, 88, 32), done.argv[0]?.slice(0, 31));
  }
  kernel.shutdown();
});

test("from struct path to the names of a file and its directories", async () => {
  const kernel = boot("file-open");
  const buffers = perfBuffers(kernel, 64);
  const name = (start: string, up: number, slot: number) => `
    ${follow([["path", start], ...Array.from({ length: up }, () => ["dentry", "d_parent"] as const), ["dentry", "d_name.name"]], 120, 8)}
    r1 = r10
    r1 += ${Base + slot}
    r2 = 40
    r3 = *(u64 *)(r10 ${Base + 120})
    call bpf_probe_read_kernel_str`;
  const program = `
    r6 = r1
    r7 = *(u64 *)(r1 +112)
    ${zero(168)}
    ${name("dentry", 0, 0)}
    ${name("dentry", 1, 40)}
    ${name("dentry", 9, 80)}
    ${follow(
      [
        ["path", "dentry"],
        ["dentry", "d_inode"],
        ["inode", "i_ino"],
      ],
      128,
      8,
    )}
    ${follow(
      [
        ["path", "dentry"],
        ["dentry", "d_inode"],
        ["inode", "i_mode"],
      ],
      136,
      2,
    )}
    ${follow(
      [
        ["path", "dentry"],
        ["dentry", "d_name.len"],
      ],
      140,
      4,
    )}
    ${follow(
      [
        ["path", "mnt"],
        ["vfsmount", "mnt_root"],
      ],
      144,
      8,
    )}
    ${follow(
      [
        ["path", "dentry"],
        ["dentry", "d_sb"],
        ["super_block", "s_root"],
      ],
      152,
      8,
    )}
    ${follow(
      [
        ["path", "dentry"],
        ["dentry", "d_sb"],
        ["super_block", "s_magic"],
      ],
      160,
      8,
    )}
    ${outputText(buffers.map, Base, 168)}`;
  attach(kernel, kprobe("vfs_open"), load(kernel, program));
  const views = await collect(kernel, buffers.fds, () => buffers.drain().samples);
  const opened = kernel.groundTruth.opens.filter(({ ret }) => ret >= 0);
  const parts = (path: string) => path.split("/").filter((part) => part !== "");
  const seen = views.map((view) => `${text(view, 40, 40)} ${text(view, 0, 40)}`);
  const wanted = opened.map(({ path }) => `${parts(path).at(-2) ?? "/"} ${parts(path).at(-1) ?? ""}`);
  assert.equal(seen.toSorted(), wanted.toSorted());
  const inodes = new Map<string, bigint>();
  views.forEach((view, index) => {
    assert.is(text(view, 80, 40), "/", "the root is its own parent");
    assert.is(view.getUint32(140, true), new TextEncoder().encode(text(view, 0, 40)).length);
    assert.is(view.getUint16(136, true) & 0o170000, 0o100000, seen[index]);
    assert.is(view.getBigUint64(144, true), view.getBigUint64(152, true));
    assert.is(view.getBigUint64(160, true), 0xef53n);
    const inode = view.getBigUint64(128, true);
    assert.is(inodes.get(seen[index] ?? "") ?? inode, inode, "one inode for one file");
    inodes.set(seen[index] ?? "", inode);
  });
  assert.is(new Set(inodes.values()).size, inodes.size);
  kernel.shutdown();
});

test("sched_switch: on each CPU the next task is the one that is switched from later, and time is shared", async () => {
  const kernel = boot("mixed");
  const buffers = perfBuffers(kernel, 256);
  // struct trace_event_raw_sched_switch: prev_pid at 24, prev_state at 32, next_pid at 56
  const program = `
    r6 = r1
    ${zero(40)}
    call bpf_ktime_get_ns
    *(u64 *)(r10 ${Base}) = r0
    call bpf_get_smp_processor_id
    *(u32 *)(r10 ${Base + 8}) = r0
    r7 = *(u32 *)(r6 +24)
    *(u32 *)(r10 ${Base + 12}) = r7
    r7 = *(u32 *)(r6 +56)
    *(u32 *)(r10 ${Base + 16}) = r7
    call bpf_get_current_pid_tgid
    *(u32 *)(r10 ${Base + 20}) = r0
    r7 = *(u64 *)(r6 +32)
    *(u64 *)(r10 ${Base + 24}) = r7
    ${outputText(buffers.map, Base, 32)}`;
  const fd = load(kernel, program, { type: ProgramType.Tracepoint });
  attach(kernel, tracepoint(kernel, "sched/sched_switch"), fd);
  const views = await collect(kernel, buffers.fds, () => buffers.drain().samples);
  assert.ok(views.length > 9000);
  const last = new Map<number, number>();
  const ends: number[] = [];
  for (const view of views.toSorted((a, b) => Number(a.getBigUint64(0, true) - b.getBigUint64(0, true)))) {
    const [cpu, previous, next] = [8, 12, 16].map((at) => view.getUint32(at, true)) as [
      number,
      number,
      number,
    ];
    assert.is(previous, last.get(cpu) ?? 0, `CPU ${cpu}`);
    assert.is(view.getUint32(20, true), previous, "the current task is still the old one");
    assert.is.not(previous, next);
    last.set(cpu, next);
    if (Number(view.getBigUint64(24, true)) === 0x20) ends.push(previous);
  }
  const exited = kernel.groundTruth.exits.map(({ pid }) => pid);
  assert.equal(ends.toSorted(), exited.toSorted());
  kernel.shutdown();
});

test.run();
