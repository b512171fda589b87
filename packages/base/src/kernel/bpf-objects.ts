/** What is loaded in the whole kernel: walking ids, asking what an object is, pinning (uapi linux/bpf.h). */
import type { Fd } from "./kernel.ts";

/** Objects of bpf(2) that have ids, each kind its own numbering. */
export type BpfObjectKind = "program" | "map" | "btf" | "link";

/** struct bpf_prog_info. Fields that a kernel does not know are 0 or empty. */
export interface ProgramInfo {
  readonly id: number;
  /** enum bpf_prog_type. */
  readonly type: number;
  readonly name: string;
  /** The 8 bytes that identify the instructions, in hexadecimal. */
  readonly tag: string;
  /** Nanoseconds since boot (CLOCK_BOOTTIME); Linux 4.15. */
  readonly loadTimeNs: bigint;
  readonly createdByUid: number;
  readonly gplCompatible: boolean;
  /** Ids of the maps that it uses. */
  readonly mapIds: readonly number[];
  readonly btfId: number;
  /** What it is attached to, for tracing programs: ids of the BTF object (Linux 5.17) and of the function in it. */
  readonly attachBtfObjectId: number;
  readonly attachBtfId: number;
  /** Sizes in bytes of the verified instructions and of the machine code; 0: not to be seen or not compiled. */
  readonly translatedSizeBytes: number;
  readonly jitedSizeBytes: number;
  /** Only counted while kernel.bpf_stats_enabled is on; Linux 5.1. */
  readonly runTimeNs: bigint;
  readonly runCount: bigint;
  /** Runs that were skipped because the program was running on that CPU already; Linux 5.12. */
  readonly recursionMisses: bigint;
  /** Instructions that the verifier walked; Linux 5.16. */
  readonly verifiedInstructions: number;
  readonly ifindex: number;
}

/** The arrays of struct bpf_prog_info. Copies; empty where the kernel does not show them. */
export interface ProgramCode {
  /** Instructions after the verifier's rewriting, 8 bytes each. */
  readonly translated: Uint8Array;
  /** Machine code of all functions, one after the other. */
  readonly jited: Uint8Array;
  /** Addresses of the functions' machine code. */
  readonly functionAddresses: readonly bigint[];
  /** Sizes in bytes of the functions' machine code. */
  readonly functionSizes: readonly number[];
  /** struct bpf_func_info and struct bpf_line_info records, whole. */
  readonly funcInfo: Uint8Array;
  readonly funcInfoRecordSize: number;
  readonly lineInfo: Uint8Array;
  readonly lineInfoRecordSize: number;
}

/** struct bpf_btf_info. */
export interface BtfInfo {
  readonly id: number;
  /** `vmlinux`, a module's name, or empty; Linux 5.11. */
  readonly name: string;
  readonly sizeBytes: number;
  /** True for the kernel's own types and its modules'. */
  readonly ofKernel: boolean;
}

/** The part of struct bpf_link_info that depends on the link's type. */
export type LinkTarget =
  | { readonly kind: "raw-tracepoint"; readonly name: string }
  | {
      readonly kind: "tracing";
      readonly attachType: number;
      readonly targetObjectId: number;
      readonly targetBtfId: number;
    }
  | { readonly kind: "cgroup"; readonly cgroupId: bigint; readonly attachType: number }
  | { readonly kind: "iterator"; readonly name: string; readonly mapId: number }
  | { readonly kind: "network-namespace"; readonly inode: number; readonly attachType: number }
  | { readonly kind: "interface"; readonly ifindex: number; readonly attachType: number }
  | { readonly kind: "struct-ops"; readonly mapId: number }
  | {
      readonly kind: "netfilter";
      readonly family: number;
      readonly hook: number;
      readonly priority: number;
      readonly flags: number;
    }
  /** `places` are told by Linux 6.6, cookies by 6.9; addresses are 0 for users who may not see them. */
  | {
      readonly kind: "kprobe-multi";
      readonly count: number;
      readonly returns: boolean;
      readonly missed: bigint;
      readonly places: readonly { readonly address: bigint; readonly cookie: bigint }[];
    }
  /** Linux 6.8 tells all of it. Offsets in bytes from the beginning of the file. */
  | {
      readonly kind: "uprobe-multi";
      readonly count: number;
      readonly returns: boolean;
      readonly pid: number;
      readonly path: string;
      readonly places: readonly {
        readonly offset: bigint;
        readonly referenceCounter: bigint;
        readonly cookie: bigint;
      }[];
    }
  /** Linux 6.6 tells what event it is. */
  | { readonly kind: "perf-event"; readonly event: PerfLinkEvent | undefined }
  | { readonly kind: "unknown" };

