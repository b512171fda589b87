/** The features (the names are libbpf's enum kern_feature_id, where it has them) with the release and a probe of each. */
import {
  AttachType,
  Errno,
  MapCreateFlag,
  MapType,
  NewerAttachType,
  NewerProgramType,
  ProgramType,
} from "@bpfkit/base/abi";
import type { Fd, Kernel, LinkCreateAttributes } from "@bpfkit/base/kernel";
import { assemble, encodeInstructions } from "@bpfkit/elf/isa";
import { attempt, attemptProgram, attemptTypes, intType, outcomeOf } from "./attempt.ts";
import type { Feature } from "./feature.ts";

const nothing = "r0 = 0\nexit";
const noFd = -1 as Fd;
/** No interface has this number. */
const noInterface = 0x7fff_ffff;

const arrayShape = { type: MapType.Array, keySize: 4, valueSize: 32, maxEntries: 1, name: "" } as const;

/** True where a map can be made like this. */
function makesMap(kernel: Kernel, change: { readonly flags?: number; readonly name?: string }): boolean {
  return attempt(kernel, () => kernel.mapCreate({ ...arrayShape, flags: 0, ...change })).errno === 0;
}

/** Whether a program may call a helper; other reasons to refuse it say nothing. */
function callsHelper(kernel: Kernel, type: number, helper: number, setUp = ""): boolean {
  return attemptProgram(kernel, `${setUp}call ${helper}\n${nothing}`, { type }).errno === 0;
}

/** The error of a link on nothing, with a program of a type that has such links; EINVAL where it cannot be loaded. */
function linkErrno(
  kernel: Kernel,
  program: { readonly type: number; readonly expectedAttachType?: number },
  link: Omit<LinkCreateAttributes, "program" | "flags">,
): number {
  let fd: Fd;
  try {
    fd = kernel.programLoad({
      type: program.type,
      expectedAttachType: program.expectedAttachType ?? 0,
      name: "",
      instructions: encodeInstructions(assemble(nothing)),
      license: "GPL",
      logLevel: 0,
    });
  } catch (error) {
    outcomeOf(error);
    return Errno.EINVAL;
  }
  const { errno } = attempt(kernel, () => kernel.links.linkCreate({ program: fd, flags: 0, ...link }));
  kernel.close(fd);
  return errno;
}

/** func_proto of `void f(int)` and a function with it. */
const functionTypes = (linkage: "static" | "global") =>
  [
    intType,
    { kind: "func_proto", returnType: 0, params: [{ name: "a", type: 1 }] },
    { kind: "func", name: "x", type: 2, linkage },
  ] as const;

const variable = [intType, { kind: "var", name: "x", type: 1, linkage: "static" }] as const;

function readable(kernel: Kernel, path: string): string | undefined {
  try {
    return new TextDecoder().decode(kernel.readKernelFile(path));
  } catch (error) {
    outcomeOf(error);
    return undefined;
  }
}

function row(since: string, description: string, probe: Feature["probe"]): Feature {
  return { since, description, probe };
}

