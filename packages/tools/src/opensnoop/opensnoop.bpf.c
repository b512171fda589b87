/*
 * opensnoop: every open(2), openat(2) and openat2(2), with its result.
 *
 * Entry programs keep the path and the flags until the call returns. The front end attaches them to the system calls
 * and picks what is compiled:
 *   ONLY_PID, ONLY_TID, ONLY_UID  only calls by that process, thread or user
 *   FLAGS_MASK                    only calls with one of these flags
 *   CGROUP_MAP, MNTNS_MAP         only the cgroups or mount namespaces in the hash map that is pinned there
 */
#include <uapi/linux/ptrace.h>
#include <uapi/linux/limits.h>
#include <linux/sched.h>
#include <linux/nsproxy.h>
#include <linux/openat2.h>

struct call {
    u64 id;
    const char *path;
    int flags;
    char comm[TASK_COMM_LEN];
};

struct event {
    u64 id;
    u64 ts;
    u32 uid;
    int ret;
    int flags;
    char comm[TASK_COMM_LEN];
    char path[NAME_MAX];
};

BPF_HASH(calls, u64, struct call);
BPF_PERF_OUTPUT(events);
#ifdef CGROUP_MAP
BPF_TABLE_PINNED("hash", u64, u64, cgroups, 1024, CGROUP_MAP);
#endif
#ifdef MNTNS_MAP
BPF_TABLE_PINNED("hash", u64, u32, mount_namespaces, 1024, MNTNS_MAP);
#endif

static int is_wanted(u64 id, int flags)
{
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
#ifdef ONLY_PID
    if (id >> 32 != ONLY_PID)
        return 0;
#endif
#ifdef ONLY_TID
    if ((u32)id != ONLY_TID)
        return 0;
#endif
#ifdef ONLY_UID
    if ((u32)bpf_get_current_uid_gid() != ONLY_UID)
        return 0;
#endif
#ifdef FLAGS_MASK
    if (!(flags & FLAGS_MASK))
        return 0;
#endif
    return 1;
}

static int remember(const char *path, int flags)
{
    struct call call = {};
    u64 id = bpf_get_current_pid_tgid();

    if (!is_wanted(id, flags))
        return 0;
    if (bpf_get_current_comm(&call.comm, sizeof(call.comm)) != 0)
        return 0;
    call.id = id;
    call.path = path;
    call.flags = flags;
    calls.update(&id, &call);
    return 0;
}

int syscall__open(struct pt_regs *ctx, const char __user *filename, int flags)
{
    return remember(filename, flags);
}

int syscall__openat(struct pt_regs *ctx, int dfd, const char __user *filename, int flags)
{
    return remember(filename, flags);
}

int syscall__openat2(struct pt_regs *ctx, int dfd, const char __user *filename, struct open_how __user *how)
{
    u64 flags = 0;

    bpf_probe_read_user(&flags, sizeof(flags), &how->flags);
    return remember(filename, flags);
}

int open_return(struct pt_regs *ctx)
{
    u64 id = bpf_get_current_pid_tgid();
    struct event event = {};
    struct call *call = calls.lookup(&id);

    if (!call)
        return 0; /* opened before we looked, or filtered out */
    event.id = call->id;
    event.ts = bpf_ktime_get_ns() / 1000;
    event.uid = bpf_get_current_uid_gid();
    event.flags = call->flags;
    event.ret = PT_REGS_RC(ctx);
    bpf_probe_read_kernel(&event.comm, sizeof(event.comm), call->comm);
    bpf_probe_read_user_str(&event.path, sizeof(event.path), (void *)call->path);
    events.perf_submit(ctx, &event, sizeof(event));
    calls.delete(&id);
    return 0;
}
