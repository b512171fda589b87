/*
 * biolatency: how long block I/O takes, as a histogram.
 *
 * A request is stamped when it starts and its latency is counted when it completes. The front end attaches req_start
 * to what shall count as the start, and req_done, and picks what is compiled:
 *   MILLISECONDS  latency in milliseconds, else microseconds
 *   PER_DISK      a histogram for each disk
 *   PER_FLAGS     a histogram for each set of request flags
 *   EXTENSION     total time and number of requests too
 *   ONLY_DISK     only requests of the disk of that name
 */
#include <uapi/linux/ptrace.h>
#include <linux/blk-mq.h>

#ifdef MILLISECONDS
#define NS_PER_UNIT 1000000
#else
#define NS_PER_UNIT 1000
#endif

#if defined(PER_DISK)
struct disk_key {
    char disk[DISK_NAME_LEN];
    u64 slot;
};
BPF_HISTOGRAM(dist, struct disk_key, 4096);
#elif defined(PER_FLAGS)
struct flags_key {
    u64 flags;
    u64 slot;
};
BPF_HISTOGRAM(dist, struct flags_key, 4096);
#else
BPF_HISTOGRAM(dist);
#endif

#ifdef EXTENSION
struct totals {
    u64 latency;
    u64 count;
};
BPF_ARRAY(totals, struct totals, 1);
#endif

BPF_HASH(start, struct request *);

static int is_wanted(struct request *req)
{
#ifdef ONLY_DISK
    const char wanted[DISK_NAME_LEN] = ONLY_DISK;
    char name[DISK_NAME_LEN] = {};

    bpf_probe_read_kernel_str(&name, sizeof(name), req->q->disk->disk_name);
    return __builtin_memcmp(name, wanted, sizeof(name)) == 0;
#else
    return 1;
#endif
}

int req_start(struct pt_regs *ctx, struct request *req)
{
    u64 now = bpf_ktime_get_ns();

    if (is_wanted(req))
        start.update(&req, &now);
    return 0;
}

static void count(struct request *req, u64 since)
{
    u64 latency = (bpf_ktime_get_ns() - since) / NS_PER_UNIT;

#ifdef EXTENSION
    int zero = 0;
    struct totals *sum = totals.lookup(&zero);
    if (sum) {
        lock_xadd(&sum->latency, latency);
        lock_xadd(&sum->count, 1);
    }
#endif

#if defined(PER_DISK)
    struct disk_key key = {.slot = bpf_log2l(latency)};
    bpf_probe_read_kernel(&key.disk, sizeof(key.disk), req->q->disk->disk_name);
    dist.atomic_increment(key);
#elif defined(PER_FLAGS)
    struct flags_key key = {.flags = req->cmd_flags, .slot = bpf_log2l(latency)};
    dist.atomic_increment(key);
#else
    dist.atomic_increment(bpf_log2l(latency));
#endif
}

int req_done(struct pt_regs *ctx, struct request *req)
{
    u64 *since = start.lookup(&req);

    if (!since)
        return 0; /* started before we did */
    count(req, *since);
    start.delete(&req);
    return 0;
}

/* Raw tracepoint block_rq_complete: for kernels in which the end of accounting cannot be probed. */
int req_complete(struct bpf_raw_tracepoint_args *ctx)
{
    struct request *req = (struct request *)ctx->args[0];
    u64 *since = start.lookup(&req);

    if (!since)
        return 0;
    count(req, *since);
    start.delete(&req);
    return 0;
}

/* The same, since the request was made by the kernel's own clock: where the start of accounting is inlined, too. */
int req_complete_since_made(struct bpf_raw_tracepoint_args *ctx)
{
    struct request *req = (struct request *)ctx->args[0];
    u64 since = req->start_time_ns;

    if (since && is_wanted(req))
        count(req, since);
    return 0;
}
