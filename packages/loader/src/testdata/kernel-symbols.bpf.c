/* Symbols of the kernel: functions (kfuncs), variables, addresses; some of them absent. */
#include "bpf.h"

#define __ksym __attribute__((section(".ksyms")))
#define __kconfig __attribute__((section(".kconfig")))

char LICENSE[] SEC("license") = "GPL";

extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern int bpf_no_such_function(int a) __ksym __weak;
extern const int bpf_prog_active __ksym __weak;
extern const int no_such_variable __ksym __weak;
extern const void bpf_prog_load __ksym __weak;
extern bool LINUX_HAS_SYSCALL_WRAPPER __kconfig;
extern bool LINUX_HAS_BPF_COOKIE __kconfig;
extern int CONFIG_HZ __kconfig;

u64 absent = 99;
u64 address;
u64 wrapper, cookie, hz;
s32 runs = 40;
const volatile u32 step = 2;
static volatile u64 hidden;

SEC("tc")
int use(void *skb)
{
    bpf_rcu_read_lock();
    bpf_rcu_read_unlock();
    absent = 0;
    if (bpf_no_such_function)
        absent |= bpf_no_such_function(1);
    if (&no_such_variable)
        absent |= 2;
    address = (u64)&bpf_prog_load;
    wrapper = LINUX_HAS_SYSCALL_WRAPPER;
    cookie = LINUX_HAS_BPF_COOKIE;
    hz = CONFIG_HZ;
    runs += step;
    hidden++;
    return 0;
}
