// One of everything that an object can hold, for comparing `inspect` with LLVM's tools and bpftool.
#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]
typedef unsigned int u32;
typedef unsigned long long u64;

struct value { u64 count; char comm[16]; };
struct { __uint(type, 1); __type(key, u32); __type(value, struct value); __uint(max_entries, 10); __uint(pinning, 1); __uint(map_flags, 1); } pinned SEC(".maps");
struct inner { __uint(type, 2); __type(key, u32); __type(value, u64); __uint(max_entries, 4); } inner_map SEC(".maps");
struct { __uint(type, 12); __uint(max_entries, 2); __type(key, u32); __array(values, struct inner); } outer SEC(".maps") = { .values = { [1] = &inner_map } };
struct { __uint(type, 30); __type(value, u64); __uint(max_entries, 8); __uint(map_extra, 5); } filter SEC(".maps");
struct { __uint(type, 1); __type(key, u32); __type(value, u64); __uint(max_entries, 8); __uint(numa_node, 0); } on_node SEC(".maps");

u64 data_variable = 3;
u32 zeroed[4];
const volatile int constant = 7;
extern int CONFIG_HZ __attribute__((section(".kconfig"))) __attribute__((weak));
extern const void init_task __attribute__((section(".ksyms")));
extern void bpf_rcu_read_lock(void) __attribute__((section(".ksyms"))) __attribute__((weak));

static void *(*lookup)(void *, const void *) = (void *)1;

__attribute__((noinline)) u64 shared(u64 number) { return number * data_variable + constant; }
static __attribute__((noinline)) u64 local(u64 number) { return shared(number) + zeroed[number & 3]; }

SEC("tracepoint/sched/sched_switch") int one(void *ctx)
{
	u32 key = 1;
	struct value *value = lookup(&pinned, &key);
	void *in = lookup(&outer, &key);
	return value ? local(value->count) + (in != 0) : CONFIG_HZ;
}

SEC("kprobe/do_exit") int two(void *ctx)
{
	if (bpf_rcu_read_lock)
		bpf_rcu_read_lock();
	return shared((u64)&init_task);
}

struct task { int pid; } __attribute__((preserve_access_index));
SEC("raw_tp/sched_switch") int three(struct task **ctx) { return ctx[0]->pid; }

struct operations { int (*start)(void *sk); void (*stop)(void *sk); char name[16]; };
SEC("struct_ops/start") int ops_start(void *ctx) { return 0; }
SEC("struct_ops/stop") void ops_stop(void *ctx) {}
SEC(".struct_ops") struct operations my_ops = { .start = (void *)ops_start, .stop = (void *)ops_stop, .name = "mine" };
SEC(".struct_ops.link") struct operations linked_ops = { .stop = (void *)ops_stop, .name = "linked" };

char LICENSE[] SEC("license") = "GPL";
