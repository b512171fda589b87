/** Members of `union bpf_attr` that attach (uapi linux/bpf.h): one layout for each form of the union in BPF_LINK_CREATE. */
import { structLayout } from "./struct-layout.ts";

const head = { programFd: "u32", target: "u32", attachType: "u32", flags: "u32" } as const;

/** Interfaces, cgroups, network namespaces. */
export const plainLinkAttr = structLayout(head);

/**
 * BPF_PERF_EVENT on a perf event descriptor as target (kprobes, uprobes, tracepoints, clocks); `cookie` is what
 * bpf_get_attach_cookie gives. Linux 5.15.
 */
export const perfLinkAttr = structLayout({ ...head, cookie: "u64" });

/** fentry, fexit, fmod_ret, LSM and freplace. `targetBtfId` is since Linux 5.10, `cookie` since 5.19. */
export const tracingLinkAttr = structLayout({
  ...head,
  targetBtfId: "u32",
  padding: "u32",
  cookie: "u64",
});

/** tcx and netkit. */
export const orderedLinkAttr = structLayout({
  ...head,
  relative: "u32",
  padding: "u32",
  expectedRevision: "u64",
});

/** BPF_NETFILTER: protocol family, hook (NF_INET_*) and priority, lower ones first. Linux 6.4. */
export const netfilterLinkAttr = structLayout({
  ...head,
  family: "u32",
  hook: "u32",
  priority: "u32",
  netfilterFlags: "u32",
});

/** BPF_TRACE_ITER: `info` points to a union bpf_iter_link_info of `infoLength` bytes. Linux 5.9. */
export const iteratorLinkAttr = structLayout({ ...head, info: "ptr", infoLength: "u32" });

/**
 * BPF_TRACE_KPROBE_MULTI: arrays of `count` 64-bit items, of which either `symbols` (pointers to names) or
 * `addresses` is given. Linux 5.18.
 */
export const kprobeMultiLinkAttr = structLayout({
  ...head,
  multiFlags: "u32",
  count: "u32",
  symbols: "ptr",
  addresses: "ptr",
  cookies: "ptr",
});

/**
 * BPF_TRACE_UPROBE_MULTI: arrays of `count` 64-bit items for the binary at `path`; `offsets` count bytes of the
 * file. `pid` 0 is every process. Linux 6.6.
 */
export const uprobeMultiLinkAttr = structLayout({
  ...head,
  path: "ptr",
  offsets: "ptr",
  referenceCounters: "ptr",
  cookies: "ptr",
  count: "u32",
  multiFlags: "u32",
  pid: "u32",
});

/** BPF_LINK_UPDATE. */
export const linkUpdateAttr = structLayout({
  linkFd: "u32",
  newProgramFd: "u32",
  flags: "u32",
  oldProgramFd: "u32",
});

/** BPF_LINK_DETACH and BPF_ITER_CREATE. */
export const linkAttr = structLayout({ linkFd: "u32", flags: "u32" });

/** BPF_PROG_ATTACH and BPF_PROG_DETACH. */
export const programAttachAttr = structLayout({
  targetFd: "u32",
  programFd: "u32",
  attachType: "u32",
  attachFlags: "u32",
  replaceProgramFd: "u32",
});

/** BPF_MAP_*_BATCH. */
export const batchAttr = structLayout({
  inBatch: "ptr",
  outBatch: "ptr",
  keys: "ptr",
  values: "ptr",
  count: "u32",
  mapFd: "u32",
  elementFlags: "u64",
  flags: "u64",
});
