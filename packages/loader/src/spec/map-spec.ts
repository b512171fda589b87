/** What an object says about one map; may be changed before loading. */
import type { StructOpsSpec } from "./struct-ops.ts";

/** LIBBPF_PIN_BY_NAME of libbpf's enum libbpf_pin_type. */
export const PinByName = 1;

/** A slot that is filled in at load time: an inner map or a program, from `.values` of the definition. */
export interface InitialValue {
  readonly index: number;
  /** Symbol of the map or program. */
  readonly symbol: string;
}

/** Where a map comes from, which decides how it is filled. */
export type MapOrigin = "definition" | "rodata" | "data" | "bss" | "kconfig" | "inner" | "struct-ops";

/** One map, mutable until it is loaded. Sizes in bytes. */
export interface MapSpec {
  /** The C variable's name, or the section's for data (`.rodata`, `.bss`, `.data.counters`). */
  readonly name: string;
  /** The name given to the kernel: at most 15 characters of [A-Za-z0-9_.]. */
  kernelName: string;
  readonly origin: MapOrigin;
  /** enum bpf_map_type. */
  type: number;
  keySize: number;
  valueSize: number;
  /** 0 for perf event arrays means: as many as CPUs. */
  maxEntries: number;
  /** BPF_F_* creation flags. */
  flags: number;
  /** 0 or {@link PinByName}. */
  pinning: number;
  /** A file of a BPF file system: the map is taken from there, or pinned there where there is none. */
  pinPath: string | undefined;
  numaNode: number | undefined;
  mapExtra: bigint | undefined;
  /** BTF types in the object's BTF; 0 = untyped. */
  keyTypeId: number;
  valueTypeId: number;
  /** Of maps of maps: what their inner maps are like. */
  inner: MapSpec | undefined;
  initialValues: InitialValue[];
  /** Data sections: the initial value of the only element. */
  contents: Uint8Array | undefined;
  /** Of an arena: the initial values of `__arena` variables, which are at its start. */
  arenaData: Uint8Array | undefined;
  /** Structs of functions for the kernel: what is in them. */
  structOps: StructOpsSpec | undefined;
  /** Read-only for programs and user space once filled. */
  frozen: boolean;
  /** Values of `btf_decl_tag` attributes on the variable, for example `bpfkit:event:struct data_t`. */
  readonly tags: readonly string[];
}

/** A map name that the kernel accepts: other characters become `_`, at most 15 remain. */
export function kernelObjectName(name: string): string {
  return name.replace(/[^A-Za-z0-9_.]/g, "_").slice(0, 15);
}

/** A spec with every optional property at its neutral value. */
export function emptyMapSpec(name: string, origin: MapOrigin): MapSpec {
  return {
    name,
    kernelName: kernelObjectName(name),
    origin,
    type: 0,
    keySize: 0,
    valueSize: 0,
    maxEntries: 0,
    flags: 0,
    pinning: 0,
    pinPath: undefined,
    numaNode: undefined,
    mapExtra: undefined,
    keyTypeId: 0,
    valueTypeId: 0,
    inner: undefined,
    initialValues: [],
    contents: undefined,
    arenaData: undefined,
    structOps: undefined,
    frozen: false,
    tags: [],
  };
}
