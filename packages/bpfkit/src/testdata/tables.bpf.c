/* Programs that fill every kind of table, in libbpf's style. */
typedef unsigned int u32;
typedef unsigned long long u64;
#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __tag(text) __attribute__((btf_decl_tag(text)))
static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static long (*bpf_trace_printk)(const char *format, u32 size, ...) = (void *)6;
static u64 (*bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*bpf_get_current_comm)(void *buffer, u32 size) = (void *)16;
static long (*bpf_perf_event_output)(void *ctx, void *map, u64 flags, void *data, u64 size) = (void *)25;
static long (*bpf_get_stackid)(void *ctx, void *map, u64 flags) = (void *)27;
static long (*bpf_ringbuf_output)(void *map, void *data, u64 size, u64 flags) = (void *)130;

char LICENSE[] SEC("license") = "GPL";

struct event {
    u32 pid;
    char comm[16];
};
struct slot_key {
    char comm[16];
    u64 slot;
};

struct {
    __uint(type, 1);
    __uint(max_entries, 4096);
    __type(key, u32);
    __type(value, u64);
} by_pid SEC(".maps");
struct {
    __uint(type, 6);
    __uint(max_entries, 2);
    __type(key, u32);
    __type(value, u64);
} by_cpu SEC(".maps");
struct {
    __uint(type, 2);
    __uint(max_entries, 64);
    __type(key, u32);
    __type(value, u64);
} histogram SEC(".maps") __tag("bpfkit:histogram");
struct {
    __uint(type, 1);
    __uint(max_entries, 64);
    __type(key, struct slot_key);
    __type(value, u64);
} grouped SEC(".maps") __tag("bpfkit:histogram");
struct {
    __uint(type, 4);
    __uint(key_size, 4);
    __uint(value_size, 4);
} events SEC(".maps") __tag("bpfkit:event:struct event");
struct {
    __uint(type, 27);
    __uint(max_entries, 65536);
} ring SEC(".maps") __tag("bpfkit:event:struct event");
struct {
    __uint(type, 7);
    __uint(max_entries, 1024);
    __uint(key_size, 4);
    __uint(value_size, 127 * 8);
} stacks SEC(".maps");

u64 calls;
int last_stack;
struct event *types_in_btf;

static __attribute__((always_inline)) void add(void *map, void *key)
{
    u64 one = 1, *value = bpf_map_lookup_elem(map, key);

    if (value)
        __sync_fetch_and_add(value, 1);
    else
        bpf_map_update_elem(map, key, &one, 0);
}

SEC("ksyscall/execve")
int on_execve(void *ctx)
{
    static const char format[] = "exec %d";
    struct event event = {};
    struct slot_key key = {};
    u32 pid = bpf_get_current_pid_tgid() >> 32, zero = 0, slot = pid % 7;

    event.pid = pid;
    bpf_get_current_comm(event.comm, sizeof(event.comm));
    __builtin_memcpy(key.comm, event.comm, sizeof(key.comm));
    key.slot = slot;
    add(&by_pid, &pid);
    add(&by_cpu, &zero);
    add(&histogram, &slot);
    add(&grouped, &key);
    bpf_perf_event_output(ctx, &events, 0xffffffffULL, &event, sizeof(event));
    bpf_ringbuf_output(&ring, &event, sizeof(event), 0);
    bpf_trace_printk(format, sizeof(format), pid);
    last_stack = bpf_get_stackid(ctx, &stacks, 0);
    calls++;
    return 0;
}

SEC("kprobe")
int by_hand(void *ctx)
{
    calls += 1000;
    return 0;
}
