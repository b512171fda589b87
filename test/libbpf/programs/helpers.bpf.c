// Every macro and function of bpf/bpf_helpers.h that libbpf 1.1 has.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct value {
	struct task_struct __kptr *kept;
	struct cgroup __kptr *group;
	__u64 hits;
};

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} one SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} nested SEC(".maps") = { .values = { [1] = &one } };

int never(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} calls SEC(".maps") = { .values = { [0] = (void *)&never } };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

extern int LINUX_KERNEL_VERSION __kconfig;
extern enum libbpf_tristate CONFIG_BPF_SYSCALL __kconfig __weak;
extern bool CONFIG_BPF_JIT_ALWAYS_ON __kconfig __weak;
extern const void init_task __ksym;
extern const void bpfkit_no_such_symbol __ksym __weak;

const volatile int limit = 3;
int seen = 0;
char text[64];

struct list {
	int head;
	int tail;
};

static __noinline int doubled(int x)
{
	barrier_var(x);
	return x * 2;
}

__hidden int hidden(int x)
{
	barrier();
	return x + seen;
}

__weak int weak(int x)
{
	return x - limit;
}

static __always_inline int always(struct list *list)
{
	return container_of(&list->tail, struct list, tail)->head + offsetof(struct list, tail);
}

SEC("tc")
int never(struct __sk_buff *skb)
{
	return 0;
}

SEC("tc")
int everything(struct __sk_buff *skb)
{
	struct list list = { .head = skb->mark, .tail = 2 };
	__u32 key = 1;
	__u64 *count = bpf_map_lookup_elem(&counts, &key);
	void *map = bpf_map_lookup_elem(&nested, &key);
	int sum = doubled(always(&list)) + hidden(limit) + weak(seen);

	if (count != NULL)
		__sync_fetch_and_add(count, 1);
	else if (map)
		sum++;
	if (LINUX_KERNEL_VERSION >= KERNEL_VERSION(5, 4, 300) && CONFIG_BPF_SYSCALL == TRI_YES)
		sum += CONFIG_BPF_JIT_ALWAYS_ON ? TRI_MODULE : TRI_NO;
	if (LIBBPF_PIN_BY_NAME + LIBBPF_PIN_NONE != 1)
		__bpf_unreachable();
	if (&init_task && &bpfkit_no_such_symbol)
		sum++;
	if (sum == 1000)
		bpf_tail_call_static(skb, &calls, 1);
	return sum;
}

SEC("tp/sched/sched_process_exec")
int printing(void *ctx)
{
	int pid = bpf_get_current_pid_tgid() >> 32;
	__u64 now = bpf_ktime_get_ns();
	const char *name = "word";

	bpf_printk("none");
	bpf_printk("one %d", pid);
	bpf_printk("two %d %llu", pid, now);
	bpf_printk("three %d %llu %s", pid, now, name);
	bpf_printk("four %d %d %d %d", pid, 1, 2, 3);
	bpf_printk("nine %d %d %d %d %d %d %d %d %llu", pid, 1, 2, 3, 4, 5, 6, 7, now);
	bpf_printk("twelve %d %d %d %d %d %d %d %d %d %d %d %s", pid, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, name);
	return BPF_SNPRINTF(text, sizeof(text), "%d at %llu", pid, now);
}

SEC("iter/task")
int walk(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;

	if (!task)
		return 0;
	BPF_SEQ_PRINTF(seq, "a task\n");
	BPF_SEQ_PRINTF(seq, "%d %d %s\n", task->pid, task->tgid, task->comm);
	return 0;
}