/** The event of a perf event link (enum bpf_perf_event_type). */
export type PerfLinkEvent =
  | {
      readonly kind: "kprobe";
      readonly returns: boolean;
      readonly function: string;
      readonly offset: number;
      /** 0 for users who may not see it. */
      readonly address: bigint;
      /** How often the program could not run. */
      readonly missed: bigint;
      readonly cookie: bigint;
    }
  | {
      readonly kind: "uprobe";
      readonly returns: boolean;
      readonly path: string;
      readonly offset: number;
      readonly cookie: bigint;
    }
  | { readonly kind: "tracepoint"; readonly name: string; readonly cookie: bigint }
  /** Type and config of struct perf_event_attr. */
  | { readonly kind: "counter"; readonly type: number; readonly config: bigint; readonly cookie: bigint };

/** struct bpf_link_info. */
export interface LinkInfo {
  readonly id: number;
  /** enum bpf_link_type. */
  readonly type: number;
  readonly programId: number;
  readonly target: LinkTarget;
}

/** enum bpf_link_type (uapi linux/bpf.h of Linux 6.12). */
export const LinkType = {
  RawTracepoint: 1,
  Tracing: 2,
  Cgroup: 3,
  Iter: 4,
  Netns: 5,
  Xdp: 6,
  PerfEvent: 7,
  KprobeMulti: 8,
  StructOps: 9,
  Netfilter: 10,
  Tcx: 11,
  UprobeMulti: 12,
  Netkit: 13,
  Sockmap: 14,
} as const;

/** The facet of objects that may not be this process's own. Listing needs CAP_SYS_ADMIN. */
export interface BpfObjects {
  /** BPF_*_GET_NEXT_ID: the id after `id`, 0 to start; undefined at the end. @throws SyscallError EPERM, EINVAL */
  nextId(kind: BpfObjectKind, id: number): number | undefined;
  /** BPF_*_GET_FD_BY_ID. @throws SyscallError ENOENT where the object is gone, EPERM */
  openById(kind: BpfObjectKind, id: number): Fd;
  programInfo(program: Fd): ProgramInfo;
  programCode(program: Fd): ProgramCode;
  btfInfo(btf: Fd): BtfInfo;
  /** The types themselves, as `.BTF` sections hold them; of modules only their own (split BTF). */
  btfData(btf: Fd): Uint8Array;
  linkInfo(link: Fd): LinkInfo;
  /** What a descriptor is of; undefined: nothing of bpf(2). */
  kindOf(fd: Fd): BpfObjectKind | undefined;
  /**
   * BPF_OBJ_PIN: a file of a BPF file system that keeps the object. The file's folder is made where it is missing.
   * @throws SyscallError EEXIST where there is such a file, EPERM or EINVAL outside of a BPF file system
   */
  pin(fd: Fd, path: string): void;
  /** BPF_OBJ_GET. @throws SyscallError ENOENT where nothing is pinned there, EACCES for other files */
  openPinned(path: string): Fd;
  /** Removes a pin; the object goes once nobody uses it. @throws SyscallError ENOENT */
  unpin(path: string): void;
}
