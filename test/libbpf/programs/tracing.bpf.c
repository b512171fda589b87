// Every macro of bpf/bpf_tracing.h that libbpf 1.1 has.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

__u64 results[48];

SEC("fentry/vfs_read")
int BPF_PROG(no_arguments)
{
	results[0] = ctx[0];
	return 0;
}

SEC("fexit/vfs_read")
int BPF_PROG(on_read, struct file *file, char *buffer, size_t size, loff_t *position, ssize_t result)
{
	results[1] = size;
	results[2] = result < 0 ? -result : file->f_flags;
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next, unsigned int state)
{
	results[3] = preempt ? prev->pid : next->pid;
	return state;
}

SEC("raw_tp/twelve")
int BPF_PROG(twelve, int a, __u8 b, __u16 c, __u32 d, __u64 e, char f, short g, long h, void *i, bool j, enum pid_type k, int l)
{
	results[4] = a + b + c + d + e + f + g + h + (long)i + j + k + l;
	return 0;
}

SEC("kprobe/vfs_write")
int BPF_KPROBE(on_write, struct file *file, const char *buffer, size_t size)
{
	results[5] = BPF_CORE_READ(file, f_flags) + size;
	return 0;
}

SEC("kprobe/five")
int BPF_KPROBE(five, int a, long b, char c, void *d, unsigned int e)
{
	results[6] = a + b + c + (long)d + e;
	return 0;
}

SEC("kretprobe/vfs_write")
int BPF_KRETPROBE(after_write, ssize_t result)
{
	results[7] = result;
	return 0;
}

SEC("kretprobe/vfs_write")
int BPF_KRETPROBE(after_write_bare)
{
	results[8]++;
	return 0;
}

SEC("ksyscall/openat")
int BPF_KSYSCALL(on_openat, int folder, const char *path, int flags, unsigned short mode)
{
	results[11] = folder + (long)path + flags + mode;
	return 0;
}

SEC("kprobe/__x64_sys_close")
int BPF_KPROBE_SYSCALL(on_close, int fd)
{
	results[12] = fd;
	return 0;
}

SEC("kprobe/registers")
int registers(struct pt_regs *ctx)
{
	struct pt_regs *regs = PT_REGS_SYSCALL_REGS(ctx);
	long caller;

	results[13] = PT_REGS_PARM1(ctx) + PT_REGS_PARM2(ctx) + PT_REGS_PARM3(ctx) + PT_REGS_PARM4(ctx) + PT_REGS_PARM5(ctx);
	results[14] = PT_REGS_RET(ctx) + PT_REGS_FP(ctx) + PT_REGS_RC(ctx) + PT_REGS_SP(ctx) + PT_REGS_IP(ctx);
	results[15] = PT_REGS_PARM1_CORE(regs) + PT_REGS_PARM2_CORE(regs) + PT_REGS_PARM3_CORE(regs) +
		      PT_REGS_PARM4_CORE(regs) + PT_REGS_PARM5_CORE(regs);
	results[16] = PT_REGS_RET_CORE(regs) + PT_REGS_FP_CORE(regs) + PT_REGS_RC_CORE(regs) + PT_REGS_SP_CORE(regs) +
		      PT_REGS_IP_CORE(regs);
	results[17] = PT_REGS_PARM1_SYSCALL(ctx) + PT_REGS_PARM2_SYSCALL(ctx) + PT_REGS_PARM3_SYSCALL(ctx) +
		      PT_REGS_PARM4_SYSCALL(ctx) + PT_REGS_PARM5_SYSCALL(ctx);
	results[18] = PT_REGS_PARM1_CORE_SYSCALL(regs) + PT_REGS_PARM2_CORE_SYSCALL(regs) +
		      PT_REGS_PARM3_CORE_SYSCALL(regs) + PT_REGS_PARM4_CORE_SYSCALL(regs) +
		      PT_REGS_PARM5_CORE_SYSCALL(regs);
	BPF_KPROBE_READ_RET_IP(caller, ctx);
	results[19] = caller;
	BPF_KRETPROBE_READ_RET_IP(caller, ctx);
	results[20] = caller;
	return 0;
}
