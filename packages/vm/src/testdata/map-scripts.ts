/** What is done to one map of each type, in terms that bpf(2) and our maps have in common. */

/** One step. Keys and values are bytes; for per-CPU maps the value goes to every CPU. */
export type MapStep =
  | {
      readonly do: "update";
      readonly key: readonly number[];
      readonly value: readonly number[];
      readonly flags?: "any" | "noexist" | "exist";
    }
  | { readonly do: "lookup" | "delete"; readonly key: readonly number[] }
  | { readonly do: "push"; readonly value: readonly number[] }
  | { readonly do: "pop" | "peek" }
  /** All keys by BPF_MAP_GET_NEXT_KEY, in order only where the order is defined. */
  | { readonly do: "walk"; readonly ordered: boolean };

/** A map and the steps. */
export interface MapScript {
  readonly name: string;
  /** As bpftool spells it. */
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly steps: readonly MapStep[];
}

const key = (...bytes: number[]): number[] => [...bytes, 0, 0, 0, 0].slice(0, 4);

/** Keys that may be there or not, each flag on each of them, deletion, and a map that is full. */
function hashSteps(full: boolean): MapStep[] {
  const steps: MapStep[] = [
    { do: "walk", ordered: false },
    { do: "lookup", key: key(1) },
    { do: "delete", key: key(1) },
    { do: "update", key: key(1), value: [1, 2, 3, 4, 5], flags: "exist" },
    { do: "update", key: key(1), value: [1, 2, 3, 4, 5], flags: "noexist" },
    { do: "lookup", key: key(1) },
    { do: "update", key: key(1), value: [9, 9, 9, 9, 9], flags: "noexist" },
    { do: "update", key: key(1), value: [6, 7, 8, 9, 10], flags: "exist" },
    { do: "lookup", key: key(1) },
    { do: "update", key: key(2), value: [2, 2, 2, 2, 2], flags: "any" },
    { do: "walk", ordered: false },
  ];
  if (full) {
    steps.push(
      { do: "update", key: key(3), value: [3, 3, 3, 3, 3], flags: "any" },
      { do: "update", key: key(4), value: [4, 4, 4, 4, 4], flags: "any" },
      { do: "update", key: key(4), value: [4, 4, 4, 4, 4], flags: "exist" },
      { do: "update", key: key(1), value: [5, 5, 5, 5, 5], flags: "any" },
      { do: "lookup", key: key(1) },
    );
  }
  steps.push(
    { do: "delete", key: key(1) },
    { do: "delete", key: key(1) },
    { do: "lookup", key: key(1) },
    { do: "update", key: key(0, 1), value: [7, 7, 7, 7, 7], flags: "any" },
    { do: "lookup", key: key(0, 1) },
    { do: "walk", ordered: false },
  );
  return steps;
}

const arraySteps: readonly MapStep[] = [
  { do: "walk", ordered: true },
  { do: "lookup", key: key(0) },
  { do: "update", key: key(0), value: [1, 2, 3, 4, 5], flags: "any" },
  { do: "update", key: key(0), value: [1, 2, 3, 4, 5], flags: "noexist" },
  { do: "update", key: key(2), value: [5, 4, 3, 2, 1], flags: "exist" },
  { do: "update", key: key(3), value: [5, 4, 3, 2, 1], flags: "any" },
  { do: "update", key: key(3), value: [5, 4, 3, 2, 1], flags: "noexist" },
  { do: "lookup", key: key(0) },
  { do: "lookup", key: key(1) },
  { do: "lookup", key: key(2) },
  { do: "lookup", key: key(3) },
  { do: "lookup", key: key(0, 0, 0, 1) },
  { do: "delete", key: key(0) },
  { do: "delete", key: key(3) },
];

const listSteps: readonly MapStep[] = [
  { do: "peek" },
  { do: "pop" },
  { do: "push", value: [1, 1, 1, 1, 1] },
  { do: "push", value: [2, 2, 2, 2, 2] },
  { do: "peek" },
  { do: "push", value: [3, 3, 3, 3, 3] },
  { do: "push", value: [4, 4, 4, 4, 4] },
  { do: "pop" },
  { do: "push", value: [5, 5, 5, 5, 5] },
  { do: "pop" },
  { do: "peek" },
  { do: "pop" },
  { do: "pop" },
  { do: "pop" },
];

const prefix = (length: number, ...bytes: number[]): number[] => [length, 0, 0, 0, ...bytes];

