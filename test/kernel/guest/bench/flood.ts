/** The program whose events are counted at saturation: many for each call of getegid(2), under BCC and under bpfkit. */

/** Events for each call. */
export const eventsPerCall = 64;

const text = (declaration: string, send: string): string => `#include <linux/sched.h>
struct event {
    u64 number;
    u32 pid;
    char comm[TASK_COMM_LEN];
};
${declaration}
BPF_ARRAY(counts, u64, 2);
int kprobe__sys_getegid(void *ctx)
{
    struct event event = {};
    int sent = 0, lost = 1;
    event.pid = bpf_get_current_pid_tgid() >> 32;
    bpf_get_current_comm(&event.comm, sizeof(event.comm));
#pragma unroll
    for (int i = 0; i < ${eventsPerCall}; i++) {
        event.number = i;
        if (${send})
            counts.increment(lost);
        else
            counts.increment(sent);
    }
    return 0;
}
`;

/** By the kind of buffer. */
export const floods = {
  ring: text("BPF_RINGBUF_OUTPUT(events, 64);", "events.ringbuf_output(&event, sizeof(event), 0)"),
  perf: text("BPF_PERF_OUTPUT(events);", "events.perf_submit(ctx, &event, sizeof(event))"),
} as const;

/** Pages of each ring. */
export const ringPages = 64;

/** What a consumer prints. */
export interface FloodResult {
  readonly received: number;
  /** Events that did not fit. */
  readonly lost: number;
  readonly seconds: number;
}

/** After a flood: every event that was sent is taken, and every other one counted. */
export interface FloodSums {
  readonly taken: number;
  /** What the program counts. */
  readonly sent: number;
  readonly lost: number;
  /** What the buffers report as lost: perf buffers everything, with a later event; ring buffers nothing. */
  readonly reported: number;
}
