/**
 * Which map types, program types and helpers a kernel knows, found out by trying (what each type needs to be tried at all
 * is libbpf's knowledge: libbpf_probe_bpf_map_type, _prog_type and _helper).
 */
import {
  AttachType,
  Errno,
  MapCreateFlag,
  MapType,
  NewerAttachType,
  NewerMapType,
  NewerProgramType,
  ProgramType,
} from "@bpfkit/base/abi";
import type { Fd, Kernel, MapCreateAttributes, ProgramLoadAttributes } from "@bpfkit/base/kernel";
import type { BtfType } from "@bpfkit/elf/btf";
import { attempt, attemptProgram, btfOf, intType, type Outcome, outcomeOf } from "./attempt.ts";

const nothing = "r0 = 0\nexit";
const pageSize = 4096;
/** ENOTSUPP, of the kernel's inside. */
const notSupported = 524;

type MapShape = Partial<Pick<MapCreateAttributes, "keySize" | "valueSize" | "maxEntries" | "flags">> & {
  readonly needs?: "inner" | "storage-types" | "struct-ops";
};

const storage: MapShape = {
  valueSize: 8,
  maxEntries: 0,
  flags: MapCreateFlag.NoPrealloc,
  needs: "storage-types",
};
const ring: MapShape = { keySize: 0, valueSize: 0, maxEntries: pageSize };

/** What differs from one entry with a key and a value of four bytes. */
const mapShapes: Readonly<Record<number, MapShape>> = {
  [MapType.StackTrace]: { valueSize: 8 },
  [MapType.LpmTrie]: { keySize: 8, valueSize: 8, flags: MapCreateFlag.NoPrealloc },
  [MapType.CgroupStorage]: { keySize: 16, valueSize: 8, maxEntries: 0 },
  [MapType.PercpuCgroupStorage]: { keySize: 16, valueSize: 8, maxEntries: 0 },
  [MapType.Queue]: { keySize: 0 },
  [MapType.Stack]: { keySize: 0 },
  [MapType.BloomFilter]: { keySize: 0 },
  [MapType.SkStorage]: storage,
  [MapType.InodeStorage]: storage,
  [MapType.TaskStorage]: storage,
  [MapType.Ringbuf]: ring,
  [MapType.UserRingbuf]: ring,
  [MapType.HashOfMaps]: { needs: "inner" },
  [MapType.ArrayOfMaps]: { needs: "inner" },
  [MapType.StructOps]: { needs: "struct-ops" },
  [NewerMapType.CgrpStorage]: storage,
  [NewerMapType.Arena]: { keySize: 0, valueSize: 0, flags: MapCreateFlag.Mmapable },
};

/** A value with a spin lock, which local storage takes with or without; the struct must have eight bytes. */
const storageTypes: readonly BtfType[] = [
  intType,
  {
    kind: "struct",
    name: "v",
    size: 8,
    members: [
      { name: "a", type: 1, bitOffset: 0, bitSize: 0 },
      { name: "b", type: 1, bitOffset: 32, bitSize: 0 },
    ],
  },
];

/** Whether maps of a type can be made. */
export function hasMapType(kernel: Kernel, type: number): boolean {
  const { needs, ...shape } = mapShapes[type] ?? {};
  const attributes = { type, keySize: 4, valueSize: 4, maxEntries: 1, flags: 0, name: "", ...shape };
  switch (needs) {
    case "inner": {
      const inner = { ...attributes, type: MapType.Hash };
      return withFd(
        kernel,
        () => kernel.mapCreate(inner),
        (innerMap) => attempt(kernel, () => kernel.mapCreate({ ...attributes, innerMap })).errno === 0,
      );
    }
    case "storage-types":
      return withFd(
        kernel,
        () => kernel.btfLoad(btfOf(storageTypes)),
        (btf) => {
          const typed = { ...attributes, btf, btfKeyTypeId: 1, btfValueTypeId: 2 };
          return attempt(kernel, () => kernel.mapCreate(typed)).errno === 0;
        },
      );
    case "struct-ops":
      // Type 1 of vmlinux is no struct_ops value: that is said only where there are such maps.
      return (
        attempt(kernel, () => kernel.mapCreate({ ...attributes, btfVmlinuxValueTypeId: 1 })).errno ===
        notSupported
      );
    default:
      return attempt(kernel, () => kernel.mapCreate(attributes)).errno === 0;
  }
}

function withFd(kernel: Kernel, open: () => Fd, run: (fd: Fd) => boolean): boolean {
  let fd: Fd;
  try {
    fd = open();
  } catch (error) {
    outcomeOf(error);
    return false;
  }
  try {
    return run(fd);
  } finally {
    kernel.close(fd);
  }
}

type ProgramNeeds = Partial<Pick<ProgramLoadAttributes, "expectedAttachType" | "attachBtfId" | "flags">> & {
  /** What the kernel says of the meaningless target where it knows the type. */
  readonly expected?: RegExp;
};

/** BPF_F_SLEEPABLE. */
const sleepable = 16;

const programNeeds: Readonly<Record<number, ProgramNeeds>> = {
  [ProgramType.SkLookup]: { expectedAttachType: AttachType.SkLookup },
  [ProgramType.CgroupSockAddr]: { expectedAttachType: AttachType.CgroupInet4Connect },
  [ProgramType.CgroupSockopt]: { expectedAttachType: AttachType.CgroupGetsockopt },
  [ProgramType.LircMode2]: { expectedAttachType: AttachType.LircMode2 },
  [ProgramType.Syscall]: { flags: sleepable },
  [NewerProgramType.Netfilter]: { expectedAttachType: NewerAttachType.Netfilter },
  [ProgramType.Tracing]: {
    expectedAttachType: AttachType.TraceFentry,
    attachBtfId: 1,
    expected: /attach_btf_id 1 is not a function/,
  },
  [ProgramType.Lsm]: {
    expectedAttachType: AttachType.LsmMac,
    attachBtfId: 1,
    expected: /attach_btf_id 1 is not a function|points to wrong type name/,
  },
  [ProgramType.Ext]: { attachBtfId: 1, expected: /Cannot replace kernel functions/ },
  [ProgramType.StructOps]: { attachBtfId: 1, expected: /attach_btf_id 1 is not a supported struct/ },
};

/** Whether programs of a type can be loaded. */
export function hasProgramType(kernel: Kernel, type: number): boolean {
  const { expected, ...needs } = programNeeds[type] ?? {};
  const { errno, log } = attemptProgram(kernel, nothing, { type, ...needs });
  return errno === 0 || (expected?.test(log) ?? false);
}

/** What the verifier says of helpers that it does not know, or that a program of this type may not call. */
const unknownHelper = /invalid func |unknown func |program of this type cannot use helper /;

/** Whether programs of a type may call a helper. Tracing, LSM, extension and struct_ops programs cannot be asked. */
export function hasHelper(kernel: Kernel, programType: number, helper: number): boolean {
  const { expected, ...needs } = programNeeds[programType] ?? {};
  if (expected !== undefined) return false;
  const outcome: Outcome = attemptProgram(kernel, `call ${helper}\n${nothing}`, {
    type: programType,
    ...needs,
  });
  if (outcome.errno === 0) return true;
  // Whatever else is wrong with the call was found after the helper itself.
  return outcome.errno !== Errno.EPERM && outcome.log !== "" && !unknownHelper.test(outcome.log);
}
