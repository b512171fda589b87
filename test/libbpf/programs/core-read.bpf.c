// Every macro of bpf/bpf_core_read.h that libbpf 1.1 has.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "GPL";

struct own {
	struct own *next;
	const char *name;
	int value;
};

struct task_struct___absent {
	int bpfkit_absent;
} __attribute__((preserve_access_index));

__u64 results[32];
char word[16];

SEC("raw_tp/sched_switch")
int values(__u64 *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct own *own = (void *)ctx[1];

	results[0] = BPF_CORE_READ(task, pid);
	results[1] = BPF_CORE_READ(task, group_leader, pid);
	results[2] = BPF_CORE_READ(task, group_leader, nsproxy, uts_ns, name.nodename[3]);
	results[3] = BPF_CORE_READ(task, mm, exe_file, f_path.dentry, d_inode, i_sb, s_dev);
	results[4] = BPF_CORE_READ(task, group_leader, group_leader, group_leader, group_leader, group_leader, group_leader,
				   group_leader, real_parent, tgid);
	results[5] = BPF_CORE_READ_USER((struct timespec64 *)ctx[2], tv_nsec);
	results[6] = BPF_PROBE_READ(own, next, next, value);
	results[7] = BPF_PROBE_READ_USER(own, next, value);
	return 0;
}

SEC("raw_tp/sched_switch")
int into(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[1];
	struct own *own = (void *)ctx[1];
	pid_t pid;
	int value;

	BPF_CORE_READ_INTO(&pid, task, real_parent, pid);
	results[8] = pid;
	BPF_CORE_READ_USER_INTO(&results[9], (struct timespec64 *)ctx[2], tv_sec);
	BPF_PROBE_READ_INTO(&value, own, next, value);
	results[10] = value;
	BPF_PROBE_READ_USER_INTO(&value, own, value);
	results[11] = value;
	results[12] = BPF_CORE_READ_STR_INTO(&word, task, group_leader, comm);
	results[13] = BPF_CORE_READ_USER_STR_INTO(&word, (struct filename *)ctx[1], iname);
	results[14] = BPF_PROBE_READ_STR_INTO(&word, own, next, name);
	results[15] = BPF_PROBE_READ_USER_STR_INTO(&word, own, name);
	results[16] = bpf_core_read(&pid, sizeof(pid), &task->tgid) + pid;
	results[17] = bpf_core_read_str(word, sizeof(word), &task->comm);
	results[18] = bpf_core_read_user(&value, sizeof(value), &((struct sockaddr_in *)ctx[1])->sin_addr) + value;
	results[19] = bpf_core_read_user_str(word, sizeof(word), ((struct filename *)ctx[1])->iname);
	return 0;
}

SEC("raw_tp/sched_switch")
int facts(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[1];

	results[20] = bpf_core_field_exists(task->pid) + bpf_core_field_exists(struct task_struct___absent, bpfkit_absent);
	results[21] = bpf_core_field_size(task->comm) + bpf_core_field_size(struct task_struct, pid);
	results[22] = bpf_core_field_offset(task->pid) + bpf_core_field_offset(struct task_struct, tgid);
	results[23] = bpf_core_type_exists(struct io_uring_sqe) + bpf_core_type_matches(struct task_struct);
	results[24] = bpf_core_type_size(struct cred);
	results[25] = bpf_core_type_id_local(struct own);
	results[26] = bpf_core_type_id_kernel(struct task_struct);
	results[27] = bpf_core_enum_value(enum bpf_map_type, BPF_MAP_TYPE_ARRAY);
	results[28] = bpf_core_enum_value_exists(enum bpf_map_type, BPF_MAP_TYPE_RINGBUF);
	return 0;
}

SEC("tp_btf/sched_switch")
int bits(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[1];

	results[29] = BPF_CORE_READ_BITFIELD(task, sched_reset_on_fork);
	results[30] = BPF_CORE_READ_BITFIELD_PROBED(task, in_execve);
	return 0;
}
