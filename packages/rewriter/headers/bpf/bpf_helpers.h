/* Map definitions, sections, attributes, printing and loops, by the names libbpf 1.x gives them. */
#ifndef __BPF_HELPERS__
#define __BPF_HELPERS__

#include "bpf_helper_defs.h"

/*
 * Programs, maps, variables: the section says what something is for. On a declaration `used` means nothing, and clang
 * would say so.
 */
#define SEC(name) \
	_Pragma("clang diagnostic push") \
	_Pragma("clang diagnostic ignored \"-Wignored-attributes\"") \
	__attribute__((section(name), used)) \
	_Pragma("clang diagnostic pop")
#define __kconfig __attribute__((section(".kconfig")))
#define __ksym __attribute__((section(".ksyms")))

/* Members of map definitions: numbers and types are in the member's type. */
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]
#define __ulong(name, val) enum { ___bpf_concat(__unique_value, __COUNTER__) = val } name
/* As __uint(type, ...), and names the type of the records that a program puts into the map (bpfkit only). */
#define __event_map(map_type, event_type) typeof(event_type) (*type)[map_type]

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#ifndef __weak
#define __weak __attribute__((weak))
#endif
/* A function with its own symbol that the verifier checks with what each caller knows. */
#define __hidden __attribute__((visibility("hidden")))

/* What a pointer in a map value or an argument of a global function holds. */
#define __kptr __attribute__((btf_type_tag("kptr")))
#define __kptr_ref __attribute__((btf_type_tag("kptr_ref"))) /* until libbpf 1.1 */
#define __kptr_untrusted __attribute__((btf_type_tag("kptr_untrusted")))
#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))
#define __uptr __attribute__((btf_type_tag("uptr")))
#define __arg_ctx __attribute__((btf_decl_tag("arg:ctx")))
#define __arg_nonnull __attribute__((btf_decl_tag("arg:nonnull")))
#define __arg_nullable __attribute__((btf_decl_tag("arg:nullable")))
#define __arg_trusted __attribute__((btf_decl_tag("arg:trusted")))
#define __arg_untrusted __attribute__((btf_decl_tag("arg:untrusted")))
#define __arg_arena __attribute__((btf_decl_tag("arg:arena")))

#ifndef likely
#define likely(x) (__builtin_expect(!!(x), 1))
#endif
#ifndef unlikely
#define unlikely(x) (__builtin_expect(!!(x), 0))
#endif

#ifndef NULL
#define NULL ((void *)0)
#endif
#ifndef KERNEL_VERSION
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))
#endif

/* Member offsets that CO-RE can relocate; the compiler's builtin is a plain constant. */
#undef offsetof
#define offsetof(type, member) ((unsigned long)&((type *)0)->member)
#undef container_of
#define container_of(ptr, type, member) \
	({ void *___member = (void *)(ptr); ((type *)(___member - offsetof(type, member))); })

/* The optimiser carries nothing over the first, and knows nothing of the variable behind the second. */
#ifndef barrier
#define barrier() asm volatile("" ::: "memory")
#endif
#ifndef barrier_var
#define barrier_var(var) asm volatile("" : "+r"(var))
#endif
/* A branch that the optimiser has to remove: the code generator has no code for it. */
#ifndef __bpf_unreachable
#define __bpf_unreachable() __builtin_trap()
#endif

enum libbpf_pin_type { LIBBPF_PIN_NONE, LIBBPF_PIN_BY_NAME };
enum libbpf_tristate { TRI_NO = 0, TRI_YES = 1, TRI_MODULE = 2 };

