/** Tests of attaching: what the kernel is asked for, and what errors say. */
import { BpfkitError, NotSupportedError } from "@bpfkit/base/diagnostics";
import type { Fd } from "@bpfkit/base/kernel";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Program } from "../object/program.ts";
import type { ProgramSpec } from "../spec/program-spec.ts";
import { sectionMeaning } from "../spec/sections.ts";
import { RecordingKernel } from "../testdata/recording-kernel.ts";
import { autoAttach } from "./auto-attach.ts";
import { attachKprobe, canKprobe } from "./kprobe.ts";
import { attachPerfEvent } from "./perf-event.ts";
import { syscallFunction, translateSyscallPrefix } from "./syscall-name.ts";

function programIn(kernel: RecordingKernel, section: string): Program {
  const meaning = sectionMeaning(section);
  const spec = {
    name: "prog",
    section,
    type: meaning?.definition.type ?? 0,
    method: meaning?.definition.method ?? "none",
    attachTo: meaning?.target,
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

test("sections without a target attach to nothing, unknown ways are refused by name", () => {
  const kernel = kernelWithSymbols();
  for (const section of ["kprobe", "tracepoint", "socket", "perf_event", "syscall"]) {
    assert.is(autoAttach(kernel, programIn(kernel, section)), undefined, section);
  }
  assert.throws(
    () => autoAttach(kernel, programIn(kernel, "uprobe//bin/bash:readline")),
    (error: unknown) => error instanceof NotSupportedError && /uprobe/.test(error.message),
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

test.run();
