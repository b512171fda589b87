/** The map macros of BCC as a table: argument order, map type and defaults of each (BCC 0.26 reference guide). */

/**
 * Letters of a form, in the order the macro takes them: n name, k key, v value (BCC: leaf), s entries, f flags,
 * t type string, p pin path, i name of the inner map as a string.
 */
export type MacroForm = string;

/** One macro: which forms it takes and what the arguments it does not take are. */
export interface MapMacro {
  readonly forms: readonly MacroForm[];
  /** BCC's type string; absent where the macro takes it as an argument. */
  readonly type?: string;
  readonly key?: string;
  readonly value?: string;
  readonly entries?: string;
  readonly flags?: string;
  /** Set where `entries` means something else than a number of entries. */
  readonly entriesUnit?: "pages" | "rounded";
  /** Set where BCC also offers the map to other programs of the process: to all, or to those of its namespace. */
  readonly published?: "public" | "shared";
}

const hash = { forms: ["n", "nk", "nkv", "nkvs"], key: "u64", value: "u64", entries: "10240" } as const;
const array = { forms: ["n", "nv", "nvs"], key: "int", value: "u64", entries: "10240" } as const;
const sized = { forms: ["ns"] } as const;
const storage = { forms: ["nv"], key: "int", entries: "0", flags: "BPF_F_NO_PREALLOC" } as const;

/** Every macro of BCC that makes a map, by name. */
export const mapMacros = {
  BPF_TABLE: { forms: ["tkvns"] },
  BPF_F_TABLE: { forms: ["tkvnsf"] },
  BPF_TABLE_PINNED: { forms: ["tkvnsp", "tkvnspf"] },
  BPF_TABLE_PUBLIC: { forms: ["tkvns"], published: "public" },
  BPF_TABLE_SHARED: { forms: ["tkvns", "tkvnsf"], published: "shared" },
  BPF_HASH: { ...hash, type: "hash" },
  BPF_PERCPU_HASH: { ...hash, type: "percpu_hash" },
  BPF_LPM_TRIE: { ...hash, type: "lpm_trie", flags: "BPF_F_NO_PREALLOC" },
  BPF_ARRAY: { ...array, type: "array" },
  BPF_PERCPU_ARRAY: { ...array, type: "percpu_array" },
  BPF_HISTOGRAM: { forms: ["n", "nk", "nks"], type: "histogram", key: "int", value: "u64", entries: "64" },
  BPF_STACK_TRACE: {
    ...sized,
    type: "stacktrace",
    key: "int",
    value: "struct bpf_stacktrace",
    entriesUnit: "rounded",
  },
  BPF_STACK_TRACE_BUILDID: {
    ...sized,
    type: "stacktrace",
    key: "int",
    value: "struct bpf_stacktrace_buildid",
    flags: "BPF_F_STACK_BUILD_ID",
    entriesUnit: "rounded",
  },
  BPF_PERF_OUTPUT: { forms: ["n"], type: "perf_output", key: "int", value: "u32", entries: "0" },
  BPF_PERF_ARRAY: { ...sized, type: "perf_array", key: "int", value: "u32" },
  BPF_RINGBUF_OUTPUT: { ...sized, type: "ringbuf", key: "int", value: "u32", entriesUnit: "pages" },
  BPF_PROG_ARRAY: { ...sized, type: "prog", key: "u32", value: "u32" },
  BPF_CGROUP_ARRAY: { ...sized, type: "cgroup_array", key: "int", value: "u32" },
  BPF_DEVMAP: { ...sized, type: "devmap", key: "u32", value: "int" },
  BPF_CPUMAP: { ...sized, type: "cpumap", key: "u32", value: "u32" },
  BPF_XSKMAP: { forms: ["ns", "nsp"], type: "xskmap", key: "u32", value: "int" },
  BPF_XDP_REDIRECT_MAP: { forms: ["tvns"], key: "u32" },
  BPF_SOCKMAP: { ...sized, type: "sockmap", key: "u32", value: "int" },
  BPF_SOCKHASH: { forms: ["n", "nk", "nks"], type: "sockhash", key: "u32", value: "int", entries: "10240" },
  BPF_ARRAY_OF_MAPS: { forms: ["nis"], type: "array_of_maps", key: "int", value: "int" },
  BPF_HASH_OF_MAPS: {
    forms: ["ni", "nki", "nkis"],
    type: "hash_of_maps",
    key: "int",
    value: "int",
    entries: "10240",
  },
  BPF_QUEUE: { forms: ["nvs", "nvsf"], type: "queue", key: "int" },
  BPF_STACK: { forms: ["nvs", "nvsf"], type: "stack", key: "int" },
  BPF_QUEUESTACK: { forms: ["tnvsf"], key: "int" },
  BPF_QUEUESTACK_PINNED: { forms: ["tnvsfp"], key: "int" },
  BPF_QUEUESTACK_PUBLIC: { forms: ["tnvsf"], key: "int", published: "public" },
  BPF_QUEUESTACK_SHARED: { forms: ["tnvsf"], key: "int", published: "shared" },
  BPF_SK_STORAGE: { ...storage, type: "sk_storage" },
  BPF_INODE_STORAGE: { ...storage, type: "inode_storage" },
  BPF_TASK_STORAGE: { ...storage, type: "task_storage" },
  BPF_CGROUP_STORAGE: {
    forms: ["nv"],
    type: "cgroup_storage",
    key: "struct bpf_cgroup_storage_key",
    entries: "0",
  },
  BPF_PERCPU_CGROUP_STORAGE: {
    forms: ["nv"],
    type: "percpu_cgroup_storage",
    key: "struct bpf_cgroup_storage_key",
    entries: "0",
  },
} as const satisfies Record<string, MapMacro>;

