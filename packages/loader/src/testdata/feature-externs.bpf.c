// The names that libbpf's bpf_tracing.h and usdt.bpf.h declare.
extern _Bool LINUX_HAS_SYSCALL_WRAPPER __attribute__((section(".kconfig")));
extern const _Bool LINUX_HAS_BPF_COOKIE __attribute__((section(".kconfig")));

__attribute__((section("kprobe/x"))) int features(void *ctx)
{
	return LINUX_HAS_SYSCALL_WRAPPER + 2 * LINUX_HAS_BPF_COOKIE;
}
