// Types from uapi headers instead of vmlinux.h, as in the samples of the kernel: nothing is relocated.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/pkt_cls.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "GPL";

struct key {
	__be32 source;
	__u16 port;
	bool is_tcp;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct key);
	__type(value, __u64);
} flows SEC(".maps");

SEC("xdp")
int count(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct key key = {};
	__u64 one = 1, *known;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	key.source = ip->saddr;
	if (ip->protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = (void *)(ip + 1);

		if ((void *)(tcp + 1) > end)
			return XDP_DROP;
		key.port = tcp->dest;
		key.is_tcp = tcp->syn;
	} else if (ip->protocol == IPPROTO_UDP) {
		struct udphdr *udp = (void *)(ip + 1);

		if ((void *)(udp + 1) > end)
			return XDP_DROP;
		key.port = udp->dest;
	}
	known = bpf_map_lookup_elem(&flows, &key);
	if (known)
		__sync_fetch_and_add(known, 1);
	else if (bpf_map_update_elem(&flows, &key, &one, BPF_NOEXIST) == -E2BIG)
		return XDP_ABORTED;
	return XDP_PASS;
}

SEC("tc")
int six(struct __sk_buff *skb)
{
	struct ipv6hdr head;

	if (skb->protocol != bpf_htons(ETH_P_IPV6))
		return TC_ACT_OK;
	if (bpf_skb_load_bytes(skb, ETH_HLEN, &head, sizeof(head)) < 0)
		return TC_ACT_SHOT;
	return head.nexthdr == IPPROTO_ICMPV6 ? TC_ACT_UNSPEC : TC_ACT_OK;
}
