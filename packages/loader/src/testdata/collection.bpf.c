/* One of everything that an object can say: maps, data, subprograms, callbacks, several programs in a section. */
#include "bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct event {
    u32 pid;
    char comm[16];
    u64 ts;
};

struct {
    __uint(type, 1);
    __uint(max_entries, 128);
    __type(key, u32);
    __type(value, struct event);
    __uint(map_flags, 1);
} table SEC(".maps");

struct inner_map {
    __uint(type, 2);
    __uint(max_entries, 4);
    __type(key, u32);
    __type(value, u64);
} inner_a SEC(".maps"), inner_b SEC(".maps");

struct {
    __uint(type, 12);
    __uint(max_entries, 3);
    __type(key, u32);
    __array(values, struct inner_map);
} outer SEC(".maps") = {.values = {[0] = &inner_a, [2] = &inner_b}};

int tail_target(void *ctx);

struct {
    __uint(type, 3);
    __uint(max_entries, 2);
    __uint(key_size, 4);
    __array(values, int(void *));
} jumps SEC(".maps") = {.values = {[1] = (void *)&tail_target}};

struct {
    __uint(type, 4);
    __uint(key_size, 4);
    __uint(value_size, 4);
} events SEC(".maps") __attribute__((btf_decl_tag("bpfkit:event:struct event")));

struct {
    __uint(type, 27);
    __uint(max_entries, 8192);
} ring SEC(".maps");

const volatile u32 limit = 7;
const volatile char greeting[8] = "hi";
u64 counter;
u32 started = 3;
static s64 hidden_total = -2;

static __noinline u64 add_some(u64 a)
{
    hidden_total += a;
    return a * limit;
}

__noinline u64 global_twice(u64 a)
{
    return add_some(a) + 2 * a;
}

static long callback(u32 i, void *ctx)
{
    counter += i;
    return 0;
}

SEC("tracepoint/syscalls/sys_enter_execve")
int first(void *ctx)
{
    u32 key = limit;
    struct event *e;

    counter += global_twice(key);
    bpf_loop(3, callback, 0, 0);
    e = bpf_map_lookup_elem(&table, &key);
    if (e)
        e->pid = started;
    return 0;
}

SEC("kprobe/do_sys_openat2")
int second(void *ctx)
{
    return add_some(1);
}

SEC("kprobe/do_sys_openat2")
int third(void *ctx)
{
    static const char format[] = "third %d\n";

    bpf_trace_printk(format, sizeof(format), 1);
    bpf_tail_call(ctx, &jumps, 1);
    return 0;
}

SEC("?kprobe")
int tail_target(void *ctx)
{
    return 5;
}
