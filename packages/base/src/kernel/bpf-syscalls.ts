/** bpf(2) as methods, one per command that the loader uses (uapi linux/bpf.h, enum bpf_cmd). */
import type { Fd } from "./kernel.ts";

/** BPF_MAP_CREATE. Sizes in bytes. */
export interface MapCreateAttributes {
  /** enum bpf_map_type. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* creation flags. */
  readonly flags: number;
  /** At most 15 characters of [A-Za-z0-9_.]. */
  readonly name: string;
  readonly innerMap?: Fd;
  readonly btf?: Fd;
  readonly btfKeyTypeId?: number;
  readonly btfValueTypeId?: number;
  /** Needs BPF_F_NUMA_NODE in `flags`; Linux 4.14. */
  readonly numaNode?: number;
  /** What it means depends on the type; Linux 5.16. */
  readonly mapExtra?: bigint;
  /** BTF type of struct_ops values in vmlinux's BTF; Linux 5.6. */
  readonly btfVmlinuxValueTypeId?: number;
}

/** BPF_PROG_LOAD. */
export interface ProgramLoadAttributes {
  /** enum bpf_prog_type. */
  readonly type: number;
  /** enum bpf_attach_type; 0 when the type has none. */
  readonly expectedAttachType: number;
  readonly name: string;
  /** Encoded 8-byte slots with map fds already in place (BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE). */
  readonly instructions: Uint8Array;
  readonly license: string;
  /** 0 none, 1 summary, 2 every instruction. */
  readonly logLevel: number;
  /** Gets the log of a program that was accepted, where `logLevel` is not 0. */
  readonly onLog?: (log: string) => void;
  readonly btf?: Fd;
  /** Records as the kernel wants them (8 and 16 bytes each), already relocated to slot numbers. */
  readonly funcInfo?: Uint8Array;
  readonly lineInfo?: Uint8Array;
  /** BTF id of the function to attach to, for tracing programs. */
  readonly attachBtfId?: number;
  /** BTF object of a module that has the function; where it is left out, vmlinux (Linux 5.11). */
  readonly attachBtf?: Fd;
  /** The program to extend or trace, in place of a kernel function (Linux 5.5). */
  readonly attachProgram?: Fd;
  /** BPF_F_SLEEPABLE and others. */
  readonly flags?: number;
  /** What `off` of kfunc calls counts in: descriptors of modules' BTF (Linux 5.14). */
  readonly fdArray?: readonly Fd[];
}

/** BPF_PROG_TEST_RUN. */
export interface ProgramTestRunOptions {
  /** Context structure (`ctx_in`) or, for packet programs, packet data (`data_in`). */
  readonly context?: Uint8Array;
  readonly data?: Uint8Array;
  readonly repeat?: number;
}

/** What one test run gave back. */
export interface ProgramTestRunResult {
  /** r0, low 32 bits. */
  readonly returnValue: number;
  readonly context: Uint8Array;
  readonly data: Uint8Array;
}

/** BPF_OBJ_GET_INFO_BY_FD for maps. */
export interface MapInfo {
  readonly id: number;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly name: string;
  /** 0 where it has no types. */
  readonly btfId: number;
  readonly btfKeyTypeId: number;
  readonly btfValueTypeId: number;
  /** Linux 5.16. */
  readonly mapExtra: bigint;
  readonly ifindex: number;
}

/**
 * The bpf(2) facet. Keys and values are exactly the map's sizes in bytes, except that values of per-CPU maps are
 * `round_up(valueSize, 8)` bytes for each possible CPU, in order. Wrong lengths throw EINVAL.
 */
export interface BpfSyscalls {
  mapCreate(attributes: MapCreateAttributes): Fd;
  mapInfo(map: Fd): MapInfo;
  /** A copy of the value, or undefined where the key is absent. */
  mapLookup(map: Fd, key: Uint8Array, flags?: number): Uint8Array | undefined;
  /** @throws SyscallError E2BIG, EEXIST, ENOENT, EINVAL ... as the kernel's map type does. */
  mapUpdate(map: Fd, key: Uint8Array, value: Uint8Array, flags: number): void;
  /** False where the key was absent. */
  mapDelete(map: Fd, key: Uint8Array): boolean;
  /** The key after `key`, the first one for undefined; undefined at the end. */
  mapNextKey(map: Fd, key: Uint8Array | undefined): Uint8Array | undefined;
  mapLookupAndDelete(map: Fd, key: Uint8Array): Uint8Array | undefined;
  /** For data sections: makes the map read-only for user space. */
  mapFreeze(map: Fd): void;
  /** @throws SyscallError with the verifier log in `cause` as a {@link VerifierRejection}. */
  programLoad(attributes: ProgramLoadAttributes): Fd;
  programTestRun(program: Fd, options: ProgramTestRunOptions): ProgramTestRunResult;
  btfLoad(btf: Uint8Array): Fd;
  /** BPF_RAW_TRACEPOINT_OPEN; `name` is empty for fentry, fexit and LSM programs. The fd keeps the program attached. */
  rawTracepointOpen(name: string, program: Fd): Fd;
}

/** Carries the verifier's own words when BPF_PROG_LOAD refuses a program. */
export class VerifierRejection extends Error {
  override readonly name = "VerifierRejection";
  /** The whole log. */
  readonly log: string;

  constructor(log: string) {
    super(
      log
        .split("\n")
        .filter((line) => line !== "")
        .at(-2) ?? "rejected",
    );
    this.log = log;
  }
}
