/*
 * tcpconnect: every connect() of a TCP socket that sends a packet.
 *
 * The entry of tcp_v4_connect and tcp_v6_connect keeps the socket; the return finds in it where the connection goes. The
 * front end attaches them and picks what is compiled:
 *   ONLY_PID, ONLY_UID       only that process or user
 *   ONLY_VERSION             only IPv4 (4) or IPv6 (6)
 *   IS_WANTED_PORT(port)     only to these ports
 *   CGROUP_MAP, MNTNS_MAP    only the cgroups or mount namespaces in the hash map that is pinned there
 *   COUNT                    counts by addresses and port, in place of events
 *   DNS                      sends the answers of DNS servers too
 */
#include <uapi/linux/ptrace.h>
#include <uapi/linux/udp.h>
#include <linux/nsproxy.h>
#include <linux/skbuff.h>
#include <net/sock.h>

/* Addresses are in network order, the first four bytes for IPv4. */
struct flow {
    u32 saddr[4];
    u32 daddr[4];
    u16 dport;
    u16 version;
};

struct event {
    u64 ts_us;
    u32 pid;
    u32 uid;
    u32 saddr[4];
    u32 daddr[4];
    u16 lport;
    u16 dport;
    u32 version;
    char task[TASK_COMM_LEN];
};

BPF_HASH(connecting, u32, struct sock *);
#ifdef COUNT
BPF_HASH(flows, struct flow);
#else
BPF_PERF_OUTPUT(events);
#endif
#ifdef CGROUP_MAP
BPF_TABLE_PINNED("hash", u64, u64, cgroups, 1024, CGROUP_MAP);
#endif
#ifdef MNTNS_MAP
BPF_TABLE_PINNED("hash", u64, u32, mount_namespaces, 1024, MNTNS_MAP);
#endif

static int is_wanted(u32 pid)
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
    if (pid != ONLY_PID)
        return 0;
#endif
#ifdef ONLY_UID
    if ((u32)bpf_get_current_uid_gid() != ONLY_UID)
        return 0;
#endif
    return 1;
}

int connect_entry(struct pt_regs *ctx, struct sock *sk)
{
    u64 id = bpf_get_current_pid_tgid();
    u32 tid = id;

    if (is_wanted(id >> 32))
        connecting.update(&tid, &sk);
    return 0;
}

static void addresses(struct sock *sk, u32 version, u32 *saddr, u32 *daddr)
{
    if (version == 4) {
        saddr[0] = sk->__sk_common.skc_rcv_saddr;
        daddr[0] = sk->__sk_common.skc_daddr;
    } else {
        bpf_probe_read_kernel(saddr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
        bpf_probe_read_kernel(daddr, 16, &sk->__sk_common.skc_v6_daddr);
    }
}

static void report(struct pt_regs *ctx, struct sock *sk, u32 version, u32 pid)
{
    u16 dport = ntohs(sk->__sk_common.skc_dport);

#ifdef ONLY_VERSION
    if (version != ONLY_VERSION)
        return;
#endif
#ifdef IS_WANTED_PORT
    if (!(IS_WANTED_PORT(dport)))
        return;
#endif
#ifdef COUNT
    struct flow flow = {.dport = dport, .version = version};
    addresses(sk, version, flow.saddr, flow.daddr);
    flows.atomic_increment(flow);
#else
    struct event event = {.pid = pid, .version = version, .dport = dport};
    event.ts_us = bpf_ktime_get_ns() / 1000;
    event.uid = bpf_get_current_uid_gid();
    event.lport = sk->__sk_common.skc_num;
    addresses(sk, version, event.saddr, event.daddr);
    bpf_get_current_comm(&event.task, sizeof(event.task));
    events.perf_submit(ctx, &event, sizeof(event));
#endif
}

static int connect_return(struct pt_regs *ctx, u32 version)
{
    u64 id = bpf_get_current_pid_tgid();
    u32 tid = id;
    struct sock **sk = connecting.lookup(&tid);

    if (!sk)
        return 0; /* it was under way when we came, or is not wanted */
    if (PT_REGS_RC(ctx) == 0) /* else nothing was sent */
        report(ctx, *sk, version, id >> 32);
    connecting.delete(&tid);
    return 0;
}

int connect_v4_return(struct pt_regs *ctx)
{
    return connect_return(ctx, 4);
}

int connect_v6_return(struct pt_regs *ctx)
{
    return connect_return(ctx, 6);
}

#ifdef DNS
#define DNS_PORT 53
#define LARGEST_ANSWER 512

struct answer {
    u64 ts_us;
    u32 size;
    u8 packet[LARGEST_ANSWER];
};

BPF_PERF_OUTPUT(answers);
BPF_PERCPU_ARRAY(scratch, struct answer, 1);

/* skb_consume_udp, over IPv4 and IPv6: a process has read a packet, which is freed after this. */
int udp_received(struct pt_regs *ctx, struct sock *sk, struct sk_buff *skb)
{
    struct udphdr *udp = (struct udphdr *)(skb->head + skb->transport_header);
    struct answer *answer;
    int zero = 0;
    u32 size;

    if (udp->source != htons(DNS_PORT))
        return 0;
    answer = scratch.lookup(&zero);
    if (!answer)
        return 0;
    size = ntohs(udp->len) - sizeof(*udp);
    if (size > LARGEST_ANSWER)
        size = LARGEST_ANSWER;
    answer->ts_us = bpf_ktime_get_ns() / 1000;
    answer->size = size;
    bpf_probe_read_kernel(answer->packet, size, udp + 1);
    answers.perf_submit(ctx, answer, sizeof(*answer));
    return 0;
}
#endif
