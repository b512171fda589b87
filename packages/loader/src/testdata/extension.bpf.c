/* Another answer for the program in extended.bpf.c, and one to a question that it does not ask. */
#include "bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("freplace/answer")
int other_answer(int question)
{
    return question + 2;
}

SEC("?freplace/no_such_function")
int no_answer(int question)
{
    return 0;
}

SEC("?freplace")
int no_question(int question)
{
    return 0;
}