/** Rows in the order in which loading meets them. */
export const featureTable = {
  "program-name": row(
    "4.15",
    "names of programs and maps",
    (kernel) =>
      attemptProgram(kernel, nothing, { name: "named" }).errno === 0 && makesMap(kernel, { name: "named" }),
  ),
  "global-data": row("5.2", "global variables: addresses in map values", (kernel) => {
    let answer = false;
    try {
      const map = kernel.mapCreate({ ...arrayShape, flags: 0 });
      answer =
        attemptProgram(kernel, `r1 = map[fd:${map}][0]+16\n*(u64 *)(r1 +0) = 42\n${nothing}`).errno === 0;
      kernel.close(map);
    } catch (error) {
      outcomeOf(error);
    }
    return answer;
  }),
  "expected-attach-type": row(
    "4.17",
    "the attach type given when loading",
    (kernel) =>
      attemptProgram(kernel, "r0 = 1\nexit", {
        type: ProgramType.CgroupSock,
        expectedAttachType: AttachType.CgroupInetSockCreate,
      }).errno === 0,
  ),
  "probe-read-kernel": row("5.5", "bpf_probe_read_kernel and bpf_probe_read_user", (kernel) =>
    callsHelper(kernel, ProgramType.Tracepoint, 113, "r1 = r10\nr1 += -8\nr2 = 8\nr3 = 0\n"),
  ),
  "array-mmap": row("5.5", "arrays that user space maps into memory", (kernel) =>
    makesMap(kernel, { flags: MapCreateFlag.Mmapable }),
  ),
  "memcg-account": row("5.11", "memory of BPF objects counted to cgroups, not to RLIMIT_MEMLOCK", (kernel) =>
    callsHelper(kernel, ProgramType.SocketFilter, 160),
  ),
  btf: row("4.18", "types (BTF)", (kernel) => attemptTypes(kernel, [intType]).errno === 0),
  "btf-func": row(
    "5.0",
    "BTF of functions",
    (kernel) => attemptTypes(kernel, functionTypes("static")).errno === 0,
  ),
  "btf-datasec": row(
    "5.2",
    "BTF of variables and data sections",
    (kernel) =>
      attemptTypes(kernel, [
        ...variable,
        { kind: "datasec", name: ".data", size: 4, entries: [{ type: 2, offset: 0, size: 4 }] },
      ]).errno === 0,
  ),
  "btf-func-global": row(
    "5.6",
    "BTF of global functions",
    (kernel) => attemptTypes(kernel, functionTypes("global")).errno === 0,
  ),
  "btf-float": row(
    "5.13",
    "BTF of floating point types",
    (kernel) => attemptTypes(kernel, [{ kind: "float", name: "float", size: 4 }]).errno === 0,
  ),
  "btf-decl-tag": row(
    "5.16",
    "BTF declaration tags",
    (kernel) =>
      attemptTypes(kernel, [...variable, { kind: "decl_tag", name: "tag", type: 2, componentIndex: -1 }])
        .errno === 0,
  ),
  "btf-type-tag": row(
    "5.17",
    "BTF type tags",
    (kernel) =>
      attemptTypes(kernel, [intType, { kind: "type_tag", name: "tag", type: 1 }, { kind: "ptr", type: 2 }])
        .errno === 0,
  ),
  "btf-enum64": row(
    "6.0",
    "BTF of 64-bit enums",
    (kernel) =>
      attemptTypes(kernel, [
        { kind: "enum64", name: "e", size: 8, signed: false, values: [{ name: "v", value: 1n }] },
      ]).errno === 0,
  ),
  "kernel-btf": row(
    "5.4",
    "the kernel's own types in /sys/kernel/btf/vmlinux",
    (kernel) => readable(kernel, "/sys/kernel/btf/vmlinux") !== undefined,
  ),
  "module-btf": row("5.11", "types of kernel modules", (kernel) => {
    try {
      const id = kernel.objects.nextId("btf", 0);
      if (id === undefined) return false;
      const btf = kernel.objects.openById("btf", id);
      const { ofKernel } = kernel.objects.btfInfo(btf);
      kernel.close(btf);
      return ofKernel;
    } catch (error) {
      outcomeOf(error);
      return false;
    }
  }),
  "map-batch": row("5.6", "many map entries in one call", (kernel) => {
    const { batches } = kernel;
    if (batches === undefined) return false;
    try {
      const map = kernel.mapCreate({ ...arrayShape, type: MapType.Hash, flags: 0 });
      try {
        batches.lookupBatch(map, undefined, 1, false);
        return true;
      } finally {
        kernel.close(map);
      }
    } catch (error) {
      outcomeOf(error);
      return false;
    }
  }),
  "perf-link": row("5.15", "links of perf events: kprobes, uprobes, tracepoints", (kernel) => {
    const attachType = AttachType.PerfEvent;
    const details = { kind: "perf-event", cookie: 0n } as const;
    const errno = linkErrno(kernel, { type: ProgramType.Tracepoint }, { target: noFd, attachType, details });
    return errno === Errno.EBADF;
  }),
  "attach-cookie": row("5.15", "bpf_get_attach_cookie: which place a program runs for", (kernel) =>
    callsHelper(kernel, ProgramType.Kprobe, 174),
  ),
  "kprobe-multi": row("5.18", "kprobes on many functions at once", (kernel) => {
    // A function that is not there: ENOENT or ESRCH where names are looked up at all.
    const attachType = AttachType.TraceKprobeMulti;
    const symbols = ["bpfkit no such function"];
    const details = { kind: "kprobe-multi", symbols, addresses: [], returns: false, cookies: [] } as const;
    const program = { type: ProgramType.Kprobe, expectedAttachType: attachType };
    const errno = linkErrno(kernel, program, { target: 0, attachType, details });
    return errno === Errno.ENOENT || errno === Errno.ESRCH;
  }),
  "kprobe-session": row("6.10", "kprobes that run at both ends of a function", (kernel) => {
    const attachType = NewerAttachType.TraceKprobeSession;
    const symbols = ["bpfkit no such function"];
    const details = { kind: "kprobe-multi", symbols, addresses: [], returns: false, cookies: [] } as const;
    const program = { type: ProgramType.Kprobe, expectedAttachType: attachType };
    const errno = linkErrno(kernel, program, { target: 0, attachType, details });
    return errno === Errno.ENOENT || errno === Errno.ESRCH;
  }),
  "uprobe-session": row("6.13", "uprobes that run at both ends of a function", (kernel) => {
    const attachType = NewerAttachType.TraceUprobeSession;
    const lists = { offsets: [0], referenceCounters: [], cookies: [] };
    const details = { kind: "uprobe-multi", path: "/", ...lists, returns: false, pid: 0 } as const;
    const program = { type: ProgramType.Kprobe, expectedAttachType: attachType };
    return linkErrno(kernel, program, { target: 0, attachType, details }) === Errno.EBADF;
  }),
  "uprobe-multi": row("6.6", "uprobes at many places of a file at once", (kernel) => {
    // A folder is no file to probe: EBADF where the link is known, EINVAL where it is not.
    const attachType = NewerAttachType.TraceUprobeMulti;
    const lists = { offsets: [0], referenceCounters: [], cookies: [] };
    const details = { kind: "uprobe-multi", path: "/", ...lists, returns: false, pid: 0 } as const;
    const program = { type: ProgramType.Kprobe, expectedAttachType: attachType };
    return linkErrno(kernel, program, { target: 0, attachType, details }) === Errno.EBADF;
  }),
  "cgroup-link": row("5.7", "links of cgroup programs", (kernel) => {
    const attachType = AttachType.CgroupInetIngress;
    const program = { type: ProgramType.CgroupSkb, expectedAttachType: attachType };
    return (
      linkErrno(kernel, program, { target: noFd, attachType, details: { kind: "plain" } }) === Errno.EBADF
    );
  }),
  "tcx-link": row("6.6", "links of traffic control programs (tcx)", (kernel) => {
    // No interface: ENODEV where the link is known.
    const attachType = NewerAttachType.TcxIngress;
    const link = { target: noInterface, attachType, details: { kind: "ordered", relative: 0 } } as const;
    return linkErrno(kernel, { type: ProgramType.SchedCls }, link) === Errno.ENODEV;
  }),
  "netkit-link": row("6.7", "programs on netkit devices", (kernel) => {
    const attachType = NewerAttachType.NetkitPrimary;
    const program = { type: ProgramType.SchedCls, expectedAttachType: attachType };
    const link = { target: noInterface, attachType, details: { kind: "ordered", relative: 0 } } as const;
    return linkErrno(kernel, program, link) === Errno.ENODEV;
  }),
  "netfilter-link": row("6.4", "programs at hooks of netfilter", (kernel) => {
    // A protocol that has no such hooks: EAFNOSUPPORT where there are any.
    const attachType = NewerAttachType.Netfilter;
    const program = { type: NewerProgramType.Netfilter, expectedAttachType: attachType };
    const place = { family: 0xff, hook: 0, priority: 0, netfilterFlags: 0 };
    const link = { target: 0, attachType, details: { kind: "netfilter", ...place } } as const;
    return linkErrno(kernel, program, link) === Errno.EAFNOSUPPORT;
  }),
  "sockmap-link": row("6.10", "links of programs on maps of sockets", (kernel) => {
    const attachType = AttachType.SkMsgVerdict;
    const program = { type: ProgramType.SkMsg, expectedAttachType: attachType };
    const link = { target: noFd, attachType, details: { kind: "plain" } } as const;
    return linkErrno(kernel, program, link) === Errno.EBADF;
  }),
  "large-programs": row(
    "5.2",
    "programs of more than 4096 instructions, up to a million walked by the verifier",
    (kernel) => attemptProgram(kernel, `${"r0 = 1\n".repeat(4096)}exit`).errno === 0,
  ),
  "bounded-loops": row(
    "5.3",
    "loops that the verifier sees the end of",
    (kernel) => attemptProgram(kernel, "r0 = 10\nagain:\nr0 -= 1\nif r0 != 0 goto again\nexit").errno === 0,
  ),
  "isa-v2": row(
    "4.14",
    "jumps on less than (-mcpu v2)",
    (kernel) => attemptProgram(kernel, "r0 = 0\nif r0 < 1 goto end\nr0 = 1\nend:\nexit").errno === 0,
  ),
  "isa-v3": row(
    "5.1",
    "32-bit jumps (-mcpu v3)",
    (kernel) => attemptProgram(kernel, "w0 = 0\nif w0 < 1 goto end\nw0 = 1\nend:\nexit").errno === 0,
  ),
  "isa-v4": row(
    "6.6",
    "signed division and loads, long jumps (-mcpu v4)",
    (kernel) => attemptProgram(kernel, "r0 = 4\nr1 = 2\nr0 s/= r1\nexit").errno === 0,
  ),
  "syscall-wrapper": row("4.17", "system call functions that take struct pt_regs", (kernel) =>
    /^[0-9a-f]+ [tT] __(?:x64|arm64)_sys_bpf$/m.test(readable(kernel, "/proc/kallsyms") ?? ""),
  ),
} as const satisfies Record<string, Feature>;

/** A name of a row. */
export type FeatureName = keyof typeof featureTable;
