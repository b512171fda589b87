/** Tests of attaching: what the kernel is asked for, and what errors say. */
import { Errno } from "@bpfkit/base/abi";
import { BpfkitError, NotSupportedError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd } from "@bpfkit/base/kernel";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasFeature } from "../features/feature.ts";
import { Program } from "../object/program.ts";
import type { ProgramSpec } from "../spec/program-spec.ts";
import { sectionMeaning } from "../spec/sections.ts";
import { RecordingKernel } from "../testdata/recording-kernel.ts";
import { autoAttach } from "./auto-attach.ts";
import { attachCgroup } from "./cgroup.ts";
import type { ClassifierOrder } from "./classifier-order.ts";
import { attachKprobe, canKprobe } from "./kprobe.ts";
import { attachNetfilter } from "./netfilter.ts";
import { attachNetkit } from "./netkit.ts";
import { attachPerfEvent, cacheEvent } from "./perf-event.ts";
import { syscallFunction, translateSyscallPrefix } from "./syscall-name.ts";
import { attachTrafficControl } from "./traffic-control.ts";
import { attachXdp } from "./xdp.ts";

function programIn(kernel: RecordingKernel, section: string): Program {
  const meaning = sectionMeaning(section);
  const spec = {
    name: "prog",
    section,
    type: meaning?.definition.type ?? 0,
    method: meaning?.definition.method ?? "none",
    attachTo: meaning?.target,
    expectedAttachType: meaning?.definition.attachType ?? 0,
  } as unknown as ProgramSpec;
  const fd = kernel.programLoad({
    type: spec.type,
    expectedAttachType: 0,
    name: "prog",
    instructions: new Uint8Array(),
    license: "GPL",
    logLevel: 0,
  });
  return new Program(kernel, fd, spec, new Uint8Array(), []);
}

function isCode(code: string, pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof BpfkitError && error.code === code && pattern.test(error.message);
}

function isSince(release: string, pattern: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof NotSupportedError && error.since === release && pattern.test(error.message);
}

function kernelWithSymbols(): RecordingKernel {
  const kernel = new RecordingKernel();
  kernel.files.set("/sys/kernel/tracing/events/sched/sched_switch/id", "317\n");
  return kernel;
}

test("sections attach to what they name", () => {
  const kernel = kernelWithSymbols();
  const attached = (section: string) => {
    const link = autoAttach(kernel, programIn(kernel, section));
    const event = kernel.events.get(link?.fds[0] ?? (0 as Fd));
    return event === undefined ? undefined : { ...event, program: event.program !== undefined };
  };
  const common = { pid: -1, cpu: 0, program: true, enabled: true };
  assert.equal(attached("kprobe/do_exit+0x10"), {
    kind: "kprobe",
    function: "do_exit",
    offset: 16,
    ...common,
  });
  assert.equal(attached("kretprobe/do_exit"), {
    kind: "kretprobe",
    function: "do_exit",
    offset: 0,
    ...common,
  });
  assert.equal(attached("ksyscall/clone"), {
    kind: "kprobe",
    function: "__x64_sys_clone",
    offset: 0,
    ...common,
  });
  assert.equal(attached("tp/sched/sched_switch"), { kind: "tracepoint", id: 317, ...common });
  autoAttach(kernel, programIn(kernel, "raw_tp/sched_switch"));
  autoAttach(kernel, programIn(kernel, "fentry/do_exit"));
  assert.equal(
    [...kernel.rawTracepoints.values()].map(({ name }) => name),
    ["sched_switch", ""],
  );
});

test("sections without a target attach to nothing, targets that make no sense are refused", () => {
  const kernel = kernelWithSymbols();
  for (const section of [
    "kprobe",
    "tracepoint",
    "socket",
    "perf_event",
    "syscall",
    "xdp",
    "tc/egress",
    "sockops",
  ]) {
    assert.is(autoAttach(kernel, programIn(kernel, section)), undefined, section);
  }
  assert.throws(
    () => autoAttach(kernel, programIn(kernel, "uprobe//bin/bash:readline")),
    isCode("LD082", /no file \/bin\/bash/),
  );
  assert.throws(() => autoAttach(kernel, programIn(kernel, "uprobe/bash")), isCode("LD057", /PATH:FUNCTION/));
  assert.throws(
    () => autoAttach(kernel, programIn(kernel, "usdt/libc.so.6:probe")),
    isCode("LD057", /PATH:PROVIDER:NAME/),
  );
  assert.throws(
    () => autoAttach(kernel, programIn(kernel, "uprobe.multi/bash")),
    isCode("LD057", /PATH:PATTERN/),
  );
  assert.throws(() => autoAttach(kernel, programIn(kernel, "tp/sched")), /CATEGORY\/NAME/);
});

