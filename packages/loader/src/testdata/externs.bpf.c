/* Names that the kernel defines: configuration values and symbols, weak ones and others. */
#include "bpf.h"

#define __kconfig SEC(".kconfig")
#define __ksym SEC(".ksyms")

char LICENSE[] SEC("license") = "GPL";

extern int LINUX_KERNEL_VERSION __attribute__((section(".kconfig")));
extern unsigned long CONFIG_HZ __attribute__((section(".kconfig"))) __weak;
extern bool CONFIG_SMP __attribute__((section(".kconfig"))) __weak;
extern char CONFIG_CC_VERSION_TEXT[16] __attribute__((section(".kconfig"))) __weak;
extern const void no_such_symbol __attribute__((section(".ksyms"))) __weak;
#ifdef STRONG
extern int CONFIG_NO_SUCH_THING __attribute__((section(".kconfig")));
extern const void some_kernel_symbol __attribute__((section(".ksyms")));
#endif

volatile u64 sink;

SEC("kprobe")
int version(void *ctx)
{
    sink = CONFIG_HZ;
    sink = CONFIG_SMP;
    sink = CONFIG_CC_VERSION_TEXT[0];
    sink = (u64)&no_such_symbol;
    return LINUX_KERNEL_VERSION;
}

#ifdef STRONG
SEC("kprobe")
int config(void *ctx)
{
    return CONFIG_NO_SUCH_THING;
}

SEC("?kprobe")
int symbol(void *ctx)
{
    return sink = (u64)&some_kernel_symbol;
}
#endif
