/** Structs of BPF_OBJ_GET_INFO_BY_FD and of the commands that walk, open and pin objects (uapi linux/bpf.h). */
import { structLayout } from "./struct-layout.ts";

/** BPF_*_GET_NEXT_ID: `id` is the one before; BPF_*_GET_FD_BY_ID: `id` is the one to open. */
export const idAttr = structLayout({ id: "u32", nextId: "u32", openFlags: "u32" });

/** BPF_OBJ_PIN, BPF_OBJ_GET. */
export const pinAttr = structLayout({ path: "ptr", fd: "u32", fileFlags: "u32" });

/** struct bpf_prog_info up to attach_btf_id (Linux 6.1). */
export const programInfo = structLayout({
  type: "u32",
  id: "u32",
  tag: "u64",
  jitedSize: "u32",
  translatedSize: "u32",
  jited: "ptr",
  translated: "ptr",
  loadTime: "u64",
  createdByUid: "u32",
  mapCount: "u32",
  mapIds: "ptr",
  name: "char16",
  ifindex: "u32",
  gplCompatible: "u32",
  netnsDevice: "u64",
  netnsInode: "u64",
  functionAddressCount: "u32",
  functionSizeCount: "u32",
  functionAddresses: "ptr",
  functionSizes: "ptr",
  btfId: "u32",
  funcInfoRecordSize: "u32",
  funcInfo: "ptr",
  funcInfoCount: "u32",
  lineInfoCount: "u32",
  lineInfo: "ptr",
  jitedLineInfo: "ptr",
  jitedLineInfoCount: "u32",
  lineInfoRecordSize: "u32",
  jitedLineInfoRecordSize: "u32",
  tagCount: "u32",
  tags: "ptr",
  runTime: "u64",
  runCount: "u64",
  recursionMisses: "u64",
  verifiedInstructions: "u32",
  attachBtfObjectId: "u32",
  attachBtfId: "u32",
});

/** struct bpf_btf_info. */
export const btfInfo = structLayout({
  btf: "ptr",
  btfSize: "u32",
  id: "u32",
  name: "ptr",
  nameLength: "u32",
  kernelBtf: "u32",
});

/** struct bpf_link_info: what all have, then a union of 8-byte words whose meaning depends on the type. */
export const linkInfo = structLayout({
  type: "u32",
  id: "u32",
  programId: "u32",
  first: "u64",
  second: "u64",
  third: "u64",
  fourth: "u64",
  fifth: "u64",
  sixth: "u64",
});
