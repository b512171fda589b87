/*
 * execsnoop: every execve(2), with its arguments.
 *
 * The entry program sends one event for each argument, the return program one with the result; the front end joins
 * them by process. It picks what is compiled:
 *   MAX_ARGS  how many arguments are read (the last event says "..." if there were more)
 *   ONLY_UID  only calls by that user
 *   CGROUP_MAP, MNTNS_MAP  only the cgroups or mount namespaces in the hash map that is pinned there
 */
#include <uapi/linux/ptrace.h>
#include <linux/sched.h>
#include <linux/fs.h>
#include <linux/nsproxy.h>

#ifndef MAX_ARGS
#define MAX_ARGS 20
#endif
#define ARG_SIZE 128

enum event_type {
    EVENT_ARG,
    EVENT_RET,
};

struct event {
    u32 pid;
    u32 ppid;
    u32 uid;
    enum event_type type;
    int retval;
    char comm[TASK_COMM_LEN];
    char argv[ARG_SIZE];
};

BPF_PERF_OUTPUT(events);
#ifdef CGROUP_MAP
BPF_TABLE_PINNED("hash", u64, u64, cgroups, 1024, CGROUP_MAP);
#endif
#ifdef MNTNS_MAP
BPF_TABLE_PINNED("hash", u64, u32, mount_namespaces, 1024, MNTNS_MAP);
#endif

static int send_string(struct pt_regs *ctx, const char *string, struct event *event)
{
    bpf_probe_read_user_str(event->argv, sizeof(event->argv), string);
    events.perf_submit(ctx, event, sizeof(*event));
    return 1;
}

/* 0 once the list is over. */
static int send_argument(struct pt_regs *ctx, const char __user *const __user *entry, struct event *event)
{
    const char *string = NULL;

    bpf_probe_read_user(&string, sizeof(string), (void *)entry);
    if (!string)
        return 0;
    return send_string(ctx, string, event);
}

static int is_wanted(u32 uid)
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
#ifdef ONLY_UID
    if (uid != ONLY_UID)
        return 0;
#endif
    return 1;
}

static void describe_caller(struct event *event)
{
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();

    event->pid = bpf_get_current_pid_tgid() >> 32;
    event->ppid = task->real_parent->tgid;
    event->uid = bpf_get_current_uid_gid() & 0xffffffff;
    bpf_get_current_comm(&event->comm, sizeof(event->comm));
}

int syscall__execve(struct pt_regs *ctx, const char __user *filename, const char __user *const __user *argv,
                    const char __user *const __user *envp)
{
    struct event event = {};
    const char ellipsis[] = "...";

    if (!is_wanted(bpf_get_current_uid_gid() & 0xffffffff))
        return 0;
    describe_caller(&event);
    event.type = EVENT_ARG;

    send_string(ctx, filename, &event);
#pragma unroll
    for (int i = 1; i < MAX_ARGS; i++) {
        if (send_argument(ctx, &argv[i], &event) == 0)
            goto out;
    }
    __builtin_memcpy(event.argv, ellipsis, sizeof(ellipsis));
    events.perf_submit(ctx, &event, sizeof(event));
out:
    return 0;
}

int execve_return(struct pt_regs *ctx)
{
    struct event event = {};

    if (!is_wanted(bpf_get_current_uid_gid() & 0xffffffff))
        return 0;
    describe_caller(&event);
    event.type = EVENT_RET;
    event.retval = PT_REGS_RC(ctx);
    events.perf_submit(ctx, &event, sizeof(event));
    return 0;
}
