/*
 * tcplife: TCP sessions, with their lifespan and how much was sent and received.
 *
 * Every change of a socket's state passes sock:inet_sock_set_state. A session begins with its last early state and ends
 * with TCP_CLOSE; whose it is, is known where the process itself changes the state: when it connects, and when it closes
 * after the other end. The front end picks what is compiled:
 *   ONLY_PID                 only sessions of that process
 *   ONLY_VERSION             only IPv4 (4) or IPv6 (6)
 *   IS_WANTED_LOCAL(port), IS_WANTED_REMOTE(port)
 */
#include <uapi/linux/ptrace.h>
#include <linux/tcp.h>
#include <net/sock.h>

/* Addresses are in network order, the first four bytes for IPv4. */
struct event {
    u64 ts_us;
    u64 span_us;
    u64 rx_bytes;
    u64 tx_bytes;
    u32 saddr[4];
    u32 daddr[4];
    u32 pid;
    u32 version;
    u16 lport;
    u16 dport;
    char task[TASK_COMM_LEN];
};

struct owner {
    u32 pid;
    char task[TASK_COMM_LEN];
};

BPF_HASH(birth, struct sock *, u64);
BPF_HASH(owners, struct sock *, struct owner);
BPF_PERF_OUTPUT(events);

static void who_am_i(struct owner *owner)
{
    owner->pid = bpf_get_current_pid_tgid() >> 32;
    bpf_get_current_comm(&owner->task, sizeof(owner->task));
}

static int is_wanted(u32 pid, u32 version, u16 local, u16 remote)
{
#ifdef ONLY_PID
    if (pid != ONLY_PID)
        return 0;
#endif
#ifdef ONLY_VERSION
    if (version != ONLY_VERSION)
        return 0;
#endif
#ifdef IS_WANTED_LOCAL
    if (!(IS_WANTED_LOCAL(local)))
        return 0;
#endif
#ifdef IS_WANTED_REMOTE
    if (!(IS_WANTED_REMOTE(remote)))
        return 0;
#endif
    return 1;
}

TRACEPOINT_PROBE(sock, inet_sock_set_state)
{
    struct sock *sk = (struct sock *)args->skaddr;
    struct tcp_sock *tcp = (struct tcp_sock *)sk;
    u64 now = bpf_ktime_get_ns(), *since;
    struct owner me = {}, *known;
    struct event event = {};

    if (args->protocol != IPPROTO_TCP)
        return 0;
    if (args->newstate < TCP_FIN_WAIT1)
        birth.update(&sk, &now);
    if (args->newstate == TCP_SYN_SENT || args->newstate == TCP_LAST_ACK) {
        who_am_i(&me);
        owners.update(&sk, &me);
    }
    if (args->newstate != TCP_CLOSE)
        return 0;

    since = birth.lookup(&sk);
    if (!since) {
        owners.delete(&sk);
        return 0; /* it began before we came */
    }
    event.span_us = (now - *since) / 1000;
    birth.delete(&sk);
    known = owners.lookup(&sk);
    if (known)
        me = *known;
    else
        who_am_i(&me);
    owners.delete(&sk);

    event.version = args->family == AF_INET ? 4 : 6;
    if (!is_wanted(me.pid, event.version, args->sport, args->dport))
        return 0;
    event.ts_us = now / 1000;
    event.rx_bytes = tcp->bytes_received;
    event.tx_bytes = tcp->bytes_acked;
    event.pid = me.pid;
    event.lport = args->sport;
    event.dport = args->dport;
    __builtin_memcpy(event.task, me.task, sizeof(event.task));
    if (event.version == 4) {
        __builtin_memcpy(event.saddr, args->saddr, 4);
        __builtin_memcpy(event.daddr, args->daddr, 4);
    } else {
        __builtin_memcpy(event.saddr, args->saddr_v6, 16);
        __builtin_memcpy(event.daddr, args->daddr_v6, 16);
    }
    events.perf_submit(args, &event, sizeof(event));
    return 0;
}
