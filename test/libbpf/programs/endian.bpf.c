// Every macro of bpf/bpf_endian.h, of constants and of what is known at run time only.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "GPL";

const __u16 ports[] = { __bpf_constant_htons(80), __bpf_constant_ntohs(443) };
const __u32 addresses[] = { __bpf_constant_htonl(0x7f000001), __bpf_constant_ntohl(0x0a000001) };
const __u64 wide[] = { __bpf_constant_cpu_to_be64(1), __bpf_constant_be64_to_cpu(0x0102030405060708) };
__u64 results[8];

SEC("tc")
int swaps(struct __sk_buff *skb)
{
	switch (skb->protocol) {
	case __bpf_constant_htons(0x0800):
		results[0] = bpf_htons(skb->mark);
		results[1] = bpf_ntohs(skb->priority) + __bpf_ntohs(skb->mark);
		break;
	case __bpf_constant_htons(0x86dd):
		results[2] = bpf_htonl(skb->mark) + __bpf_htonl(skb->priority);
		results[3] = bpf_ntohl(skb->hash) + __bpf_ntohl(skb->mark) + __bpf_htons(skb->len);
		break;
	default:
		results[4] = bpf_cpu_to_be64(results[5]) + __bpf_cpu_to_be64(results[3]);
		results[6] = bpf_be64_to_cpu(results[7]) + __bpf_be64_to_cpu(results[1]);
	}
	if (skb->mark == bpf_htonl(0x01020304) || skb->len == bpf_ntohs(5))
		return ports[skb->ifindex & 1];
	return addresses[skb->ifindex & 1] + wide[skb->len & 1];
}
