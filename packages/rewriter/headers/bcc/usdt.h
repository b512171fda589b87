/*
 * Arguments of USDT probes. Where they are is in the traced binary: whoever attaches the program puts that into these
 * two maps, by the names and layouts with which libbpf does it (libbpf 1.x: USDT specifications).
 */
#ifndef __BCC_USDT_H
#define __BCC_USDT_H

#define ___USDT_ARGUMENTS 12

/* Where one argument is: `kind` says how to read the rest. */
struct __bpf_usdt_arg_spec {
	__u64 val_off;
	__u8 kind;
	__u8 index[3];
	__s16 reg_off;
	__u8 is_signed;
	__u8 shift;
};

struct __bpf_usdt_spec {
	struct __bpf_usdt_arg_spec args[___USDT_ARGUMENTS];
	__u64 usdt_cookie;
	__s16 arg_cnt;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, int);
	__type(value, struct __bpf_usdt_spec);
} __bpf_usdt_specs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, long);
	__type(value, __u32);
} __bpf_usdt_ip_to_spec_id SEC(".maps");

/* Which specification the probe that fired has: kernels since 5.15 carry it with the probe. NULL for none. */
static __always_inline struct __bpf_usdt_spec *___usdt_spec(struct pt_regs *ctx)
{
	int number;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_attach_cookie)) {
		number = bpf_get_attach_cookie(ctx);
	} else {
		long address = PT_REGS_IP(ctx);
		__u32 *known = bpf_map_lookup_elem(&__bpf_usdt_ip_to_spec_id, &address);

		if (!known)
			return NULL;
		number = *known;
	}
	return bpf_map_lookup_elem(&__bpf_usdt_specs, &number);
}

/* The value of an argument, counted from 0. Returns 0, or -1 where the probe has no such argument or it cannot be read. */
static __always_inline int ___usdt_argument(struct pt_regs *ctx, unsigned int index, unsigned long *value)
{
	struct __bpf_usdt_spec *spec = ___usdt_spec(ctx);
	struct __bpf_usdt_arg_spec *place;
	unsigned long found;

	if (!spec || index >= ___USDT_ARGUMENTS || (int)index >= spec->arg_cnt)
		return -1;
	place = &spec->args[index];
	if (place->kind == 0) { /* a constant */
		found = place->val_off;
	} else if (place->kind <= 3) { /* in a register, behind one, or behind one and another that is scaled */
		unsigned long scale = place->index[1] >> 4, offset = place->index[0] | place->index[1] << 8;
		unsigned long other = 0;

		/* The verifier has to see the bounds right where the offset is added. */
		__asm__ __volatile__("" : "+r"(offset));
		offset &= 0xfff;

		if (bpf_probe_read_kernel(&found, sizeof(found), (void *)ctx + place->reg_off))
			return -1;
		if (place->kind == 3 &&
		    bpf_probe_read_kernel(&other, sizeof(other), (void *)ctx + offset))
			return -1;
		if (place->kind >= 2 &&
		    bpf_probe_read_user(&found, sizeof(found),
					(void *)(found + place->val_off + (other << scale))))
			return -1;
	} else {
		return -1;
	}
	found <<= place->shift & 63;
	*value = place->is_signed ? (unsigned long)((long)found >> (place->shift & 63)) : found >> (place->shift & 63);
	return 0;
}

/* As with other reads, one that fails gives zero: programs go on with the value. */
#define bpf_usdt_readarg(number, ctx, destination) \
	({ \
		unsigned long ___argument = 0; \
		int ___error = ___usdt_argument(ctx, (number) - 1, &___argument); \
		*(destination) = (typeof(*(destination)))___argument; \
		___error; \
	})
#define bpf_usdt_readarg_p(number, ctx, buffer, length) \
	({ \
		unsigned long ___argument = 0; \
		int ___error = ___usdt_argument(ctx, (number) - 1, &___argument); \
		int ___unread = bpf_probe_read_user(buffer, length, (void *)___argument); \
		___error ? ___error : ___unread; \
	})

#endif
