// What libbpf's headers have besides since 1.2.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
	__ulong(map_extra, 0);
} table SEC(".maps");

struct kept {
	struct task_struct __kptr *task;
	struct task_struct __kptr_untrusted *loose;
	struct cgroup __percpu_kptr *group;
	struct cgroup __uptr *user;
};

struct kept kept;
__u64 results[16];

extern const struct rq runqueues __ksym __weak;

__noinline int global(struct __sk_buff *skb __arg_ctx, struct kept *kept __arg_nonnull, int *maybe __arg_nullable)
{
	if (!kept || !maybe)
		return skb->len;
	return *maybe + (kept->task != NULL);
}

__noinline int trusted(struct task_struct *task __arg_trusted, void *memory __arg_untrusted)
{
	return task ? task->pid : 0;
}

SEC("tc")
int loops(struct __sk_buff *skb)
{
	int sum = 0, i, *number;

	bpf_for(i, 0, 16)
		sum += results[i & 15];
	bpf_repeat(3)
		sum++;
	bpf_for_each(num, number, 2, 5) {
		if (unlikely(*number == 4))
			break;
		sum += *number;
	}
	if (likely(bpf_ksym_exists(&runqueues)))
		sum++;
	return sum + global(skb, &kept, NULL);
}

struct pair {
	__u64 left, right;
};

SEC("fentry/bpfkit_pair")
int BPF_PROG2(pairs, struct pair, a, int, b, struct pair, c, short, d, __u8, e)
{
	results[0] = a.left + a.right * b + c.left - c.right + d + e;
	return 0;
}

SEC("fentry/bpfkit_none")
int BPF_PROG2(no_arguments)
{
	results[1] = ctx[0];
	return 0;
}

SEC("uprobe//bin/sh:main")
int BPF_UPROBE(on_main, int argc, char **argv)
{
	results[9] = argc + (long)argv;
	return 0;
}

SEC("uretprobe//bin/sh:main")
int BPF_URETPROBE(after_main, int status)
{
	results[10] = status;
	return 0;
}

SEC("ksyscall/mmap")
int BPF_KSYSCALL(on_mmap, void *address, size_t length, int protection, int flags, int fd, long offset)
{
	results[11] = (long)address + length + protection + flags + fd + offset;
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(casts, bool preempt, struct task_struct *prev)
{
	struct task_struct *next = bpf_core_cast(ctx[2], struct task_struct);
	struct sched_dl_entity own = {};

	BPF_CORE_WRITE_BITFIELD(&own, dl_throttled, 1);
	results[2] = own.dl_throttled;
	return next->pid + trusted(prev, NULL);
}
