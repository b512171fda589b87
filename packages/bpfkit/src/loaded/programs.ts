/** Programs that are loaded in a kernel, described in bpftool's fields. */
import { programTypeName } from "@bpfkit/base/abi";
import type { Fd, Kernel, ProgramCode, ProgramInfo } from "@bpfkit/base/kernel";
import type { BtfTable } from "@bpfkit/elf/btf";
import type { JsonNode } from "./json-text.ts";
import type { LoadedTypes } from "./types.ts";
import { descriptorFacts } from "./walk.ts";

/** One program, by the names that `bpftool -j prog` gives its facts. Sizes in bytes. */
export interface LoadedProgram {
  readonly [name: string]: JsonNode | undefined;
  readonly id: number;
  readonly type: string;
  /** Whole where the program has types: the kernel itself keeps 15 characters. */
  readonly name?: string;
  readonly tag: string;
  readonly gpl_compatible: boolean;
  readonly run_time_ns?: bigint;
  readonly run_cnt?: bigint;
  readonly recursion_misses?: bigint;
  /** Seconds since 1970. */
  readonly loaded_at?: number;
  readonly uid?: number;
  readonly bytes_xlated: number;
  readonly jited: boolean;
  readonly bytes_jited?: number;
  readonly bytes_memlock?: number;
  readonly map_ids?: readonly number[];
  readonly btf_id?: number;
  /** Instructions that the verifier walked; Linux 5.16. Not of bpftool 7.1. */
  readonly verified_insns?: number;
}

const longestKernelName = 15;

/** Describes a program. */
export function describeLoadedProgram(kernel: Kernel, types: LoadedTypes, fd: Fd): LoadedProgram {
  const info = kernel.objects.programInfo(fd);
  const memlock = descriptorFacts(kernel, fd).get("memlock");
  const name = fullName(kernel, types, fd, info);
  return {
    id: info.id,
    type: programTypeName(info.type),
    ...(name === "" ? {} : { name }),
    tag: info.tag,
    gpl_compatible: info.gplCompatible,
    ...(info.runTimeNs === 0n ? {} : { run_time_ns: info.runTimeNs, run_cnt: info.runCount }),
    ...(info.recursionMisses === 0n ? {} : { recursion_misses: info.recursionMisses }),
    ...(info.loadTimeNs === 0n
      ? {}
      : { loaded_at: loadedAt(kernel, info.loadTimeNs), uid: info.createdByUid }),
    bytes_xlated: info.translatedSizeBytes,
    jited: info.jitedSizeBytes > 0,
    ...(info.jitedSizeBytes > 0 ? { bytes_jited: info.jitedSizeBytes } : {}),
    ...(memlock === undefined ? {} : { bytes_memlock: Number(memlock) }),
    ...(info.mapIds.length === 0 ? {} : { map_ids: info.mapIds }),
    ...(info.btfId === 0 ? {} : { btf_id: info.btfId }),
    ...(info.verifiedInstructions === 0 ? {} : { verified_insns: info.verifiedInstructions }),
  };
}

/** Load times count from the start of the machine, sleep included; /proc/uptime does, too. */
function loadedAt(kernel: Kernel, loadTimeNs: bigint): number {
  const uptime = new TextDecoder().decode(kernel.readKernelFile("/proc/uptime"));
  const bootMs = kernel.wallClockMs() - Number.parseFloat(uptime) * 1000;
  return Math.floor((bootMs + Number(loadTimeNs / 1_000_000n)) / 1000);
}

function fullName(kernel: Kernel, types: LoadedTypes, fd: Fd, info: ProgramInfo): string {
  if (info.name.length < longestKernelName || info.btfId === 0) return info.name;
  const [first] = functionRecords(kernel.objects.programCode(fd));
  const table = types.table(info.btfId);
  if (first === undefined || table === undefined) return info.name;
  const name = table.nameOf(first.typeId);
  return name.startsWith(info.name) ? name : info.name;
}

/** A function of a program. */
export interface FunctionRecord {
  readonly slot: number;
  readonly typeId: number;
}

/** struct bpf_func_info records. */
export function functionRecords(code: ProgramCode): FunctionRecord[] {
  const { funcInfo, funcInfoRecordSize: size } = code;
  const view = new DataView(funcInfo.buffer, funcInfo.byteOffset, funcInfo.byteLength);
  const count = size === 0 ? 0 : Math.floor(funcInfo.length / size);
  return Array.from({ length: count }, (_, index) => ({
    slot: view.getUint32(index * size, true),
    typeId: view.getUint32(index * size + 4, true),
  }));
}

/** A line of C. */
export interface LineRecord {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

/** struct bpf_line_info records by slot. */
export function lineRecords(code: ProgramCode, btf: BtfTable): Map<number, LineRecord> {
  const { lineInfo, lineInfoRecordSize: size } = code;
  const view = new DataView(lineInfo.buffer, lineInfo.byteOffset, lineInfo.byteLength);
  const lines = new Map<number, LineRecord>();
  for (let at = 0; size > 0 && at + size <= lineInfo.length; at += size) {
    const place = view.getUint32(at + 12, true);
    lines.set(view.getUint32(at, true), {
      file: btf.string(view.getUint32(at + 4, true)),
      text: btf.string(view.getUint32(at + 8, true)),
      line: place >>> 10,
      column: place & 0x3ff,
    });
  }
  return lines;
}
