/* Maps that are pinned by name or lent, and a program that counts in one of them. */
#include "bpf.h"

char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, 2);
    __uint(max_entries, 2);
    __type(key, u32);
    __type(value, u64);
    __uint(pinning, 1);
} kept SEC(".maps");

struct {
    __uint(type, 1);
    __uint(max_entries, 8);
    __type(key, u32);
    __type(value, u64);
} lent SEC(".maps");

const volatile u32 slot = 1;

SEC("socket")
int count(void *skb)
{
    u32 key = slot;
    u64 *value = bpf_map_lookup_elem(&kept, &key), one = 1;

    if (value)
        *value += 1;
    bpf_map_update_elem(&lent, &key, &one, 0);
    return 0;
}
