/*
 * runqlat: how long tasks that could run wait for a CPU, as a histogram.
 *
 * A wait begins when a task is woken, is new, or loses its CPU while it could go on; it ends when the scheduler switches
 * to the task. The front end picks what is compiled:
 *   MILLISECONDS                        milliseconds, else microseconds
 *   ONLY_PID                            only this process
 *   PER_PROCESS, PER_THREAD, PER_PIDNS  a histogram for each process, thread or pid namespace
 */
#include <uapi/linux/ptrace.h>
#include <linux/sched.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>

#ifdef MILLISECONDS
#define NS_PER_UNIT 1000000
#else
#define NS_PER_UNIT 1000
#endif

#if defined(PER_PROCESS) || defined(PER_THREAD) || defined(PER_PIDNS)
struct group {
    u64 id; /* as wide as the slot: a key has no padding */
    u64 slot;
};
BPF_HISTOGRAM(dist, struct group, 10240);
#else
BPF_HISTOGRAM(dist);
#endif

BPF_HASH(waiting, u32);

static void begin(struct task_struct *task)
{
    u32 tid = task->pid;
    u64 now;

    if (tid == 0)
        return; /* the idle task never waits */
#ifdef ONLY_PID
    if (task->tgid != ONLY_PID)
        return;
#endif
    now = bpf_ktime_get_ns();
    waiting.update(&tid, &now);
}

RAW_TRACEPOINT_PROBE(sched_wakeup)
{
    begin((struct task_struct *)ctx->args[0]);
    return 0;
}

RAW_TRACEPOINT_PROBE(sched_wakeup_new)
{
    begin((struct task_struct *)ctx->args[0]);
    return 0;
}

#ifdef PER_PIDNS
static u32 pid_namespace(struct task_struct *task)
{
    struct pid *pid = task->thread_pid;
    struct upid own;

    if (!pid)
        return 0; /* it has exited */
    bpf_probe_read_kernel(&own, sizeof(own), &pid->numbers[pid->level]);
    return own.ns->ns.inum;
}
#endif

RAW_TRACEPOINT_PROBE(sched_switch)
{
    struct task_struct *previous = (struct task_struct *)ctx->args[1];
    struct task_struct *next = (struct task_struct *)ctx->args[2];
    u32 tid = next->pid;
    u64 *since, wait;

    if (ctx->args[0] || previous->__state == TASK_RUNNING) /* preempted, or its time was up */
        begin(previous);
    since = waiting.lookup(&tid);
    if (!since)
        return 0; /* it was waiting before we came, or is filtered out */
    wait = (bpf_ktime_get_ns() - *since) / NS_PER_UNIT;
#if defined(PER_PROCESS)
    struct group key = {.id = next->tgid, .slot = bpf_log2l(wait)};
    dist.atomic_increment(key);
#elif defined(PER_THREAD)
    struct group key = {.id = tid, .slot = bpf_log2l(wait)};
    dist.atomic_increment(key);
#elif defined(PER_PIDNS)
    struct group key = {.id = pid_namespace(next), .slot = bpf_log2l(wait)};
    dist.atomic_increment(key);
#else
    dist.atomic_increment(bpf_log2l(wait));
#endif
    waiting.delete(&tid);
    return 0;
}
