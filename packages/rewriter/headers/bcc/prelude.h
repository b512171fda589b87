/* Included before a rewritten program: the libbpf names its text uses, and what BCC has besides. */
#ifndef __BPFKIT_PRELUDE_H
#define __BPFKIT_PRELUDE_H

#define __user

/* A read of kernel memory inside a macro of the header set. */
#define ___kernel_member(pointer, member) BPF_CORE_READ(pointer, member)

#include "../bpf/bpf_helpers.h"
#include "../bpf/bpf_core_read.h"
#include "../bpf/bpf_tracing.h"
#include "../bpf/bpf_endian.h"
#include "helpers.h"
#include "kernel-macros.h"
#include "tracepoints.h"
#include "tables.h"
#include "moved-members.h"
#include "usdt.h"
#include "packet.h"
#include "cpus.h"

/* The value behind a kernel pointer, zero where it cannot be read. */
#define BPF_READ_KERNEL(lvalue) \
	({ typeof(lvalue) ___value; bpf_probe_read_kernel((void *)&___value, sizeof(___value), &(lvalue)); ___value; })
/* The same for user memory. */
#define BPF_READ_USER(lvalue) \
	({ typeof(lvalue) ___value; bpf_probe_read_user((void *)&___value, sizeof(___value), &(lvalue)); ___value; })
/* A bit-field of a structure that is not the kernel's: the whole structure is read. */
#define BPF_PROBE_READ_BITFIELD(pointer, field) \
	({ typeof(*(pointer)) ___whole; bpf_probe_read_kernel((void *)&___whole, sizeof(___whole), pointer); ___whole.field; })

/* As libbpf's, but for kernels whose system call functions take the registers: all since 4.17. No .kconfig is needed. */
#undef BPF_KSYSCALL
#define BPF_KSYSCALL(name, args...) \
	name(struct pt_regs *ctx); \
	static __always_inline typeof(name(0)) ____##name(struct pt_regs *ctx, ##args); \
	typeof(name(0)) name(struct pt_regs *ctx) \
	{ \
		struct pt_regs *regs = PT_REGS_SYSCALL_REGS(ctx); \
		_Pragma("clang diagnostic push") \
		_Pragma("clang diagnostic ignored \"-Wint-conversion\"") \
		return ____##name(___bpf_list(___bpf_syswrap_args, ##args)); \
		_Pragma("clang diagnostic pop") \
	} \
	static __always_inline typeof(name(0)) ____##name(struct pt_regs *ctx, ##args)
#define BPF_PROBE_READ_USER_BITFIELD(pointer, field) \
	({ typeof(*(pointer)) ___whole; bpf_probe_read_user((void *)&___whole, sizeof(___whole), pointer); ___whole.field; })

/* Only for program macros that other macros of the user wrap: direct uses are rewritten. */
#define TRACEPOINT_PROBE(category, event) \
	SEC("tracepoint/" #category "/" #event) \
	int tracepoint__##category##__##event(struct tracepoint__##category##__##event *args)
#define RAW_TRACEPOINT_PROBE(event) SEC("raw_tp/" #event) int raw_tracepoint__##event(struct bpf_raw_tracepoint_args *ctx)
#define KFUNC_PROBE(event, args...) SEC("fentry/" #event) int BPF_PROG(kfunc__vmlinux__##event, ##args)
#define KRETFUNC_PROBE(event, args...) SEC("fexit/" #event) int BPF_PROG(kretfunc__vmlinux__##event, ##args)
#define KMOD_RET(event, args...) SEC("fmod_ret/" #event) int BPF_PROG(kmod_ret__##event, ##args)
#define LSM_PROBE(event, args...) SEC("lsm/" #event) int BPF_PROG(lsm__##event, ##args)

#endif
