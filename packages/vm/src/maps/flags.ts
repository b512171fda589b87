/** Flags of map creation and update (uapi linux/bpf.h). */

/** Flags of BPF_MAP_UPDATE_ELEM and bpf_map_update_elem. */
export const UpdateFlag = { Any: 0, NoExist: 1, Exist: 2, Lock: 4 } as const;

/** BPF_F_* flags of BPF_MAP_CREATE. */
export const CreateFlag = {
  NoPrealloc: 1 << 0,
  NoCommonLru: 1 << 1,
  NumaNode: 1 << 2,
  ReadOnly: 1 << 3,
  WriteOnly: 1 << 4,
  StackBuildId: 1 << 5,
  ZeroSeed: 1 << 6,
  ReadOnlyProgram: 1 << 7,
  WriteOnlyProgram: 1 << 8,
  Clone: 1 << 9,
  Mmapable: 1 << 10,
  PreserveElements: 1 << 11,
  InnerMap: 1 << 12,
} as const;

/** The four access flags together. */
export const ACCESS_FLAGS =
  CreateFlag.ReadOnly | CreateFlag.WriteOnly | CreateFlag.ReadOnlyProgram | CreateFlag.WriteOnlyProgram;

/** What array_map_alloc_check and htab_map_alloc_check of Linux 6.1 accept. */
export const ARRAY_FLAGS =
  CreateFlag.NumaNode |
  CreateFlag.Mmapable |
  CreateFlag.PreserveElements |
  CreateFlag.InnerMap |
  ACCESS_FLAGS;

/** See {@link ARRAY_FLAGS}. */
export const HASH_FLAGS =
  CreateFlag.NoPrealloc | CreateFlag.NoCommonLru | CreateFlag.NumaNode | CreateFlag.ZeroSeed | ACCESS_FLAGS;

/** KMALLOC_MAX_SIZE on x86-64 with 4 KiB pages: limit of one element. */
export const ELEMENT_LIMIT = 4 * 1024 * 1024;

/** Refuses flags that contradict each other for one side (bpf_map_flags_access_ok). */
export function accessFlagsAreSane(flags: number): boolean {
  const program = CreateFlag.ReadOnlyProgram | CreateFlag.WriteOnlyProgram;
  return (flags & program) !== program;
}