const trieSteps: readonly MapStep[] = [
  { do: "lookup", key: prefix(32, 10, 1, 2, 3) },
  { do: "update", key: prefix(8, 10, 0, 0, 0), value: [1, 1, 1, 1, 1] },
  { do: "update", key: prefix(16, 10, 1, 0, 0), value: [2, 2, 2, 2, 2] },
  { do: "update", key: prefix(24, 10, 1, 2, 0), value: [3, 3, 3, 3, 3] },
  { do: "update", key: prefix(33, 10, 1, 2, 0), value: [3, 3, 3, 3, 3] },
  { do: "lookup", key: prefix(32, 10, 1, 2, 3) },
  { do: "lookup", key: prefix(32, 10, 1, 9, 3) },
  { do: "lookup", key: prefix(32, 10, 9, 9, 3) },
  { do: "lookup", key: prefix(32, 11, 1, 2, 3) },
  { do: "lookup", key: prefix(16, 10, 1, 2, 3) },
  { do: "lookup", key: prefix(4, 10, 1, 2, 3) },
  { do: "walk", ordered: true },
  { do: "update", key: prefix(0, 0, 0, 0, 0), value: [4, 4, 4, 4, 4] },
  { do: "lookup", key: prefix(32, 200, 0, 0, 1) },
  { do: "walk", ordered: true },
  { do: "update", key: prefix(9, 10, 128, 0, 0), value: [5, 5, 5, 5, 5] },
  { do: "delete", key: prefix(16, 10, 1, 0, 0) },
  { do: "delete", key: prefix(16, 10, 1, 0, 0) },
  { do: "delete", key: prefix(40, 10, 1, 0, 0) },
  { do: "lookup", key: prefix(32, 10, 1, 9, 3) },
  { do: "walk", ordered: true },
];

const stackTraceSteps: readonly MapStep[] = [
  { do: "lookup", key: key(1) },
  { do: "update", key: key(1), value: [1, 2, 3, 4, 5, 6, 7, 8] },
  { do: "delete", key: key(1) },
  { do: "delete", key: key(200) },
  { do: "walk", ordered: true },
];

const descriptorSteps: readonly MapStep[] = [
  { do: "lookup", key: key(0) },
  { do: "update", key: key(0), value: [0xff, 0x03, 0, 0] },
  { do: "update", key: key(9), value: [0xff, 0x03, 0, 0] },
  { do: "delete", key: key(0) },
  { do: "delete", key: key(9) },
];

const five = { keySize: 4, valueSize: 5, maxEntries: 3, flags: 0 };

/** BPF_F_NO_PREALLOC. */
const NO_PREALLOC = 1;

/** The scripts. Values have an odd size on purpose. */
export const mapScripts: readonly MapScript[] = [
  { ...five, name: "hash", type: "hash", steps: hashSteps(true) },
  { ...five, name: "hash_lazy", type: "hash", flags: NO_PREALLOC, steps: hashSteps(true) },
  { ...five, name: "percpu_hash", type: "percpu_hash", steps: hashSteps(true) },
  { ...five, name: "lru_hash", type: "lru_hash", maxEntries: 1000, steps: hashSteps(false) },
  { ...five, name: "lru_percpu_hash", type: "lru_percpu_hash", maxEntries: 1000, steps: hashSteps(false) },
  { ...five, name: "array", type: "array", steps: arraySteps },
  { ...five, name: "percpu_array", type: "percpu_array", steps: arraySteps },
  { ...five, name: "queue", type: "queue", keySize: 0, steps: listSteps },
  { ...five, name: "stack", type: "stack", keySize: 0, steps: listSteps },
  { ...five, name: "lpm_trie", type: "lpm_trie", keySize: 8, maxEntries: 4, flags: NO_PREALLOC, steps: trieSteps },
  { ...five, name: "stack_trace", type: "stack_trace", valueSize: 8, maxEntries: 16, steps: stackTraceSteps },
  { ...five, name: "perf_event_array", type: "perf_event_array", valueSize: 4, steps: descriptorSteps },
  { ...five, name: "perf_event_array_key", type: "perf_event_array", valueSize: 8, steps: [] },
  { ...five, name: "array_key", type: "array", keySize: 8, steps: [] },
  { ...five, name: "array_flags", type: "array", flags: NO_PREALLOC, steps: [] },
  { ...five, name: "hash_flags", type: "hash", flags: 1 << 10, steps: [] },
  { ...five, name: "hash_lru_flag", type: "hash", flags: 1 << 1, steps: [] },
  { ...five, name: "lru_lazy", type: "lru_hash", flags: NO_PREALLOC, steps: [] },
  { ...five, name: "hash_value", type: "hash", valueSize: 0, steps: [] },
  { ...five, name: "queue_key", type: "queue", steps: [] },
  { ...five, name: "trie_flags", type: "lpm_trie", keySize: 8, steps: [] },
  { ...five, name: "trie_key", type: "lpm_trie", keySize: 4, flags: NO_PREALLOC, steps: [] },
  { ...five, name: "stack_trace_odd", type: "stack_trace", valueSize: 12, steps: [] },
  { ...five, name: "stack_trace_deep", type: "stack_trace", valueSize: 8 * 128, steps: [] },
  { ...five, name: "ringbuf", type: "ringbuf", keySize: 0, valueSize: 0, maxEntries: 4096, steps: [] },
  { ...five, name: "ringbuf_size", type: "ringbuf", keySize: 0, valueSize: 0, maxEntries: 5000, steps: [] },
  { ...five, name: "ringbuf_value", type: "ringbuf", keySize: 0, valueSize: 8, maxEntries: 4096, steps: [] },
];
