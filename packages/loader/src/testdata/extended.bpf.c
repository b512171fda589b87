/* A program with a function that others may replace. */
#include "bpf.h"

struct __sk_buff;

char LICENSE[] SEC("license") = "GPL";

__attribute__((noinline)) int answer(int question)
{
    asm volatile("" : "+r"(question));
    return question + 1;
}

SEC("socket")
int asks(struct __sk_buff *skb)
{
    return answer(41);
}
