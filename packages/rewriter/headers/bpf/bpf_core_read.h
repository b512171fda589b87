/* Reads of kernel memory whose offsets CO-RE relocates, by the names libbpf gives them. */
#ifndef __BPF_CORE_READ_H__
#define __BPF_CORE_READ_H__

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

#define ___field_1(field) field
#define ___field_2(type, field) ((typeof(type) *)0)->field
#define ___field_pick(a, b, N, ...) N
#define ___field_of(field...) ___field_pick(field, ___field_2, ___field_1)(field)

#define bpf_core_field_exists(field...) __builtin_preserve_field_info(___field_of(field), BPF_FIELD_EXISTS)
#define bpf_core_field_size(field...) __builtin_preserve_field_info(___field_of(field), BPF_FIELD_BYTE_SIZE)
#define bpf_core_field_offset(field...) __builtin_preserve_field_info(___field_of(field), BPF_FIELD_BYTE_OFFSET)
#define bpf_core_type_id_local(type) __builtin_btf_type_id(*(typeof(type) *)0, BPF_TYPE_ID_LOCAL)
#define bpf_core_type_id_kernel(type) __builtin_btf_type_id(*(typeof(type) *)0, BPF_TYPE_ID_TARGET)
#define bpf_core_type_exists(type) __builtin_preserve_type_info(*(typeof(type) *)0, BPF_TYPE_EXISTS)
#define bpf_core_type_matches(type) __builtin_preserve_type_info(*(typeof(type) *)0, BPF_TYPE_MATCHES)
#define bpf_core_type_size(type) __builtin_preserve_type_info(*(typeof(type) *)0, BPF_TYPE_SIZE)
#define bpf_core_enum_value_exists(enum_type, enum_value) \
	__builtin_preserve_enum_value(*(typeof(enum_type) *)enum_value, BPF_ENUMVAL_EXISTS)
#define bpf_core_enum_value(enum_type, enum_value) \
	__builtin_preserve_enum_value(*(typeof(enum_type) *)enum_value, BPF_ENUMVAL_VALUE)
#define bpf_core_cast(ptr, type) ((typeof(type) *)bpf_rdonly_cast((ptr), bpf_core_type_id_kernel(type)))

#define bpf_core_read(dst, sz, src) \
	bpf_probe_read_kernel(dst, sz, (const void *)__builtin_preserve_access_index(src))
#define bpf_core_read_user(dst, sz, src) \
	bpf_probe_read_user(dst, sz, (const void *)__builtin_preserve_access_index(src))
#define bpf_core_read_str(dst, sz, src) \
	bpf_probe_read_kernel_str(dst, sz, (const void *)__builtin_preserve_access_index(src))
#define bpf_core_read_user_str(dst, sz, src) \
	bpf_probe_read_user_str(dst, sz, (const void *)__builtin_preserve_access_index(src))

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
#define ___hop(fn, to, from, m, path) typeof(path) to; fn((void *)&to, sizeof(to), &(from)->m);
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

/* The value at the end of the path; a read that fails gives zero, because the helper clears its destination. */
#define BPF_CORE_READ(src, a, ...) \
	({ typeof(___path(src, a, ##__VA_ARGS__)) ___r; BPF_CORE_READ_INTO(&___r, src, a, ##__VA_ARGS__); ___r; })
#define BPF_CORE_READ_USER(src, a, ...) \
	({ typeof(___path(src, a, ##__VA_ARGS__)) ___r; BPF_CORE_READ_USER_INTO(&___r, src, a, ##__VA_ARGS__); ___r; })
#define BPF_PROBE_READ(src, a, ...) \
	({ typeof(___path(src, a, ##__VA_ARGS__)) ___r; BPF_PROBE_READ_INTO(&___r, src, a, ##__VA_ARGS__); ___r; })
#define BPF_PROBE_READ_USER(src, a, ...) \
	({ typeof(___path(src, a, ##__VA_ARGS__)) ___r; BPF_PROBE_READ_USER_INTO(&___r, src, a, ##__VA_ARGS__); ___r; })

/* Bit-fields: read the bytes that hold it, then shift by relocated distances. */
#define ___bits(s, field, info) __builtin_preserve_field_info((s)->field, BPF_FIELD_##info)
#define ___bits_shift(value, s, field) \
	({ value <<= ___bits(s, field, LSHIFT_U64); \
	   if (___bits(s, field, SIGNED)) \
		value = ((long long)value) >> ___bits(s, field, RSHIFT_U64); \
	   else \
		value = value >> ___bits(s, field, RSHIFT_U64); \
	   value; })
#define BPF_CORE_READ_BITFIELD_PROBED(s, field) \
	({ unsigned long long ___bits_value = 0; \
	   bpf_probe_read_kernel(&___bits_value, ___bits(s, field, BYTE_SIZE), \
				 (const void *)(s) + ___bits(s, field, BYTE_OFFSET)); \
	   ___bits_shift(___bits_value, s, field); })
#define BPF_CORE_READ_BITFIELD(s, field) \
	({ const void *___bits_at = (const void *)(s) + ___bits(s, field, BYTE_OFFSET); \
	   unsigned long long ___bits_value; \
	   asm volatile("" : "+r"(___bits_at)); \
	   switch (___bits(s, field, BYTE_SIZE)) { \
	   case 1: ___bits_value = *(const unsigned char *)___bits_at; break; \
	   case 2: ___bits_value = *(const unsigned short *)___bits_at; break; \
	   case 4: ___bits_value = *(const unsigned int *)___bits_at; break; \
	   default: ___bits_value = *(const unsigned long long *)___bits_at; break; \
	   } \
	   ___bits_shift(___bits_value, s, field); })

#endif