/* Only a weak symbol may be absent: the address of any other is known to be there. */
#define bpf_ksym_exists(sym) \
	({ _Static_assert(!__builtin_constant_p(!!sym), #sym " should be marked as __weak"); !!sym; })

/*
 * A tail call to a slot known when compiling. Map and slot are put into r2 and r3 right before the call on every path, so
 * that the kernel's JIT can turn it into a direct jump (Linux 5.5).
 */
static __always_inline void bpf_tail_call_static(void *ctx, const void *map, const __u32 slot)
{
	if (!__builtin_constant_p(slot))
		__bpf_unreachable();
	asm volatile("r1 = %[context]\n"
		     "r2 = %[map]\n"
		     "r3 = %[slot]\n"
		     "call 12"
		     :
		     : [context] "r"(ctx), [map] "r"(map), [slot] "i"(slot)
		     : "r0", "r1", "r2", "r3", "r4", "r5");
}

/* Macros over lists of up to twelve arguments. */
#ifndef ___bpf_concat
#define ___bpf_concat(a, b) a##b
#endif
#ifndef ___bpf_apply
#define ___bpf_apply(fn, n) ___bpf_concat(fn, n)
#endif
#ifndef ___bpf_nth
#define ___bpf_nth(a, b, c, d, e, f, g, h, i, j, k, l, m, N, ...) N
#endif
#ifndef ___bpf_narg
#define ___bpf_narg(...) ___bpf_nth(_, ##__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#endif

/* to[from], to[from + 1] ... = the arguments. */
#define ___bpf_fill0(to, from, x) do { } while (0)
#define ___bpf_fill1(to, from, x) to[from] = x
#define ___bpf_fill2(to, from, x, rest...) to[from] = x; ___bpf_fill1(to, from + 1, rest)
#define ___bpf_fill3(to, from, x, rest...) to[from] = x; ___bpf_fill2(to, from + 1, rest)
#define ___bpf_fill4(to, from, x, rest...) to[from] = x; ___bpf_fill3(to, from + 1, rest)
#define ___bpf_fill5(to, from, x, rest...) to[from] = x; ___bpf_fill4(to, from + 1, rest)
#define ___bpf_fill6(to, from, x, rest...) to[from] = x; ___bpf_fill5(to, from + 1, rest)
#define ___bpf_fill7(to, from, x, rest...) to[from] = x; ___bpf_fill6(to, from + 1, rest)
#define ___bpf_fill8(to, from, x, rest...) to[from] = x; ___bpf_fill7(to, from + 1, rest)
#define ___bpf_fill9(to, from, x, rest...) to[from] = x; ___bpf_fill8(to, from + 1, rest)
#define ___bpf_fill10(to, from, x, rest...) to[from] = x; ___bpf_fill9(to, from + 1, rest)
#define ___bpf_fill11(to, from, x, rest...) to[from] = x; ___bpf_fill10(to, from + 1, rest)
#define ___bpf_fill12(to, from, x, rest...) to[from] = x; ___bpf_fill11(to, from + 1, rest)
#define ___bpf_fill(to, args...) ___bpf_apply(___bpf_fill, ___bpf_narg(args))(to, 0, args)

/* The format as a string of its own and the arguments as an array `___param` of u64: what printing helpers take. */
#define ___bpf_formatted(fmt, call, args...) \
	({ \
		static const char ___fmt[] = fmt; \
		unsigned long long ___param[___bpf_narg(args)]; \
		_Pragma("clang diagnostic push") \
		_Pragma("clang diagnostic ignored \"-Wint-conversion\"") \
		___bpf_fill(___param, args); \
		_Pragma("clang diagnostic pop") \
		call; \
	})

#define BPF_SEQ_PRINTF(seq, fmt, args...) \
	___bpf_formatted(fmt, bpf_seq_printf(seq, ___fmt, sizeof(___fmt), ___param, sizeof(___param)), ##args)
#define BPF_SNPRINTF(out, out_size, fmt, args...) \
	___bpf_formatted(fmt, bpf_snprintf(out, out_size, ___fmt, ___param, sizeof(___param)), ##args)
#define __bpf_vprintk(fmt, args...) \
	___bpf_formatted(fmt, bpf_trace_vprintk(___fmt, sizeof(___fmt), ___param, sizeof(___param)), ##args)
/* Linux 6.17: bpf_stream_vprintk is a kfunc that the program declares, or its vmlinux.h. */
#define bpf_stream_printk(stream_id, fmt, args...) \
	___bpf_formatted(fmt, bpf_stream_vprintk(stream_id, ___fmt, ___param, sizeof(___param)), ##args)

/* Without global data (before Linux 5.2) the format is put together on the stack. */
#ifdef BPF_NO_GLOBAL_DATA
#define BPF_PRINTK_FMT_MOD
#else
#define BPF_PRINTK_FMT_MOD static const
#endif
#define __bpf_printk(fmt, args...) \
	({ BPF_PRINTK_FMT_MOD char ____fmt[] = fmt; bpf_trace_printk(____fmt, sizeof(____fmt), ##args); })

/* bpf_trace_printk takes three arguments; more need bpf_trace_vprintk (Linux 5.16). */
#define ___bpf_pick_printk(...) \
	___bpf_nth(_, ##__VA_ARGS__, __bpf_vprintk, __bpf_vprintk, __bpf_vprintk, __bpf_vprintk, __bpf_vprintk, \
		   __bpf_vprintk, __bpf_vprintk, __bpf_vprintk, __bpf_vprintk, __bpf_printk, __bpf_printk, \
		   __bpf_printk, __bpf_printk)
#define bpf_printk(fmt, args...) ___bpf_pick_printk(args)(fmt, ##args)

/*
 * Loops over open-coded iterators (Linux 6.4). `cleanup` ends the iterator however the loop is left; naming the
 * destructor once more puts its type into BTF, which clang forgets for cleanup functions.
 */
struct bpf_iter_num;
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __weak __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __weak __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __weak __ksym;

#define ___bpf_iterator(type, args...) \
	struct bpf_iter_##type ___it __attribute__((aligned(8), cleanup(bpf_iter_##type##_destroy))), \
		*___begin __attribute__((unused)) = \
			(bpf_iter_##type##_new(&___it, ##args), (void)bpf_iter_##type##_destroy, (void *)0)

#ifndef bpf_for_each
#define bpf_for_each(type, cur, args...) \
	for (___bpf_iterator(type, ##args); ((cur) = bpf_iter_##type##_next(&___it));)
#endif
#ifndef bpf_for
/* The comparison tells the verifier that i is from start up to, but not, end. */
#define bpf_for(i, start, end) \
	for (___bpf_iterator(num, (start), (end)); ({ \
		     int *___next = bpf_iter_num_next(&___it); \
		     (___next && ((i) = *___next, (i) >= (start) && (i) < (end))); \
	     });)
#endif
#ifndef bpf_repeat
#define bpf_repeat(N) for (___bpf_iterator(num, 0, (N)); bpf_iter_num_next(&___it);)
#endif

#endif
