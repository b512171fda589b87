// Maps of many types and programs of several, for comparing what bpfkit and bpftool say of them.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

enum colour { RED, GREEN = 5, BLUE = -3 };
struct point { int x, y; };
struct key { u32 pid; char comm[16]; };
struct value {
	u64 count;
	u32 small : 3, rest : 5;
	s64 wide : 40;
	int list[3];
	enum colour colour;
	union { int first; long second; };
	struct point points[2];
	bool yes;
	const void *pointer;
	s8 tiny;
	u16 middle;
	unsigned char bytes[4];
};

struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct key); __type(value, struct value); __uint(max_entries, 64); } table SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __type(key, u32); __type(value, u64); __uint(max_entries, 3); } counts SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_HASH); __type(key, u64); __type(value, struct point); __uint(max_entries, 8); } by_cpu SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __type(key, s32); __type(value, char[8]); __uint(max_entries, 8); } names SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(key_size, 4); __uint(value_size, 4); __uint(max_entries, 2); } jumps SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_STACK_TRACE); __uint(key_size, 4); __uint(value_size, 80); __uint(max_entries, 16); } stacks SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); } events SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } ring SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_QUEUE); __type(value, u32); __uint(max_entries, 4); } queue SEC(".maps");

int config = 7;
const volatile long limit = 3;
static int hidden;
char text[12] = "hello";

__attribute__((noinline)) int global_sub(int a) { return a * config + hidden; }
static __attribute__((noinline)) int local_sub(struct key *k, u64 n) { return k->pid + n + hidden; }

static long each(struct bpf_map *map, const void *key, void *value, void *context)
{
	*(u64 *)context += 1;
	return 0;
}

SEC("tracepoint/sched/sched_switch")
int a_program_with_a_long_name(void *ctx)
{
	struct key k = { .pid = bpf_get_current_pid_tgid() >> 32 };
	bpf_get_current_comm(&k.comm, sizeof(k.comm));
	struct value *v = bpf_map_lookup_elem(&table, &k);
	if (v) {
		__sync_fetch_and_add(&v->count, 1);
		hidden++;
		return global_sub(v->small);
	}
	struct value fresh = { .count = limit };
	bpf_map_update_elem(&table, &k, &fresh, 0);
	u32 zero = 0;
	u64 *c = bpf_map_lookup_elem(&counts, &zero);
	if (c)
		*c += 1;
	bpf_get_stackid(ctx, &stacks, 0);
	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &k, sizeof(k));
	bpf_printk("hello %d", k.pid);
	return local_sub(&k, bpf_ktime_get_ns());
}

SEC("tc")
int on_packet(struct __sk_buff *skb)
{
	u64 seen = 0;
	bpf_for_each_map_elem(&by_cpu, each, &seen, 0);
	bpf_tail_call(skb, &jumps, 1);
	return seen + skb->len;
}

SEC("socket")
int filter(struct __sk_buff *skb)
{
	s32 key = skb->len;
	char *name = bpf_map_lookup_elem(&names, &key);
	u32 *slot = bpf_ringbuf_reserve(&ring, 4, 0);
	if (slot) {
		*slot = name ? name[0] : 0;
		bpf_ringbuf_submit(slot, 0);
	}
	return bpf_map_push_elem(&queue, &key, 0);
}

char LICENSE[] SEC("license") = "GPL";