test("a function or tracepoint that is not there is named, and nothing stays open", () => {
  const kernel = kernelWithSymbols();
  kernel.functions = new Set(["do_exit"]);
  const program = programIn(kernel, "kprobe");
  const before = kernel.open.size;
  assert.throws(
    () => attachKprobe(kernel, program, { function: "no_such_fn" }),
    (error: unknown) =>
      error instanceof BpfkitError &&
      error.code === "LD054" &&
      /recording kernel has no function no_such_fn/.test(error.message),
  );
  assert.throws(() => autoAttach(kernel, programIn(kernel, "tp/no/such")), /no tracepoint no:such/);
  assert.is(kernel.open.size, before + 1);
});

test("closing a link closes its events, once", () => {
  const kernel = kernelWithSymbols();
  const program = programIn(kernel, "perf_event");
  const before = kernel.open.size;
  const link = attachPerfEvent(kernel, program, { kind: "software", config: 0, sampleFrequencyHz: 99 });
  assert.is(kernel.open.size, before + 2, "one event for each online CPU");
  link.close();
  link.close();
  assert.is(kernel.open.size, before);
});

test("whether a function can be probed is found out without leaving anything open", () => {
  const kernel = kernelWithSymbols();
  kernel.functions = new Set(["do_exit"]);
  assert.is(canKprobe(kernel, "do_exit"), true);
  assert.is(canKprobe(kernel, "do_ex"), false);
  assert.is(kernel.open.size, 0);
});

test("system call names get this kernel's prefix", () => {
  const kernel = kernelWithSymbols();
  assert.is(syscallFunction(kernel, "execve"), "__x64_sys_execve");
  assert.is(translateSyscallPrefix(kernel, "sys_clone"), "__x64_sys_clone");
  assert.is(translateSyscallPrefix(kernel, "__arm64_sys_clone"), "__x64_sys_clone");
  assert.is(translateSyscallPrefix(kernel, "do_sys_openat2"), "do_sys_openat2");
});

test("XDP falls back to netlink, says who is in the way, and is undone", () => {
  const kernel = new RecordingKernel();
  const program = programIn(kernel, "xdp");
  const link = attachXdp(kernel, program, { interface: "eth0", mode: "generic" });
  assert.equal(kernel.created.get(link.fds[0] ?? (0 as Fd))?.flags, 2);
  link.close();
  kernel.linkErrno = Errno.EINVAL;
  const old = attachXdp(kernel, program, { interface: "eth0", mode: "native" });
  assert.equal([...kernel.attached], ["xdp:7:5"]);
  old.close();
  kernel.linkErrno = Errno.EBUSY;
  assert.throws(
    () => attachXdp(kernel, program, { interface: "eth0" }),
    (error: unknown) =>
      isCode("LD087", /EBUSY/)(error) && /has an XDP program/.test((error as BpfkitError).hint ?? ""),
  );
  assert.throws(
    () => attachXdp(kernel, program, { interface: "wlan9" }),
    isCode("LD087", /no network interface wlan9/),
  );
});

test("filters of traffic control find a free handle and take the hook away that they made", () => {
  const kernel = new RecordingKernel();
  const program = programIn(kernel, "tc");
  const place = { interface: "eth0", direction: "egress" } as const;
  const first = attachTrafficControl(kernel, program, place);
  const second = attachTrafficControl(kernel, program, place);
  assert.equal([...kernel.attached], ["clsact:7", "filter:7:egress:1:1", "filter:7:egress:1:2"]);
  second.close();
  assert.equal([...kernel.attached], ["clsact:7", "filter:7:egress:1:1"]);
  first.close();
  first.close();
  assert.equal([...kernel.attached], []);
});

