/* Reads of kernel memory whose offsets CO-RE relocates, by the names libbpf gives them. */
#ifndef __BPF_CORE_READ_H__
#define __BPF_CORE_READ_H__

#include "bpf_helpers.h"

/* Numbers of llvm.bpf.preserve.* requests: enum bpf_core_relo_kind of uapi linux/bpf.h. */
enum bpf_field_info_kind {
	BPF_FIELD_BYTE_OFFSET = 0,
	BPF_FIELD_BYTE_SIZE = 1,
	BPF_FIELD_EXISTS = 2,
	BPF_FIELD_SIGNED = 3,
	BPF_FIELD_LSHIFT_U64 = 4,
	BPF_FIELD_RSHIFT_U64 = 5,
};
enum bpf_type_id_kind { BPF_TYPE_ID_LOCAL = 0, BPF_TYPE_ID_TARGET = 1 };
enum bpf_type_info_kind { BPF_TYPE_EXISTS = 0, BPF_TYPE_SIZE = 1, BPF_TYPE_MATCHES = 2 };
enum bpf_enum_value_kind { BPF_ENUMVAL_EXISTS = 0, BPF_ENUMVAL_VALUE = 1 };

#define ___bpf_typeof(type) ((typeof(type) *)0)
#define ___bpf_field_ref1(field) (field)
#define ___bpf_field_ref2(type, field) (___bpf_typeof(type)->field)
#define ___bpf_field_ref(args...) ___bpf_apply(___bpf_field_ref, ___bpf_narg(args))(args)

#define bpf_core_field_exists(field...) __builtin_preserve_field_info(___bpf_field_ref(field), BPF_FIELD_EXISTS)
#define bpf_core_field_size(field...) __builtin_preserve_field_info(___bpf_field_ref(field), BPF_FIELD_BYTE_SIZE)
#define bpf_core_field_offset(field...) __builtin_preserve_field_info(___bpf_field_ref(field), BPF_FIELD_BYTE_OFFSET)
#define bpf_core_type_id_local(type) __builtin_btf_type_id(*___bpf_typeof(type), BPF_TYPE_ID_LOCAL)
#define bpf_core_type_id_kernel(type) __builtin_btf_type_id(*___bpf_typeof(type), BPF_TYPE_ID_TARGET)
#define bpf_core_type_exists(type) __builtin_preserve_type_info(*___bpf_typeof(type), BPF_TYPE_EXISTS)
#define bpf_core_type_matches(type) __builtin_preserve_type_info(*___bpf_typeof(type), BPF_TYPE_MATCHES)
#define bpf_core_type_size(type) __builtin_preserve_type_info(*___bpf_typeof(type), BPF_TYPE_SIZE)
#define bpf_core_enum_value_exists(enum_type, enum_value) \
	__builtin_preserve_enum_value(*(typeof(enum_type) *)enum_value, BPF_ENUMVAL_EXISTS)
#define bpf_core_enum_value(enum_type, enum_value) \
	__builtin_preserve_enum_value(*(typeof(enum_type) *)enum_value, BPF_ENUMVAL_VALUE)
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;
#define bpf_core_cast(ptr, type) ((typeof(type) *)bpf_rdonly_cast((ptr), bpf_core_type_id_kernel(type)))

/* The comma turns an array into its address: clang does not, and some builds of it fail. */
#define bpf_core_read(dst, sz, src) \
	bpf_probe_read_kernel(dst, sz, (const void *)__builtin_preserve_access_index(((void)0, (src))))
#define bpf_core_read_user(dst, sz, src) \
	bpf_probe_read_user(dst, sz, (const void *)__builtin_preserve_access_index(((void)0, (src))))
#define bpf_core_read_str(dst, sz, src) \
	bpf_probe_read_kernel_str(dst, sz, (const void *)__builtin_preserve_access_index(((void)0, (src))))
#define bpf_core_read_user_str(dst, sz, src) \
	bpf_probe_read_user_str(dst, sz, (const void *)__builtin_preserve_access_index(((void)0, (src))))

/* One accessor per argument: p->a->b->c is (p, a, b, c); each arrow is one read. */
#define ___core_pick9(_1, _2, _3, _4, _5, _6, _7, _8, _9, N, ...) N
#define ___core_count(...) ___core_pick9(__VA_ARGS__, 9, 8, 7, 6, 5, 4, 3, 2, 1)
#define ___core_paste(a, b) a##b
#define ___core_apply(name, n) ___core_paste(name, n)