/** Which methods make sense on a type. */
export type MethodFamily =
  | "table"
  | "stacktrace"
  | "perf"
  | "ringbuf"
  | "program"
  | "cgroup"
  | "redirect"
  | "socket"
  | "queue"
  | "storage"
  | "nested";

/** How a type string of BCC becomes a libbpf map. */
export interface MapTypeRow {
  /** Enumerator of enum bpf_map_type without its prefix. */
  readonly kernel: string;
  readonly family: MethodFamily;
  /**
   * How key and value are declared: by type (so that BTF describes them), by size (the kernel takes no BTF there:
   * map_check_no_btf in kernel/bpf/syscall.c), value only (queues have no key) or not at all (ring buffers).
   */
  readonly layout: "types" | "sizes" | "value" | "none";
}

/** BCC's type strings. `histogram` is an array for int keys, a hash otherwise. */
export const mapTypes = {
  hash: { kernel: "HASH", family: "table", layout: "types" },
  array: { kernel: "ARRAY", family: "table", layout: "types" },
  prog: { kernel: "PROG_ARRAY", family: "program", layout: "sizes" },
  perf_output: { kernel: "PERF_EVENT_ARRAY", family: "perf", layout: "sizes" },
  perf_array: { kernel: "PERF_EVENT_ARRAY", family: "perf", layout: "sizes" },
  percpu_hash: { kernel: "PERCPU_HASH", family: "table", layout: "types" },
  percpu_array: { kernel: "PERCPU_ARRAY", family: "table", layout: "types" },
  stacktrace: { kernel: "STACK_TRACE", family: "stacktrace", layout: "sizes" },
  cgroup_array: { kernel: "CGROUP_ARRAY", family: "cgroup", layout: "sizes" },
  lru_hash: { kernel: "LRU_HASH", family: "table", layout: "types" },
  lru_percpu_hash: { kernel: "LRU_PERCPU_HASH", family: "table", layout: "types" },
  lpm_trie: { kernel: "LPM_TRIE", family: "table", layout: "types" },
  array_of_maps: { kernel: "ARRAY_OF_MAPS", family: "nested", layout: "sizes" },
  hash_of_maps: { kernel: "HASH_OF_MAPS", family: "nested", layout: "sizes" },
  devmap: { kernel: "DEVMAP", family: "redirect", layout: "sizes" },
  sockmap: { kernel: "SOCKMAP", family: "socket", layout: "sizes" },
  cpumap: { kernel: "CPUMAP", family: "redirect", layout: "sizes" },
  xskmap: { kernel: "XSKMAP", family: "redirect", layout: "sizes" },
  sockhash: { kernel: "SOCKHASH", family: "socket", layout: "sizes" },
  cgroup_storage: { kernel: "CGROUP_STORAGE", family: "storage", layout: "types" },
  percpu_cgroup_storage: { kernel: "PERCPU_CGROUP_STORAGE", family: "storage", layout: "types" },
  queue: { kernel: "QUEUE", family: "queue", layout: "value" },
  stack: { kernel: "STACK", family: "queue", layout: "value" },
  sk_storage: { kernel: "SK_STORAGE", family: "storage", layout: "types" },
  ringbuf: { kernel: "RINGBUF", family: "ringbuf", layout: "none" },
  inode_storage: { kernel: "INODE_STORAGE", family: "storage", layout: "types" },
  task_storage: { kernel: "TASK_STORAGE", family: "storage", layout: "types" },
  histogram: { kernel: "HASH", family: "table", layout: "types" },
  // Another object's map: the loader takes what is published by this name, whatever it is.
  extern: { kernel: "HASH", family: "table", layout: "types" },
} as const satisfies Record<string, MapTypeRow>;

/** A type string that {@link mapTypes} knows. */
export type MapTypeString = keyof typeof mapTypes;

/** Finds a macro's row. */
export function mapMacro(name: string): MapMacro | undefined {
  return Object.hasOwn(mapMacros, name) ? mapMacros[name as keyof typeof mapMacros] : undefined;
}

/** Finds a type string's row. */
export function mapType(type: string): MapTypeRow | undefined {
  return Object.hasOwn(mapTypes, type) ? mapTypes[type as MapTypeString] : undefined;
}
