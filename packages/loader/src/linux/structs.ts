/** Structs that the kernel reads and writes: members of `union bpf_attr` (uapi linux/bpf.h), perf_event_attr, others. */
import { structLayout } from "./struct-layout.ts";

/** BPF_MAP_CREATE. */
export const mapCreateAttr = structLayout({
  mapType: "u32",
  keySize: "u32",
  valueSize: "u32",
  maxEntries: "u32",
  mapFlags: "u32",
  innerMapFd: "u32",
  numaNode: "u32",
  mapName: "char16",
  mapIfindex: "u32",
  btfFd: "u32",
  btfKeyTypeId: "u32",
  btfValueTypeId: "u32",
  btfVmlinuxValueTypeId: "u32",
  mapExtra: "u64",
});

/** BPF_MAP_*_ELEM and BPF_MAP_GET_NEXT_KEY; `value` is `next_key` there. */
export const mapElementAttr = structLayout({ mapFd: "u32", key: "ptr", value: "ptr", flags: "u64" });

/** BPF_MAP_FREEZE. */
export const mapFreezeAttr = structLayout({ mapFd: "u32" });

/** BPF_PROG_LOAD. */
export const programLoadAttr = structLayout({
  programType: "u32",
  instructionCount: "u32",
  instructions: "ptr",
  license: "ptr",
  logLevel: "u32",
  logSize: "u32",
  logBuffer: "ptr",
  kernelVersion: "u32",
  flags: "u32",
  name: "char16",
  ifindex: "u32",
  expectedAttachType: "u32",
  btfFd: "u32",
  funcInfoRecordSize: "u32",
  funcInfo: "ptr",
  funcInfoCount: "u32",
  lineInfoRecordSize: "u32",
  lineInfo: "ptr",
  lineInfoCount: "u32",
  attachBtfId: "u32",
  /** Or the program to attach to. */
  attachBtfFd: "u32",
  coreRelocationCount: "u32",
  fdArray: "ptr",
});

/** BPF_PROG_TEST_RUN. */
export const testRunAttr = structLayout({
  programFd: "u32",
  returnValue: "u32",
  dataSizeIn: "u32",
  dataSizeOut: "u32",
  dataIn: "ptr",
  dataOut: "ptr",
  repeat: "u32",
  duration: "u32",
  contextSizeIn: "u32",
  contextSizeOut: "u32",
  contextIn: "ptr",
  contextOut: "ptr",
});

/** BPF_OBJ_GET_INFO_BY_FD. */
export const infoAttr = structLayout({ fd: "u32", infoLength: "u32", info: "ptr" });

/** struct bpf_map_info. */
export const mapInfo = structLayout({
  type: "u32",
  id: "u32",
  keySize: "u32",
  valueSize: "u32",
  maxEntries: "u32",
  mapFlags: "u32",
  name: "char16",
  ifindex: "u32",
  btfVmlinuxValueTypeId: "u32",
  netnsDevice: "u64",
  netnsInode: "u64",
  btfId: "u32",
  btfKeyTypeId: "u32",
  btfValueTypeId: "u32",
  btfVmlinuxId: "u32",
  mapExtra: "u64",
});

/** BPF_BTF_LOAD. */
export const btfLoadAttr = structLayout({
  btf: "ptr",
  logBuffer: "ptr",
  btfSize: "u32",
  logSize: "u32",
  logLevel: "u32",
});

/** BPF_RAW_TRACEPOINT_OPEN. */
export const rawTracepointAttr = structLayout({ name: "ptr", programFd: "u32" });

/** struct perf_event_attr up to clockid (PERF_ATTR_SIZE_VER3, Linux 4.1; uapi linux/perf_event.h). */
export const perfEventAttr = structLayout({
  type: "u32",
  size: "u32",
  config: "u64",
  /** Or the frequency. */
  samplePeriod: "u64",
  sampleType: "u64",
  readFormat: "u64",
  flags: "u64",
  wakeupEvents: "u32",
  breakpointType: "u32",
  /** Function name or path of the probe PMUs. */
  config1: "ptr",
  /** Offset of the probe PMUs. */
  config2: "u64",
  branchSampleType: "u64",
  sampleRegsUser: "u64",
  sampleStackUser: "u32",
  clockId: "u32",
});

/** struct rlimit64. */
export const resourceLimit = structLayout({ soft: "u64", hard: "u64" });