#define ___path_1(s, a) (s)->a
#define ___path_2(s, a, b) (s)->a->b
#define ___path_3(s, a, b, c) (s)->a->b->c
#define ___path_4(s, a, b, c, d) (s)->a->b->c->d
#define ___path_5(s, a, b, c, d, e) (s)->a->b->c->d->e
#define ___path_6(s, a, b, c, d, e, f) (s)->a->b->c->d->e->f
#define ___path_7(s, a, b, c, d, e, f, g) (s)->a->b->c->d->e->f->g
#define ___path_8(s, a, b, c, d, e, f, g, h) (s)->a->b->c->d->e->f->g->h
#define ___path_9(s, a, b, c, d, e, f, g, h, i) (s)->a->b->c->d->e->f->g->h->i
#define ___path(s, ...) ___core_apply(___path_, ___core_count(__VA_ARGS__))(s, __VA_ARGS__)

/*
 * fn(destination, size, address) for every arrow, the last one with `last`. The pointer is evaluated first, so that
 * members of the program's own structures in it do not become relocations.
 */
#define ___hop(fn, to, from, m, path) ___type_of(path) to; fn((void *)&to, sizeof(to), &(from)->m);
#define ___read_1(fn, last, dst, sz, s, a) \
	({ typeof((s) + 0) ___p0 = (s); \
	last((void *)(dst), sz, &(___p0)->a); })
#define ___read_2(fn, last, dst, sz, s, a, b) \
	({ typeof((s) + 0) ___p0 = (s); \
	___hop(fn, ___p1, ___p0, a, ___path_1(s, a)) \
	last((void *)(dst), sz, &(___p1)->b); })
#define ___read_3(fn, last, dst, sz, s, a, b, c) \
	({ typeof((s) + 0) ___p0 = (s); \
	___hop(fn, ___p1, ___p0, a, ___path_1(s, a)) \
	___hop(fn, ___p2, ___p1, b, ___path_2(s, a, b)) \
	last((void *)(dst), sz, &(___p2)->c); })
#define ___read_4(fn, last, dst, sz, s, a, b, c, d) \
	({ typeof((s) + 0) ___p0 = (s); \
	___hop(fn, ___p1, ___p0, a, ___path_1(s, a)) \
	___hop(fn, ___p2, ___p1, b, ___path_2(s, a, b)) \
	___hop(fn, ___p3, ___p2, c, ___path_3(s, a, b, c)) \
	last((void *)(dst), sz, &(___p3)->d); })
#define ___read_5(fn, last, dst, sz, s, a, b, c, d, e) \
	({ typeof((s) + 0) ___p0 = (s); \
	___hop(fn, ___p1, ___p0, a, ___path_1(s, a)) \
	___hop(fn, ___p2, ___p1, b, ___path_2(s, a, b)) \
	___hop(fn, ___p3, ___p2, c, ___path_3(s, a, b, c)) \
	___hop(fn, ___p4, ___p3, d, ___path_4(s, a, b, c, d)) \
	last((void *)(dst), sz, &(___p4)->e); })
#define ___read_6(fn, last, dst, sz, s, a, b, c, d, e, f) \
	({ typeof((s) + 0) ___p0 = (s); \
	___hop(fn, ___p1, ___p0, a, ___path_1(s, a)) \
	___hop(fn, ___p2, ___p1, b, ___path_2(s, a, b)) \
	___hop(fn, ___p3, ___p2, c, ___path_3(s, a, b, c)) \
	___hop(fn, ___p4, ___p3, d, ___path_4(s, a, b, c, d)) \
	___hop(fn, ___p5, ___p4, e, ___path_5(s, a, b, c, d, e)) \
	last((void *)(dst), sz, &(___p5)->f); })
#define ___read_7(fn, last, dst, sz, s, a, b, c, d, e, f, g) \
	({ typeof((s) + 0) ___p0 = (s); \
	___hop(fn, ___p1, ___p0, a, ___path_1(s, a)) \
	___hop(fn, ___p2, ___p1, b, ___path_2(s, a, b)) \
	___hop(fn, ___p3, ___p2, c, ___path_3(s, a, b, c)) \
	___hop(fn, ___p4, ___p3, d, ___path_4(s, a, b, c, d)) \
	___hop(fn, ___p5, ___p4, e, ___path_5(s, a, b, c, d, e)) \
	___hop(fn, ___p6, ___p5, f, ___path_6(s, a, b, c, d, e, f)) \
	last((void *)(dst), sz, &(___p6)->g); })
