/*
 * profile: which code runs on the CPUs, by samples of stacks.
 *
 * Equal stacks are counted here, so user space gets each one once. The front end attaches the program to a clock and
 * picks what is compiled:
 *   STACKS                   room for this many different stacks
 *   IS_WANTED(tgid, tid)     only these processes or threads
 *   WITH_IDLE                idle CPUs too
 *   ONLY_USER, ONLY_KERNEL   only that half of the stacks
 *   CGROUP_MAP, MNTNS_MAP    only the cgroups or mount namespaces in the hash map that is pinned there
 */
#include <uapi/linux/ptrace.h>
#include <uapi/linux/bpf_perf_event.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>

#ifndef STACKS
#define STACKS 16384
#endif

struct sample {
    u32 pid;
    int user_stack;
    int kernel_stack;
    char name[TASK_COMM_LEN];
};

BPF_HASH(counts, struct sample, u64, STACKS);
BPF_STACK_TRACE(stacks, STACKS);
BPF_ARRAY(uncounted, u64, 1);
#ifdef CGROUP_MAP
BPF_TABLE_PINNED("hash", u64, u64, cgroups, 1024, CGROUP_MAP);
#endif
#ifdef MNTNS_MAP
BPF_TABLE_PINNED("hash", u64, u32, mount_namespaces, 1024, MNTNS_MAP);
#endif

static int is_wanted(u32 tgid, u32 tid)
{
#ifndef WITH_IDLE
    if (tid == 0)
        return 0;
#endif
#ifdef IS_WANTED
    if (!(IS_WANTED(tgid, tid)))
        return 0;
#endif
#ifdef CGROUP_MAP
    u64 cgroup = bpf_get_current_cgroup_id();
    if (!cgroups.lookup(&cgroup))
        return 0;
#endif
#ifdef MNTNS_MAP
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    u64 namespace = task->nsproxy->mnt_ns->ns.inum;
    if (!mount_namespaces.lookup(&namespace))
        return 0;
#endif
    return 1;
}

int on_sample(struct bpf_perf_event_data *ctx)
{
    u64 id = bpf_get_current_pid_tgid();
    struct sample sample = {.pid = id >> 32, .user_stack = -1, .kernel_stack = -1};
    u64 none = 0, *count;

    if (!is_wanted(id >> 32, id))
        return 0;
    bpf_get_current_comm(&sample.name, sizeof(sample.name));
#ifndef ONLY_KERNEL
    sample.user_stack = stacks.get_stackid(ctx, BPF_F_USER_STACK);
#endif
#ifndef ONLY_USER
    sample.kernel_stack = stacks.get_stackid(ctx, 0);
#endif
    count = counts.lookup_or_try_init(&sample, &none);
    if (count)
        lock_xadd(count, 1);
    else
        uncounted.atomic_increment(0);
    return 0;
}
