// Programs that the kernel's verifier refuses, one for each kind of complaint; each bears the name of its row in
// packages/loader/src/verifier/complaints.ts. The line with REFUSED is the one that bpfkit must name.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct value { u64 count; u64 more; };
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, u32); __type(value, struct value); __uint(max_entries, 16); } table SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, u32); __type(value, u64[8]); __uint(max_entries, 1); } slots SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } ring SEC(".maps");
struct locked { struct bpf_spin_lock lock; u32 count; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, u32); __type(value, struct locked); __uint(max_entries, 1); } locks SEC(".maps");

const volatile int constant = 5;
volatile u64 sink;

SEC("raw_tp") int maybe_null(void *ctx)
{
	u32 key = 1;
	struct value *v = bpf_map_lookup_elem(&table, &key);
	v->count += 1; // REFUSED
	return 0;
}

SEC("raw_tp") int plain_number(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	return *(volatile int *)&task->pid; // REFUSED
}

SEC("raw_tp") int unbounded(u64 *ctx)
{
	u32 key = 0;
	u64 *v = bpf_map_lookup_elem(&slots, &key);
	u64 index = ctx[0];
	if (v)
		sink = v[index]; // REFUSED
	return 0;
}

SEC("raw_tp") int unbounded_size(u64 *ctx)
{
	char text[16];
	bpf_probe_read_kernel(text, ctx[1], (void *)ctx[0]); // REFUSED
	return text[0];
}

SEC("raw_tp") int outside_map_value(u64 *ctx)
{
	u32 key = 0;
	u64 *v = bpf_map_lookup_elem(&slots, &key);
	if (v)
		sink = v[8]; // REFUSED
	return 0;
}

SEC("raw_tp") int no_return_value(u64 *ctx)
{
	asm volatile("if %0 == 0 goto +1\n exit" ::"r"(ctx[0])); // REFUSED
	return 0;
}

SEC("raw_tp") int uninitialised_register(void *ctx)
{
	u64 value;
	asm volatile("%0 = r7" : "=r"(value)); // REFUSED
	return value;
}

SEC("raw_tp") int endless_loop(u64 *ctx)
{
	u64 same = ctx[0];
	asm volatile("if %0 == 0 goto +1\n goto -2" ::"r"(same)); // REFUSED
	return 0;
}

SEC("raw_tp") int too_many_instructions(u64 *ctx) // SLOW
{
	u64 sum = 0;
	for (u32 i = 0; i < 10000000; i++) sum = (sum + sink) ^ i; // REFUSED
	return sum;
}

__attribute__((noinline)) static int deep(u64 number)
{
	volatile u64 room[40];
	for (int i = 0; i < 40; i++)
		room[i] = number;
	return room[number & 31];
}

SEC("socket") int stack_over_calls(struct __sk_buff *skb)
{
	volatile u64 room[40];
	for (int i = 0; i < 40; i++)
		room[i] = i;
	return deep(skb->len) + room[2];
}

SEC("raw_tp") int stack_overflow(u64 *ctx)
{
	asm volatile("*(u64 *)(r10 -520) = %0" ::"r"(ctx[0])); // REFUSED
	return 0;
}

static long (*helper_of_the_future)(void) = (void *)4000;

SEC("raw_tp") int unknown_helper(void *ctx)
{
	return helper_of_the_future(); // REFUSED
}

SEC("raw_tp") int helper_of_other_type(void *ctx)
{
	return bpf_xdp_adjust_head(ctx, 4); // REFUSED
}

SEC("tc") int context_offset(struct __sk_buff *skb)
{
	return *(volatile u32 *)((char *)skb + 1000); // REFUSED
}

SEC("raw_tp") int unreleased_reference(void *ctx)
{
	u32 *place = bpf_ringbuf_reserve(&ring, 4, 0); // REFUSED
	if (place)
		*place = 1;
	return 0;
}

SEC("raw_tp") int misaligned(void *ctx) // STRICT
{
	u32 key = 0;
	char *v = bpf_map_lookup_elem(&slots, &key);
	if (v)
		*(volatile u32 *)(v + 1) = 1; // REFUSED
	return 0;
}

SEC("raw_tp") int pointer_arithmetic(u64 *ctx)
{
	return (u64)ctx * 3; // REFUSED
}

SEC("raw_tp") int may_sleep(u64 *ctx)
{
	char text[8];
	return bpf_copy_from_user(text, 8, (void *)ctx[0]); // REFUSED
}

SEC("xdp") int outside_packet(struct xdp_md *ctx)
{
	unsigned char *data = (void *)(long)ctx->data;
	return data[12]; // REFUSED
}

SEC("cgroup_skb/ingress") int return_value(struct __sk_buff *skb)
{
	return 77; // REFUSED
}

SEC("raw_tp") int read_only_memory(void *ctx)
{
	*(volatile int *)&constant = 6; // REFUSED
	return 0;
}

SEC("raw_tp") int argument_type(u64 *ctx)
{
	return bpf_map_delete_elem(&table, (void *)7L); // REFUSED
}

SEC("raw_tp") int zero_size(u64 *ctx)
{
	static const char format[] = "never printed";
	return bpf_trace_printk(format, 0); // REFUSED
}

SEC("tc") int lock_held(struct __sk_buff *skb)
{
	u32 key = 0;
	struct locked *l = bpf_map_lookup_elem(&locks, &key);
	if (!l)
		return 0;
	bpf_spin_lock(&l->lock);
	l->count += bpf_get_prandom_u32(); // REFUSED
	bpf_spin_unlock(&l->lock);
	return 0;
}

SEC("raw_tp") int outside_struct(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	return *(volatile int *)((char *)task + 1000000); // REFUSED
}

__attribute__((noinline)) int takes_pointer(struct value *value)
{
	asm volatile("" ::"r"(value));
	return value ? value->count : 0;
}

SEC("raw_tp") int global_function(u64 *ctx)
{
	return takes_pointer((struct value *)ctx[0]); // REFUSED
}

SEC("raw_tp") int map_for_helper(void *ctx)
{
	u64 value = 0;
	return bpf_ringbuf_output(&table, &value, 8, 0); // REFUSED
}

SEC("raw_tp") int unreachable(void *ctx)
{
	asm volatile("r0 = 0\n exit\n r0 = 1"); // REFUSED
	return 0;
}

SEC("raw_tp") int jump_range(void *ctx)
{
	asm volatile("goto +2000"); // REFUSED
	return 0;
}

SEC("raw_tp") int gpl_only(u64 *ctx) // PROPRIETARY
{
	char text[8];
	return bpf_probe_read_kernel(text, 8, (void *)ctx[0]); // REFUSED
}

char LICENSE[] SEC("license") = "GPL";
