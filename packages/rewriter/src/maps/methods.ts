/** The map methods of BCC as a table: how each type-checks and which helper call it becomes. */
import type { MethodFamily } from "./macros.ts";

/** One method. */
export interface MapMethod {
  readonly families: readonly MethodFamily[];
  /** Declaration of the member that type-checks calls; K and V stand for the key and value types. */
  readonly member: string;
  /**
   * The call, with $m for the map's name and $0, $1 ... for the arguments, which keep their order. Text between two
   * arguments replaces the comma.
   */
  readonly call: string;
  /** The text for one argument less than `call` names. */
  readonly shortCall?: string;
  /** Set where the helper returns `void *` and the method a pointer to the value. */
  readonly returnsValuePointer?: boolean;
  /** Number of the argument whose pointee is the record that user space reads. */
  readonly event?: number;
}

const table: readonly MethodFamily[] = ["table"];
const readable: readonly MethodFamily[] = ["table", "stacktrace", "nested", "redirect", "socket", "storage"];

/** Every method, by name. Results: BCC 0.26 reference guide; helpers: uapi linux/bpf.h. */
export const mapMethods = {
  lookup: {
    families: readable,
    member: "V *(*lookup)(K *)",
    call: "bpf_map_lookup_elem(&$m, $0)",
    returnsValuePointer: true,
  },
  lookup_or_try_init: {
    families: table,
    member: "V *(*lookup_or_try_init)(K *, V *)",
    call: "bpf_map_lookup_or_try_init(&$m, $0, $1)",
  },
  lookup_or_init: {
    families: table,
    member: "V *(*lookup_or_init)(K *, V *)",
    call: "bpf_map_lookup_or_init(&$m, $0, $1)",
  },
  update: {
    families: readable,
    member: "int (*update)(K *, V *)",
    call: "bpf_map_update_elem(&$m, $0, $1, BPF_ANY)",
  },
  insert: {
    families: readable,
    member: "int (*insert)(K *, V *)",
    call: "bpf_map_update_elem(&$m, $0, $1, BPF_NOEXIST)",
  },
  delete: { families: readable, member: "int (*delete)(K *)", call: "bpf_map_delete_elem(&$m, $0)" },
  increment: {
    families: table,
    member: "void (*increment)(K, ...)",
    call: "bpf_map_increment(&$m, $0, $1)",
    shortCall: "bpf_map_increment(&$m, $0, 1)",
  },
  atomic_increment: {
    families: table,
    member: "void (*atomic_increment)(K, ...)",
    call: "bpf_map_atomic_increment(&$m, $0, $1)",
    shortCall: "bpf_map_atomic_increment(&$m, $0, 1)",
  },
  call: { families: ["program"], member: "void (*call)(void *, int)", call: "bpf_tail_call($0, &$m, $1)" },
  perf_submit: {
    families: ["perf"],
    member: "int (*perf_submit)(void *, void *, u32)",
    call: "bpf_perf_event_output($0, &$m, BPF_F_CURRENT_CPU, $1, $2)",
    event: 1,
  },
  perf_submit_skb: {
    families: ["perf"],
    member: "int (*perf_submit_skb)(void *, u32, void *, u32)",
    call: "bpf_perf_event_output($0, &$m, ((__u64)($1) << 32) | BPF_F_CURRENT_CPU, $2, $3)",
    event: 2,
  },
  perf_read: { families: ["perf"], member: "u64 (*perf_read)(int)", call: "bpf_perf_event_read(&$m, $0)" },
  perf_counter_value: {
    families: ["perf"],
    member: "int (*perf_counter_value)(int, void *, u32)",
    call: "bpf_perf_event_read_value(&$m, $0, $1, $2)",
  },
  ringbuf_output: {
    families: ["ringbuf"],
    member: "int (*ringbuf_output)(void *, u64, u64)",
    call: "bpf_ringbuf_output(&$m, $0, $1, $2)",
    event: 0,
  },
  ringbuf_reserve: {
    families: ["ringbuf"],
    member: "void *(*ringbuf_reserve)(u64)",
    call: "bpf_ringbuf_reserve(&$m, $0, 0)",
  },
  ringbuf_submit: {
    families: ["ringbuf"],
    member: "void (*ringbuf_submit)(void *, u64)",
    call: "bpf_ringbuf_submit($0, $1)",
    event: 0,
  },
  ringbuf_discard: {
    families: ["ringbuf"],
    member: "void (*ringbuf_discard)(void *, u64)",
    call: "bpf_ringbuf_discard($0, $1)",
  },
  ringbuf_query: {
    families: ["ringbuf"],
    member: "u64 (*ringbuf_query)(u64)",
    call: "bpf_ringbuf_query(&$m, $0)",
  },
  get_stackid: {
    families: ["stacktrace"],
    member: "int (*get_stackid)(void *, u64)",
    call: "bpf_get_stackid($0, &$m, $1)",
  },
  check_current_task: {
    families: ["cgroup"],
    member: "int (*check_current_task)(int)",
    call: "bpf_current_task_under_cgroup(&$m, $0)",
  },
  redirect_map: {
    families: ["redirect"],
    member: "int (*redirect_map)(int, int)",
    call: "bpf_redirect_map(&$m, $0, $1)",
  },
  push: { families: ["queue"], member: "int (*push)(V *, int)", call: "bpf_map_push_elem(&$m, $0, $1)" },
  pop: { families: ["queue"], member: "int (*pop)(V *)", call: "bpf_map_pop_elem(&$m, $0)" },
  peek: { families: ["queue"], member: "int (*peek)(V *)", call: "bpf_map_peek_elem(&$m, $0)" },
  sock_map_update: {
    families: ["socket"],
    member: "int (*sock_map_update)(void *, void *, u64)",
    call: "bpf_sock_map_update($0, &$m, $1, $2)",
  },
  sock_hash_update: {
    families: ["socket"],
    member: "int (*sock_hash_update)(void *, void *, u64)",
    call: "bpf_sock_hash_update($0, &$m, $1, $2)",
  },
  msg_redirect_hash: {
    families: ["socket"],
    member: "int (*msg_redirect_hash)(void *, void *, u64)",
    call: "bpf_msg_redirect_hash($0, &$m, $1, $2)",
  },
  sk_redirect_hash: {
    families: ["socket"],
    member: "int (*sk_redirect_hash)(void *, void *, u64)",
    call: "bpf_sk_redirect_hash($0, &$m, $1, $2)",
  },
  sk_storage_get: {
    families: ["storage"],
    member: "void *(*sk_storage_get)(void *, void *, int)",
    call: "bpf_sk_storage_get(&$m, $0, $1, $2)",
  },
  sk_storage_delete: {
    families: ["storage"],
    member: "int (*sk_storage_delete)(void *)",
    call: "bpf_sk_storage_delete(&$m, $0)",
  },
  inode_storage_get: {
    families: ["storage"],
    member: "void *(*inode_storage_get)(void *, void *, int)",
    call: "bpf_inode_storage_get(&$m, $0, $1, $2)",
  },
  inode_storage_delete: {
    families: ["storage"],
    member: "int (*inode_storage_delete)(void *)",
    call: "bpf_inode_storage_delete(&$m, $0)",
  },
  task_storage_get: {
    families: ["storage"],
    member: "void *(*task_storage_get)(void *, void *, int)",
    call: "bpf_task_storage_get(&$m, $0, $1, $2)",
  },
  task_storage_delete: {
    families: ["storage"],
    member: "int (*task_storage_delete)(void *)",
    call: "bpf_task_storage_delete(&$m, $0)",
  },
  get_local_storage: {
    families: ["storage"],
    member: "void *(*get_local_storage)(u64)",
    call: "bpf_get_local_storage(&$m, $0)",
  },
} as const satisfies Record<string, MapMethod>;

/** Finds a method's row. */
export function mapMethod(name: string): MapMethod | undefined {
  return Object.hasOwn(mapMethods, name) ? mapMethods[name as keyof typeof mapMethods] : undefined;
}

/** Names of the methods that a family has, for suggestions. */
export function methodsOf(family: MethodFamily): readonly string[] {
  return Object.entries(mapMethods)
    .filter(([, method]) => (method.families as readonly MethodFamily[]).includes(family))
    .map(([name]) => name);
}
