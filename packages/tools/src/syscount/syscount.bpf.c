/*
 * syscount: which system calls are made, by whom, and how long they take.
 *
 * Calls are counted as they return, on raw_syscalls:sys_exit; with latency, sys_enter keeps the time of the call. The
 * front end picks what is compiled:
 *   LATENCY                                 total time too
 *   BY_PROCESS                              a row for each process, else for each system call
 *   ONLY_PID, ONLY_TID, ONLY_PARENT         only calls by that process, thread or children of that process
 *   ONLY_CALL                               only the system call of this number
 *   ONLY_FAILED, ONLY_ERROR                 only calls that fail, or fail with this error
 */
#include <linux/sched.h>

#ifdef LATENCY
struct calls {
    u64 count;
    u64 total_ns;
};
BPF_HASH(entered, u64, u64);
BPF_HASH(data, u32, struct calls);
#else
BPF_HASH(data, u32, u64);
#endif

static int is_wanted(u64 thread, long call)
{
#ifdef ONLY_CALL
    if (call != ONLY_CALL)
        return 0;
#endif
#ifdef ONLY_PID
    if (thread >> 32 != ONLY_PID)
        return 0;
#endif
#ifdef ONLY_TID
    if ((u32)thread != ONLY_TID)
        return 0;
#endif
#ifdef ONLY_PARENT
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    if (task->real_parent->tgid != ONLY_PARENT)
        return 0;
#endif
    return 1;
}

#ifdef LATENCY
TRACEPOINT_PROBE(raw_syscalls, sys_enter)
{
    u64 thread = bpf_get_current_pid_tgid();
    u64 now = bpf_ktime_get_ns();

    if (is_wanted(thread, args->id))
        entered.update(&thread, &now);
    return 0;
}
#endif

TRACEPOINT_PROBE(raw_syscalls, sys_exit)
{
    u64 thread = bpf_get_current_pid_tgid();

    if (!is_wanted(thread, args->id))
        return 0;
#ifdef ONLY_FAILED
    if (args->ret >= 0)
        return 0;
#endif
#ifdef ONLY_ERROR
    if (args->ret != -ONLY_ERROR)
        return 0;
#endif
#ifdef BY_PROCESS
    u32 key = thread >> 32;
#else
    u32 key = args->id;
#endif
#ifdef LATENCY
    struct calls none = {}, *calls;
    u64 *since = entered.lookup(&thread);
    if (!since)
        return 0; /* it was under way when we came */
    calls = data.lookup_or_try_init(&key, &none);
    if (calls) {
        lock_xadd(&calls->count, 1);
        lock_xadd(&calls->total_ns, bpf_ktime_get_ns() - *since);
    }
    entered.delete(&thread);
#else
    u64 none = 0, *count = data.lookup_or_try_init(&key, &none);
    if (count)
        lock_xadd(count, 1);
#endif
    return 0;
}