test("an order of classifiers is told by descriptor and flags, and refused by name where there are no tcx links", () => {
  const kernel = new RecordingKernel();
  kernel.linkErrno = Errno.ENODEV;
  assert.ok(hasFeature(kernel, "tcx-link"));
  kernel.linkErrno = 0;
  const program = programIn(kernel, "tcx/egress");
  const place = { interface: "eth0", direction: "egress" } as const;
  const told = (order?: ClassifierOrder): unknown => {
    const options = { ...place, ...(order === undefined ? {} : { order }) };
    const [fd] = attachTrafficControl(kernel, program, options).fds;
    const created = kernel.created.get(fd ?? (0 as Fd));
    return [created?.flags, created?.details];
  };
  const other = attachTrafficControl(kernel, program, place);
  // BPF_F_BEFORE, BPF_F_AFTER and BPF_F_LINK.
  assert.equal(told(), [0, { kind: "ordered", relative: 0 }]);
  assert.equal(told({ before: "all" }), [1 << 3, { kind: "ordered", relative: 0 }]);
  assert.equal(told({ after: program }), [1 << 4, { kind: "ordered", relative: program.fd }]);
  assert.equal(told({ before: other }), [
    (1 << 3) | (1 << 13),
    { kind: "ordered", relative: other.fds[0] ?? 0 },
  ]);
  const older = new RecordingKernel();
  assert.throws(
    () =>
      attachTrafficControl(older, programIn(older, "tc"), {
        interface: "eth0",
        direction: "egress",
        order: { after: "all" },
      }),
    isSince("6.6", /order of classifiers/),
  );
  assert.equal([...older.attached], []);
});

test("older kernels refuse newer links by name, with the release that has them", () => {
  const kernel = new RecordingKernel();
  kernel.linkErrno = Errno.EINVAL;
  assert.throws(
    () => attachNetkit(kernel, programIn(kernel, "netkit/peer"), { interface: "eth0" }),
    isSince("6.7", /netkit/),
  );
  assert.throws(
    () => attachNetfilter(kernel, programIn(kernel, "netfilter"), { family: "ipv6", hook: "forward" }),
    isSince("6.4", /netfilter/),
  );
  assert.throws(
    () => autoAttach(kernel, programIn(kernel, "kprobe.session/do_exit")),
    isSince("6.10", /kprobe\.session/),
  );
  assert.throws(
    () => attachNetkit(kernel, programIn(kernel, "tc"), { interface: "eth0" }),
    isCode("LD087", /not in SEC\("netkit/),
  );
});

test("cgroups without links are attached by program, and let go", () => {
  const kernel = new RecordingKernel();
  const program = programIn(kernel, "cgroup_skb/egress");
  const before = kernel.open.size;
  const link = attachCgroup(kernel, program, { path: "/sys/fs/cgroup" });
  assert.is(kernel.attached.size, 1);
  link.close();
  assert.is(kernel.attached.size, 0);
  assert.is(kernel.open.size, before);
});

test("probes before Linux 4.17 go through tracefs and leave it as it was", () => {
  const kernel = kernelWithSymbols();
  const noPmu = new BpfkitError("LK005", "this kernel has no kprobes");
  const open = kernel.perfEventOpen.bind(kernel);
  kernel.perfEventOpen = (attributes, pid, cpu) => {
    if (attributes.kind === "kprobe") throw noPmu;
    return open(attributes, pid, cpu);
  };
  const read = kernel.readKernelFile.bind(kernel);
  kernel.readKernelFile = (path) =>
    path.includes("/bpfkit/") ? new TextEncoder().encode("901\n") : read(path);
  const link = attachKprobe(kernel, programIn(kernel, "kprobe"), { function: "do_exit", offset: 4 });
  assert.match(kernel.traceControl[0] ?? "", /^p:bpfkit\/\w+ do_exit\+0x4\n$/);
  assert.is(kernel.events.get(link.fds[0] ?? (0 as Fd))?.kind, "tracepoint");
  link.close();
  const name = /bpfkit\/\w+/.exec(kernel.traceControl[0] ?? "")?.[0];
  assert.is(kernel.traceControl[1], `-:${name}\n`);
  kernel.writeTraceControl = () => {
    throw new SyscallError("open", Errno.ENOENT);
  };
  assert.throws(
    () => attachKprobe(kernel, programIn(kernel, "kprobe"), { function: "do_exit" }),
    (error: unknown) => error === noPmu,
  );
});

test("cache events are numbered as the kernel does it", () => {
  // PERF_COUNT_HW_CACHE_LL | PERF_COUNT_HW_CACHE_OP_READ << 8 | PERF_COUNT_HW_CACHE_RESULT_MISS << 16
  assert.is(cacheEvent("ll", "read", "miss"), 0x1_0002);
  assert.is(cacheEvent("dtlb", "prefetch", "access"), 0x203);
});

test.run();