#define ___read_8(fn, last, dst, sz, s, a, b, c, d, e, f, g, h) \
	({ typeof((s) + 0) ___p0 = (s); \
	___hop(fn, ___p1, ___p0, a, ___path_1(s, a)) \
	___hop(fn, ___p2, ___p1, b, ___path_2(s, a, b)) \
	___hop(fn, ___p3, ___p2, c, ___path_3(s, a, b, c)) \
	___hop(fn, ___p4, ___p3, d, ___path_4(s, a, b, c, d)) \
	___hop(fn, ___p5, ___p4, e, ___path_5(s, a, b, c, d, e)) \
	___hop(fn, ___p6, ___p5, f, ___path_6(s, a, b, c, d, e, f)) \
	___hop(fn, ___p7, ___p6, g, ___path_7(s, a, b, c, d, e, f, g)) \
	last((void *)(dst), sz, &(___p7)->h); })
#define ___read_9(fn, last, dst, sz, s, a, b, c, d, e, f, g, h, i) \
	({ typeof((s) + 0) ___p0 = (s); \
	___hop(fn, ___p1, ___p0, a, ___path_1(s, a)) \
	___hop(fn, ___p2, ___p1, b, ___path_2(s, a, b)) \
	___hop(fn, ___p3, ___p2, c, ___path_3(s, a, b, c)) \
	___hop(fn, ___p4, ___p3, d, ___path_4(s, a, b, c, d)) \
	___hop(fn, ___p5, ___p4, e, ___path_5(s, a, b, c, d, e)) \
	___hop(fn, ___p6, ___p5, f, ___path_6(s, a, b, c, d, e, f)) \
	___hop(fn, ___p7, ___p6, g, ___path_7(s, a, b, c, d, e, f, g)) \
	___hop(fn, ___p8, ___p7, h, ___path_8(s, a, b, c, d, e, f, g, h)) \
	last((void *)(dst), sz, &(___p8)->i); })
#define ___read(fn, last, dst, sz, s, ...) \
	___core_apply(___read_, ___core_count(__VA_ARGS__))(fn, last, dst, sz, s, __VA_ARGS__)

#define ___probe_read_kernel(dst, sz, src) bpf_probe_read_kernel(dst, sz, (const void *)(src))
#define ___probe_read_user(dst, sz, src) bpf_probe_read_user(dst, sz, (const void *)(src))
#define ___probe_read_kernel_str(dst, sz, src) bpf_probe_read_kernel_str(dst, sz, (const void *)(src))
#define ___probe_read_user_str(dst, sz, src) bpf_probe_read_user_str(dst, sz, (const void *)(src))

