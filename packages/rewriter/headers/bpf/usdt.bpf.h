/*
 * Arguments of USDT probes, by the names libbpf 1.7 gives them. Where they are is in the traced binary: whoever attaches
 * the program puts it into two maps, whose names and layouts are the loader's interface.
 */
#ifndef __USDT_BPF_H__
#define __USDT_BPF_H__

#include "bpf_helpers.h"
#include "bpf_tracing.h"

/* Probe sites with arguments at different places. */
#ifndef BPF_USDT_MAX_SPEC_CNT
#define BPF_USDT_MAX_SPEC_CNT 256
#endif
/* Addresses of probes; only kernels without attach cookies (before Linux 5.15) look them up. */
#ifndef BPF_USDT_MAX_IP_CNT
#define BPF_USDT_MAX_IP_CNT (4 * BPF_USDT_MAX_SPEC_CNT)
#endif
#define BPF_USDT_MAX_ARG_CNT 12

/* A constant; a register; memory behind a register; memory behind a base and a scaled index register. */
enum __bpf_usdt_arg_type { BPF_USDT_ARG_CONST, BPF_USDT_ARG_REG, BPF_USDT_ARG_REG_DEREF, BPF_USDT_ARG_SIB };

/* Where one argument is. Registers are offsets in struct pt_regs. */
struct __bpf_usdt_arg_spec {
	__u64 val_off; /* the constant, or what is added to the address */
	enum __bpf_usdt_arg_type arg_type: 8;
	__u32 idx_reg_off: 12;
	__u32 scale_bitshift: 4;
	__u32 __reserved: 8;
	short reg_off;
	bool arg_signed;
	char arg_bitshift; /* 64 less the argument's size in bits */
};

struct __bpf_usdt_spec {
	struct __bpf_usdt_arg_spec args[BPF_USDT_MAX_ARG_CNT];
	__u64 usdt_cookie;
	short arg_cnt;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BPF_USDT_MAX_SPEC_CNT);
	__type(key, int);
	__type(value, struct __bpf_usdt_spec);
} __bpf_usdt_specs SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BPF_USDT_MAX_IP_CNT);
	__type(key, long);
	__type(value, __u32);
} __bpf_usdt_ip_to_spec_id SEC(".maps") __weak;

extern const _Bool LINUX_HAS_BPF_COOKIE __kconfig;

/* Errors: errno numbers that are the same on all machines. */
#define ___USDT_NO_SPEC (-3) /* ESRCH */
#define ___USDT_NO_ARGUMENT (-2) /* ENOENT */
#define ___USDT_BAD_SPEC (-22) /* EINVAL */

/* The number of the specification of the probe that fired, or an error. */
static __always_inline int __bpf_usdt_spec_id(struct pt_regs *ctx)
{
	if (!LINUX_HAS_BPF_COOKIE) {
		long address = PT_REGS_IP(ctx);
		int *number = bpf_map_lookup_elem(&__bpf_usdt_ip_to_spec_id, &address);

		return number ? *number : ___USDT_NO_SPEC;
	}
	return bpf_get_attach_cookie(ctx);
}

static __always_inline struct __bpf_usdt_spec *___usdt_spec_of(struct pt_regs *ctx)
{
	int number = __bpf_usdt_spec_id(ctx);

	return number < 0 ? NULL : bpf_map_lookup_elem(&__bpf_usdt_specs, &number);
}

/* How many arguments the probe has, or a negative error. */
__weak __hidden int bpf_usdt_arg_cnt(struct pt_regs *ctx)
{
	struct __bpf_usdt_spec *spec = ___usdt_spec_of(ctx);

	return spec ? spec->arg_cnt : ___USDT_NO_SPEC;
}

/* The size of an argument (counted from 0) in bytes, or a negative error. */
static __always_inline int bpf_usdt_arg_size(struct pt_regs *ctx, __u64 arg_num)
{
	struct __bpf_usdt_spec *spec = ___usdt_spec_of(ctx);

	if (!spec)
		return ___USDT_NO_SPEC;
	if (arg_num >= BPF_USDT_MAX_ARG_CNT)
		return ___USDT_NO_ARGUMENT;
	barrier_var(arg_num);
	if (arg_num >= spec->arg_cnt)
		return ___USDT_NO_ARGUMENT;
	return (unsigned int)(64 - spec->args[arg_num].arg_bitshift) / 8;
}

