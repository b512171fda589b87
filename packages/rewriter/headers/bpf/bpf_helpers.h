/* Map definitions, sections and helper declarations, by the names libbpf gives them. */
#ifndef __BPF_HELPERS__
#define __BPF_HELPERS__

#include "bpf_helper_defs.h"

#define SEC(name) __attribute__((section(name), used))

#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]
#define __ulong(name, val) enum { ___bpf_concat(__ulong_of_line, __COUNTER__) = val } name

#ifndef ___bpf_concat
#define ___bpf_concat(a, b) a##b
#endif

/* As __uint(type, ...), and names the type of the records that a program puts into the map. */
#define __event_map(map_type, event_type) typeof(event_type) (*type)[map_type]

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#ifndef __weak
#define __weak __attribute__((weak))
#endif
#ifndef __hidden
#define __hidden __attribute__((visibility("hidden")))
#endif
#ifndef __kconfig
#define __kconfig __attribute__((section(".kconfig")))
#endif
#ifndef __ksym
#define __ksym __attribute__((section(".ksyms")))
#endif
#ifndef __kptr
#define __kptr __attribute__((btf_type_tag("kptr")))
#endif
#ifndef __kptr_untrusted
#define __kptr_untrusted __attribute__((btf_type_tag("kptr_untrusted")))
#endif
#ifndef __percpu_kptr
#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))
#endif
#define __arg_ctx __attribute__((btf_decl_tag("arg:ctx")))
#define __arg_nonnull __attribute__((btf_decl_tag("arg:nonnull")))
#define __arg_nullable __attribute__((btf_decl_tag("arg:nullable")))
#define __arg_trusted __attribute__((btf_decl_tag("arg:trusted")))
#define __arg_arena __attribute__((btf_decl_tag("arg:arena")))

#ifndef NULL
#define NULL ((void *)0)
#endif

/* Member offsets that CO-RE can relocate; the compiler's builtin is a plain constant. */
#undef offsetof
#define offsetof(TYPE, MEMBER) ((unsigned long)&((TYPE *)0)->MEMBER)
#undef container_of
#define container_of(ptr, type, member) \
	({ void *___member = (void *)(ptr); ((type *)(___member - offsetof(type, member))); })

#ifndef barrier
#define barrier() asm volatile("" ::: "memory")
#endif
#ifndef barrier_var
#define barrier_var(var) asm volatile("" : "+r"(var))
#endif

#ifndef __bpf_unreachable
#define __bpf_unreachable() __builtin_trap()
#endif

#ifndef KERNEL_VERSION
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))
#endif

enum libbpf_pin_type { LIBBPF_PIN_NONE, LIBBPF_PIN_BY_NAME };
enum libbpf_tristate { TRI_NO = 0, TRI_YES = 1, TRI_MODULE = 2 };

#define bpf_ksym_exists(sym) ({ !!(void *)(sym); })

/* Formats with up to three arguments fit bpf_trace_printk; more need bpf_trace_vprintk (Linux 5.16). */
#ifdef BPF_NO_GLOBAL_DATA
#define BPF_PRINTK_FMT_MOD
#else
#define BPF_PRINTK_FMT_MOD static const
#endif

#define ___printk_few(fmt, args...) \
	({ BPF_PRINTK_FMT_MOD char ____fmt[] = fmt; bpf_trace_printk(____fmt, sizeof(____fmt), ##args); })
#define ___printk_many(fmt, args...) \
	({ static const char ____fmt[] = fmt; unsigned long long ____args[] = { ___bpf_u64_list(args) }; \
	   bpf_trace_vprintk(____fmt, sizeof(____fmt), ____args, sizeof(____args)); })

#define ___bpf_pick13(a, b, c, d, e, f, g, h, i, j, k, l, m, N, ...) N
#define ___bpf_count(...) \
	___bpf_pick13(_, ##__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define ___bpf_paste(a, b) a##b
#define ___bpf_apply(name, n) ___bpf_paste(name, n)

#define ___bpf_u64_1(x) (unsigned long long)(x)
#define ___bpf_u64_2(x, r...) ___bpf_u64_1(x), ___bpf_u64_1(r)
#define ___bpf_u64_3(x, r...) ___bpf_u64_1(x), ___bpf_u64_2(r)
#define ___bpf_u64_4(x, r...) ___bpf_u64_1(x), ___bpf_u64_3(r)
#define ___bpf_u64_5(x, r...) ___bpf_u64_1(x), ___bpf_u64_4(r)
#define ___bpf_u64_6(x, r...) ___bpf_u64_1(x), ___bpf_u64_5(r)
#define ___bpf_u64_7(x, r...) ___bpf_u64_1(x), ___bpf_u64_6(r)
#define ___bpf_u64_8(x, r...) ___bpf_u64_1(x), ___bpf_u64_7(r)
#define ___bpf_u64_9(x, r...) ___bpf_u64_1(x), ___bpf_u64_8(r)
#define ___bpf_u64_10(x, r...) ___bpf_u64_1(x), ___bpf_u64_9(r)
#define ___bpf_u64_11(x, r...) ___bpf_u64_1(x), ___bpf_u64_10(r)
#define ___bpf_u64_12(x, r...) ___bpf_u64_1(x), ___bpf_u64_11(r)
#define ___bpf_u64_0()
#define ___bpf_u64_list(args...) ___bpf_apply(___bpf_u64_, ___bpf_count(args))(args)

#define ___bpf_printer_0 ___printk_few
#define ___bpf_printer_1 ___printk_few
#define ___bpf_printer_2 ___printk_few
#define ___bpf_printer_3 ___printk_few
#define ___bpf_printer_4 ___printk_many
#define ___bpf_printer_5 ___printk_many
#define ___bpf_printer_6 ___printk_many
#define ___bpf_printer_7 ___printk_many
#define ___bpf_printer_8 ___printk_many
#define ___bpf_printer_9 ___printk_many
#define ___bpf_printer_10 ___printk_many
#define ___bpf_printer_11 ___printk_many
#define ___bpf_printer_12 ___printk_many
#define bpf_printk(fmt, args...) ___bpf_apply(___bpf_printer_, ___bpf_count(args))(fmt, ##args)

#define BPF_SEQ_PRINTF(seq, fmt, args...) \
	({ static const char ____fmt[] = fmt; unsigned long long ____args[] = { ___bpf_u64_list(args) }; \
	   bpf_seq_printf(seq, ____fmt, sizeof(____fmt), ____args, sizeof(____args)); })
#define BPF_SNPRINTF(out, out_size, fmt, args...) \
	({ static const char ____fmt[] = fmt; unsigned long long ____args[] = { ___bpf_u64_list(args) }; \
	   bpf_snprintf(out, out_size, ____fmt, ____args, sizeof(____args)); })

#endif
