// Every macro and function of bpf/usdt.bpf.h.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

char LICENSE[] SEC("license") = "GPL";

long results[8];

SEC("usdt")
int BPF_USDT(three, int a, void *b, unsigned char c)
{
	results[0] = a + (long)b + c;
	results[1] = bpf_usdt_cookie(ctx);
	return 0;
}

SEC("usdt")
int BPF_USDT(bare)
{
	long value;

	results[2] = bpf_usdt_arg_cnt(ctx);
	results[3] = bpf_usdt_arg(ctx, BPF_USDT_MAX_ARG_CNT - 1, &value) + value;
	results[4] = bpf_usdt_arg_size(ctx, 1);
	return 0;
}
