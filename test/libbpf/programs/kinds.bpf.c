// Every kind of BTF, in the shapes that C gives them.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define tagged(name) __attribute__((btf_decl_tag(name)))
#define marked(name) __attribute__((btf_type_tag(name)))

char LICENSE[] SEC("license") = "GPL";

enum small { SMALL_LESS = -1, SMALL_NONE, SMALL_MORE = 0x7fffffff };
enum large { LARGE_ONE = 1, LARGE_MOST = 0xffffffffffffffffull };
enum large_signed { LARGE_LEAST = -0x7fffffffffffffffll, LARGE_ZERO = 0 };
enum { NAMELESS = 7 };
typedef enum { TYPEDEF_A, TYPEDEF_B } typedef_enum;

struct forward;
union forward_union;
typedef int (*callback)(struct forward *, const char *restrict, ...);
typedef float single;
typedef unsigned __int128 wide;
typedef int numbers[2][3] tagged("on-typedef");

struct inner {
	char bytes[0];
	int : 4;
	unsigned int low : 5;
	signed int high : 20;
	bool flag : 1;
	enum small kind : 6;
};

struct everything {
	single half;
	double whole;
	long double longest;
	wide wide;
	enum large large;
	enum large_signed large_signed;
	typedef_enum mode;
	volatile const int *const volatile pointer;
	struct forward *forward;
	union forward_union *forward_union;
	callback call;
	int (*table[4])(int first, void *second);
	numbers grid;
	union {
		struct {
			short left, right;
		};
		int both;
	};
	struct inner inner[2];
	struct everything *next tagged("on-member");
	int marked("first") marked("second") * tags;
	struct inner marked("of-struct") * tagged_struct;
	char flexible[];
} tagged("on-struct");

struct list {
	struct list *next;
	struct tree {
		struct list *children;
		struct tree *parent;
	} tree;
};

extern const int CONFIG_HZ __kconfig;
extern bool CONFIG_SMP __kconfig __weak;
extern char CONFIG_CC_VERSION_TEXT[32] __kconfig __weak;
extern const struct rq runqueues __ksym __weak;
extern void bpfkit_kfunc(struct task_struct *task, int flags) __ksym __weak;

int initialised tagged("on-variable") = 5;
static int local_data = 6;
static volatile int local_bss;
const char constant[] = "constant";
const volatile struct list empty = {};
int own_section SEC(".data.own") = 3;
struct everything *everything;
struct list lists[2];
enum small small = SMALL_MORE;
int __weak weak_variable = 9;
int __hidden hidden_variable = 10;

static __noinline int subprogram(struct list *list tagged("on-parameter"), enum large size)
{
	return list && size == LARGE_MOST ? local_data++ : local_bss;
}

__noinline tagged("on-function") int global(int *value, const struct inner *inner)
{
	if (!value || !inner)
		return CONFIG_HZ + NAMELESS;
	return *value + inner->high;
}

__noinline void nothing(void)
{
	local_bss++;
}

SEC("tc")
int program(struct __sk_buff *skb)
{
	int value = skb->len;

	if (CONFIG_SMP && CONFIG_CC_VERSION_TEXT[0] == 'g' && &runqueues)
		value++;
	nothing();
	if (bpfkit_kfunc)
		bpfkit_kfunc(NULL, value);
	return subprogram(&lists[1], skb->mark) + global(&value, everything ? &everything->inner[1] : NULL) + constant[value & 7] +
	       own_section + weak_variable + hidden_variable + initialised + empty.tree.parent == NULL;
}
