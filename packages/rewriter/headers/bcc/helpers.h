/* What every program written for BCC finds without an include (facts: BCC 0.26, helpers.h). */
#ifndef __BCC_HELPERS_H
#define __BCC_HELPERS_H

/* BCC compiles with these off, and programs rely on it. */
#pragma clang diagnostic ignored "-Wunknown-warning-option"
#pragma clang diagnostic ignored "-Wint-conversion"
#pragma clang diagnostic ignored "-Wincompatible-pointer-types"
#pragma clang diagnostic ignored "-Wincompatible-pointer-types-discards-qualifiers"
#pragma clang diagnostic ignored "-Wincompatible-function-pointer-types"
#pragma clang diagnostic ignored "-Wpointer-sign"
#pragma clang diagnostic ignored "-Wunused-value"
#pragma clang diagnostic ignored "-Wunused-variable"
#pragma clang diagnostic ignored "-Wreturn-type"
#pragma clang diagnostic ignored "-Wreturn-mismatch"
#pragma clang diagnostic ignored "-Waddress-of-packed-member"
#pragma clang diagnostic ignored "-Wgnu-variable-sized-type-not-at-end"
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
#pragma clang diagnostic ignored "-Wduplicate-decl-specifier"
#pragma clang diagnostic ignored "-Wmacro-redefined"
#pragma clang diagnostic ignored "-Wincompatible-library-redeclaration"
#pragma clang diagnostic ignored "-Wmissing-declarations"
#pragma clang diagnostic ignored "-Wvisibility"
#pragma clang diagnostic ignored "-Wembedded-directive"
#pragma clang diagnostic ignored "-Wdefault-const-init-var-unsafe"
#pragma clang diagnostic ignored "-Wdefault-const-init-unsafe"
#pragma clang diagnostic ignored "-Wdefault-const-init-field-unsafe"
#pragma clang diagnostic ignored "-Wtautological-compare"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef NULL
#define NULL ((void *)0)
#endif

/* include/linux/string.h: what the compiler turns into instructions where sizes are known. */
void *memcpy(void *to, const void *from, unsigned long size);
void *memmove(void *to, const void *from, unsigned long size);
void *memset(void *to, int byte, unsigned long size);
int memcmp(const void *one, const void *other, unsigned long size);

#define BPF_MAX_STACK_DEPTH 127
#define CUR_CPU_IDENTIFIER BPF_F_CURRENT_CPU
#define PT_REGS_SYSCALL_CTX(ctx) ((struct pt_regs *)PT_REGS_PARM1(ctx))

/* Leaf of BPF_STACK_TRACE. */
struct bpf_stacktrace {
	unsigned long long ip[BPF_MAX_STACK_DEPTH];
};

#define lock_xadd(ptr, val) ((void)__sync_fetch_and_add(ptr, val))

/* The position of the highest set bit; 0 for 0 and 1. */
static __always_inline unsigned int bpf_log2(unsigned int v)
{
	unsigned int high, bits;

	bits = (v > 0xffff) << 4;
	v >>= bits;
	high = (v > 0xff) << 3;
	v >>= high;
	bits |= high;
	high = (v > 0xf) << 2;
	v >>= high;
	bits |= high;
	high = (v > 0x3) << 1;
	v >>= high;
	bits |= high;
	return bits | (v >> 1);
}

/* The histogram slot of a value: one more than the position of its highest set bit. */
static __always_inline unsigned int bpf_log2l(unsigned long v)
{
	unsigned int high = v >> 32;

	/* One copy of the search, for the word that has the highest bit. */
	return bpf_log2(high ? high : (unsigned int)v) + (high ? 33 : 1);
}

/* Sizes of stack trace maps are powers of two. */
#ifndef roundup_pow_of_two
#define roundup_pow_of_two(n) ((n) <= 1 ? 1UL : 1UL << (64 - __builtin_clzl(((n) - 1) | 1)))
#endif

/* Dynamic arrays of tracepoints: data_loc_FIELD holds length << 16 | offset. */
#define TP_DATA_LOC_READ_CONST(dst, field, length) \
	bpf_probe_read_kernel((void *)(dst), length, (char *)args + (args->data_loc_##field & 0xffff))
#define TP_DATA_LOC_READ(dst, field) \
	bpf_probe_read_kernel((void *)(dst), (args->data_loc_##field >> 16) & 0xffff, \
			      (char *)args + (args->data_loc_##field & 0xffff))
#define TP_DATA_LOC_READ_STR(dst, field, length) \
	bpf_probe_read_kernel_str((void *)(dst), length, (char *)args + (args->data_loc_##field & 0xffff))

#endif
