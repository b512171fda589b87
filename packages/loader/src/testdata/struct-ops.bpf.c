/* A congestion control of its own, in another order of members than the kernel's, and one that is not to be created. */
#ifndef TABLES
#define TABLES ".struct_ops"
#endif
#define SEC(name) __attribute__((section(name), used))

typedef unsigned int u32;
typedef unsigned long long u64;
struct sock;

char LICENSE[] SEC("license") = "GPL";
u64 runs;

struct tcp_congestion_ops___mine {
    char name[16];
    u32 (*undo_cwnd)(struct sock *sk);
    void (*cong_avoid)(struct sock *sk, u32 ack, u32 acked);
    u32 flags;
    u32 (*ssthresh)(struct sock *sk);
#ifdef UNKNOWN
    u32 unknown;
#endif
};

SEC("struct_ops/bpf_test_ssthresh")
u32 bpf_test_ssthresh(u64 *ctx)
{
    return 2;
}

SEC("struct_ops/bpf_test_undo_cwnd")
u32 bpf_test_undo_cwnd(u64 *ctx)
{
    return 10;
}

SEC("struct_ops/bpf_test_cong_avoid")
void bpf_test_cong_avoid(u64 *ctx)
{
    runs++;
}

SEC("struct_ops/only_skipped")
void only_skipped(u64 *ctx)
{
    runs += 2;
}

SEC(TABLES)
struct tcp_congestion_ops___mine bpf_test = {
    .name = "bpf_test",
    .ssthresh = (void *)bpf_test_ssthresh,
    .undo_cwnd = (void *)bpf_test_undo_cwnd,
    .cong_avoid = (void *)bpf_test_cong_avoid,
#ifdef UNKNOWN
    .unknown = UNKNOWN,
#endif
};

SEC(TABLES)
struct tcp_congestion_ops___mine second = {
    .name = "bpf_second",
    .ssthresh = (void *)bpf_test_ssthresh,
    .undo_cwnd = (void *)bpf_test_undo_cwnd,
    .cong_avoid = (void *)bpf_test_cong_avoid,
};

SEC("?.struct_ops")
struct tcp_congestion_ops___mine skipped = {
    .name = "bpf_skipped",
    .ssthresh = (void *)bpf_test_ssthresh,
    .cong_avoid = (void *)only_skipped,
};

#ifdef MISUSED
SEC("socket")
int a_filter(void *ctx)
{
    return 0;
}

SEC(TABLES)
struct tcp_congestion_ops___mine misused = { MISUSED };
#endif
