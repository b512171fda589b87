/*
 * __NAME__: one event for every program that is executed.
 *
 * TRACEPOINT_PROBE attaches by itself to the tracepoint it names. Every struct given to perf_submit is printed,
 * field by field.
 */
#include <linux/sched.h>

struct event {
    u32 pid;
    u32 uid;
    char comm[TASK_COMM_LEN];
    char filename[128];
};

BPF_PERF_OUTPUT(events);

TRACEPOINT_PROBE(sched, sched_process_exec)
{
    struct event event = {};

    event.pid = args->pid;
    event.uid = bpf_get_current_uid_gid();
    bpf_get_current_comm(&event.comm, sizeof(event.comm));
    TP_DATA_LOC_READ_STR(&event.filename, filename, sizeof(event.filename));
    events.perf_submit(args, &event, sizeof(event));
    return 0;
}
