/* Included before a program written for BCC when it is parsed for rewriting. */
#ifndef __BPFKIT_PRELUDE_AST_H
#define __BPFKIT_PRELUDE_AST_H

/* Marks the type, so that reads through such a pointer become reads of user memory. */
#define __user __attribute__((btf_type_tag("user")))

/* A read of kernel memory inside a macro of the header set. */
#define ___kernel_member(pointer, member) ((pointer)->member)

#include "../bpf/bpf_helpers.h"
#include "../bpf/bpf_core_read.h"
#include "../bpf/bpf_tracing.h"
#include "../bpf/bpf_endian.h"
#include "helpers.h"
#include "kernel-macros.h"
#include "tracepoints.h"
#include "tables-ast.h"
#include "packet.h"
#include "cpus.h"

/* In BCC it takes no size: the rewriter turns it into bpf_printk. */
int bpf_trace_printk(const char *format, ...);

/* The registers of user space in programs of system calls; when compiled, a variable at the start of each. */
extern struct pt_regs *__ctx;

/* When compiled, macros of usdt.h. */
int bpf_usdt_readarg(int number, void *ctx, void *value);
int bpf_usdt_readarg_p(int number, void *ctx, void *buffer, u64 size);

/* The rewriter adds the packet: macros of packet.h. */
int incr_cksum_l3(u64 offset, u64 from, u64 to);
int incr_cksum_l4(u64 offset, u64 from, u64 to, u64 is_pseudo);

/* Program macros: parsed as the functions that BCC makes of them. */
#define TRACEPOINT_PROBE(category, event) \
	int tracepoint__##category##__##event(struct tracepoint__##category##__##event *args)
#define RAW_TRACEPOINT_PROBE(event) int raw_tracepoint__##event(struct bpf_raw_tracepoint_args *ctx)
#define ___traced(prefix, module, event, args...) int prefix##__##module##__##event(unsigned long long *ctx, ##args)
#define KFUNC_PROBE(event, args...) ___traced(kfunc, vmlinux, event, ##args)
#define KRETFUNC_PROBE(event, args...) ___traced(kretfunc, vmlinux, event, ##args)
#define MODULE_KFUNC_PROBE(module, event, args...) ___traced(kfunc, module, event, ##args)
#define MODULE_KRETFUNC_PROBE(module, event, args...) ___traced(kretfunc, module, event, ##args)
#define KMOD_RET(event, args...) int kmod_ret__##event(unsigned long long *ctx, ##args)
#define LSM_PROBE(event, args...) int lsm__##event(unsigned long long *ctx, ##args)
#define BPF_ITER(target) int bpf_iter__##target(struct bpf_iter__##target *ctx)

#endif