#define BPF_CORE_READ_INTO(dst, src, a, ...) ___read(bpf_core_read, bpf_core_read, dst, sizeof(*(dst)), src, a, ##__VA_ARGS__)
#define BPF_CORE_READ_USER_INTO(dst, src, a, ...) \
	___read(bpf_core_read_user, bpf_core_read_user, dst, sizeof(*(dst)), src, a, ##__VA_ARGS__)
#define BPF_PROBE_READ_INTO(dst, src, a, ...) \
	___read(___probe_read_kernel, ___probe_read_kernel, dst, sizeof(*(dst)), src, a, ##__VA_ARGS__)
#define BPF_PROBE_READ_USER_INTO(dst, src, a, ...) \
	___read(___probe_read_user, ___probe_read_user, dst, sizeof(*(dst)), src, a, ##__VA_ARGS__)
#define BPF_CORE_READ_STR_INTO(dst, src, a, ...) \
	___read(bpf_core_read, bpf_core_read_str, dst, sizeof(*(dst)), src, a, ##__VA_ARGS__)
#define BPF_CORE_READ_USER_STR_INTO(dst, src, a, ...) \
	___read(bpf_core_read_user, bpf_core_read_user_str, dst, sizeof(*(dst)), src, a, ##__VA_ARGS__)
#define BPF_PROBE_READ_STR_INTO(dst, src, a, ...) \
	___read(___probe_read_kernel, ___probe_read_kernel_str, dst, sizeof(*(dst)), src, a, ##__VA_ARGS__)
#define BPF_PROBE_READ_USER_STR_INTO(dst, src, a, ...) \
	___read(___probe_read_user, ___probe_read_user_str, dst, sizeof(*(dst)), src, a, ##__VA_ARGS__)

/* Of a const member too the value is a variable. */
#if __clang_major__ >= 19
#define ___type_of(value) __typeof_unqual__(value)
#else
#define ___type_of(value) typeof(value)
#endif

/* The value at the end of the path; a read that fails gives zero, because the helper clears its destination. */
#define BPF_CORE_READ(src, a, ...) \
	({ ___type_of(___path(src, a, ##__VA_ARGS__)) ___r; BPF_CORE_READ_INTO(&___r, src, a, ##__VA_ARGS__); ___r; })
#define BPF_CORE_READ_USER(src, a, ...) \
	({ ___type_of(___path(src, a, ##__VA_ARGS__)) ___r; BPF_CORE_READ_USER_INTO(&___r, src, a, ##__VA_ARGS__); ___r; })
#define BPF_PROBE_READ(src, a, ...) \
	({ ___type_of(___path(src, a, ##__VA_ARGS__)) ___r; BPF_PROBE_READ_INTO(&___r, src, a, ##__VA_ARGS__); ___r; })
#define BPF_PROBE_READ_USER(src, a, ...) \
	({ ___type_of(___path(src, a, ##__VA_ARGS__)) ___r; BPF_PROBE_READ_USER_INTO(&___r, src, a, ##__VA_ARGS__); ___r; })

/* Bit-fields: the bytes that hold one, shifted by relocated distances. */
#define __CORE_RELO(src, field, info) __builtin_preserve_field_info((src)->field, BPF_FIELD_##info)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ___bits_into(dst, src, field) ((void *)(dst))
#else
/* The shifts expect the value in the low bytes. */
#define ___bits_into(dst, src, field) ((void *)(dst) + (8 - __CORE_RELO(src, field, BYTE_SIZE)))
#endif
#define __CORE_BITFIELD_PROBE_READ(dst, src, fld) \
	bpf_probe_read_kernel(___bits_into(dst, src, fld), __CORE_RELO(src, fld, BYTE_SIZE), \
			      (const void *)src + __CORE_RELO(src, fld, BYTE_OFFSET))
#define ___bits_shifted(value, s, field) \
	({ \
		value <<= __CORE_RELO(s, field, LSHIFT_U64); \
		if (__CORE_RELO(s, field, SIGNED)) \
			value = ((long long)value) >> __CORE_RELO(s, field, RSHIFT_U64); \
		else \
			value = value >> __CORE_RELO(s, field, RSHIFT_U64); \
		value; \
	})
/* The value as u64, read with a helper. */
#define BPF_CORE_READ_BITFIELD_PROBED(s, field) \
	({ \
		unsigned long long ___bits = 0; \
		__CORE_BITFIELD_PROBE_READ(&___bits, s, field); \
		___bits_shifted(___bits, s, field); \
	})
/*
 * The same by plain loads, where the verifier allows those. The offset is added behind the optimiser's back, so that it is
 * relocated once and not in every case.
 */
#define BPF_CORE_READ_BITFIELD(s, field) \
	({ \
		const void *___from = (const void *)s + __CORE_RELO(s, field, BYTE_OFFSET); \
		unsigned long long ___bits; \
		barrier_var(___from); \
		switch (__CORE_RELO(s, field, BYTE_SIZE)) { \
		case 1: ___bits = *(const unsigned char *)___from; break; \
		case 2: ___bits = *(const unsigned short *)___from; break; \
		case 4: ___bits = *(const unsigned int *)___from; break; \
		case 8: ___bits = *(const unsigned long long *)___from; break; \
		default: ___bits = 0; break; \
		} \
		___bits_shifted(___bits, s, field); \
	})
#define BPF_CORE_WRITE_BITFIELD(s, field, new_val) \
	({ \
		void *___to = (void *)s + __CORE_RELO(s, field, BYTE_OFFSET); \
		unsigned int ___size = __CORE_RELO(s, field, BYTE_SIZE); \
		unsigned int ___left = __CORE_RELO(s, field, LSHIFT_U64); \
		unsigned int ___right = __CORE_RELO(s, field, RSHIFT_U64); \
		unsigned long long ___mask, ___bits, ___new = new_val; \
		barrier_var(___to); \
		switch (___size) { \
		case 1: ___bits = *(unsigned char *)___to; break; \
		case 2: ___bits = *(unsigned short *)___to; break; \
		case 4: ___bits = *(unsigned int *)___to; break; \
		case 8: ___bits = *(unsigned long long *)___to; break; \
		} \
		___mask = (~0ULL << ___right) >> ___left; \
		___bits = (___bits & ~___mask) | ((___new << (___right - ___left)) & ___mask); \
		switch (___size) { \
		case 1: *(unsigned char *)___to = ___bits; break; \
		case 2: *(unsigned short *)___to = ___bits; break; \
		case 4: *(unsigned int *)___to = ___bits; break; \
		case 8: *(unsigned long long *)___to = ___bits; break; \
		} \
	})

#endif