/* An argument's value (counted from 0) in *res, which is 0 where the result is a negative error. */
__weak __hidden int bpf_usdt_arg(struct pt_regs *ctx, __u64 arg_num, long *res)
{
	struct __bpf_usdt_spec *spec;
	struct __bpf_usdt_arg_spec *place;
	unsigned long value, index = 0;
	int error;

	*res = 0;
	spec = ___usdt_spec_of(ctx);
	if (!spec)
		return ___USDT_NO_SPEC;
	if (arg_num >= BPF_USDT_MAX_ARG_CNT)
		return ___USDT_NO_ARGUMENT;
	barrier_var(arg_num);
	if (arg_num >= spec->arg_cnt)
		return ___USDT_NO_ARGUMENT;
	place = &spec->args[arg_num];
	switch (place->arg_type) {
	case BPF_USDT_ARG_CONST:
		value = place->val_off;
		break;
	case BPF_USDT_ARG_REG:
		error = bpf_probe_read_kernel(&value, sizeof(value), (void *)ctx + place->reg_off);
		if (error)
			return error;
		break;
	case BPF_USDT_ARG_SIB:
		error = bpf_probe_read_kernel(&index, sizeof(index), (void *)ctx + place->idx_reg_off);
		if (error)
			return error;
		index <<= place->scale_bitshift;
		/* fallthrough */
	case BPF_USDT_ARG_REG_DEREF:
		error = bpf_probe_read_kernel(&value, sizeof(value), (void *)ctx + place->reg_off);
		if (error)
			return error;
		error = bpf_probe_read_user(&value, sizeof(value), (void *)(value + index + place->val_off));
		if (error)
			return error;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		value >>= place->arg_bitshift;
#endif
		break;
	default:
		return ___USDT_BAD_SPEC;
	}
	value <<= place->arg_bitshift;
	if (place->arg_signed)
		value = ((long)value) >> place->arg_bitshift;
	else
		value >>= place->arg_bitshift;
	*res = value;
	return 0;
}

/* What the user gave when attaching; 0 without a specification. */
__weak __hidden long bpf_usdt_cookie(struct pt_regs *ctx)
{
	struct __bpf_usdt_spec *spec = ___usdt_spec_of(ctx);

	return spec ? spec->usdt_cookie : 0;
}

#define ___bpf_usdt_value(number) ({ long ___value; bpf_usdt_arg(ctx, number, &___value); ___value; })
#define ___bpf_usdt_args0() ctx
#define ___bpf_usdt_args1(x) ___bpf_usdt_args0(), ___bpf_usdt_value(0)
#define ___bpf_usdt_args2(x, rest...) ___bpf_usdt_args1(rest), ___bpf_usdt_value(1)
#define ___bpf_usdt_args3(x, rest...) ___bpf_usdt_args2(rest), ___bpf_usdt_value(2)
#define ___bpf_usdt_args4(x, rest...) ___bpf_usdt_args3(rest), ___bpf_usdt_value(3)
#define ___bpf_usdt_args5(x, rest...) ___bpf_usdt_args4(rest), ___bpf_usdt_value(4)
#define ___bpf_usdt_args6(x, rest...) ___bpf_usdt_args5(rest), ___bpf_usdt_value(5)
#define ___bpf_usdt_args7(x, rest...) ___bpf_usdt_args6(rest), ___bpf_usdt_value(6)
#define ___bpf_usdt_args8(x, rest...) ___bpf_usdt_args7(rest), ___bpf_usdt_value(7)
#define ___bpf_usdt_args9(x, rest...) ___bpf_usdt_args8(rest), ___bpf_usdt_value(8)
#define ___bpf_usdt_args10(x, rest...) ___bpf_usdt_args9(rest), ___bpf_usdt_value(9)
#define ___bpf_usdt_args11(x, rest...) ___bpf_usdt_args10(rest), ___bpf_usdt_value(10)
#define ___bpf_usdt_args12(x, rest...) ___bpf_usdt_args11(rest), ___bpf_usdt_value(11)

#define BPF_USDT(name, args...) \
	___bpf_program(struct pt_regs *ctx, ____##name(___bpf_list(___bpf_usdt_args, ##args)), name, ____##name, ##args)

#endif
