/** Members of `union bpf_attr` that attach (uapi linux/bpf.h): one layout for each form of the union in BPF_LINK_CREATE. */
import { structLayout } from "./struct-layout.ts";

const head = { programFd: "u32", target: "u32", attachType: "u32", flags: "u32" } as const;

/** Interfaces, cgroups, network namespaces. */
export const plainLinkAttr = structLayout(head);

export const perfLinkAttr = structLayout({ ...head, cookie: "u64" });

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

export const netfilterLinkAttr = structLayout({
  ...head,
  family: "u32",
  hook: "u32",
  priority: "u32",
  netfilterFlags: "u32",
});

export const iteratorLinkAttr = structLayout({ ...head, info: "ptr", infoLength: "u32" });

export const kprobeMultiLinkAttr = structLayout({
  ...head,
  multiFlags: "u32",
  count: "u32",
  symbols: "ptr",
  addresses: "ptr",
  cookies: "ptr",
});

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
