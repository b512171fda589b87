/* Symbols and sections of every kind: linkages, data, externs, struct_ops, kfuncs, callbacks. */
typedef unsigned long long u64; typedef unsigned int u32;
#define SEC(n) __attribute__((section(n), used))
int base = 3; static int hidden_base = 4;
struct pair { int a; long b; } pairs[4] = {{1, 2}};
__attribute__((noinline)) long twice(long a) { return 2 * a; }
__attribute__((weak, noinline)) long weakfn(long a) { return a + 1; }
__attribute__((visibility("hidden"), noinline)) long hiddenfn(long a) { return a + 2; }
__attribute__((weak)) int weakvar = 9; __attribute__((weak)) int weakzero;
const char *names[] = {"one", "two", "one"};
const volatile int tuned = 5; static const long table[4] = {1, 2, 3, 4};
long custom SEC(".data.custom") = 7; const long custom_ro SEC(".rodata.custom") = 8; long zero SEC(".bss.custom");
int in_my SEC("my_section") = 3;
extern const int CONFIG_HZ __attribute__((section(".kconfig"))); extern _Bool CONFIG_X __attribute__((section(".kconfig"), weak));
extern const void bpf_prog_active __attribute__((section(".ksyms"))); extern const void missing __attribute__((section(".ksyms"), weak));
extern long kfunc(long) __attribute__((section(".ksyms"))); extern long weak_kfunc(long) __attribute__((section(".ksyms"), weak));
SEC("struct_ops/first") int ops_first(u64 *ctx) { return twice(ctx[0]); }
SEC("struct_ops/second") int ops_second(u64 *ctx) { return ctx[1]; }
struct ops { int (*first)(u64 *); int (*second)(u64 *); char name[16]; int flags; };
SEC(".struct_ops") struct ops my_ops = { ops_first, ops_second, "mine", 3 }; SEC(".struct_ops.link") struct ops my_link = { .second = ops_second };
SEC("tp/one") int one(void *c) { return twice(1) + weakfn(1) + hiddenfn(1) + weakvar + weakzero + table[base & 3]; }
SEC("tp/two") int two(void *c) { return names[base & 1][0] + tuned + custom + custom_ro + zero + in_my + CONFIG_HZ + CONFIG_X; }
SEC("tp/three") int three(void *c) { long r = kfunc(1); if (weak_kfunc) r += weak_kfunc(2); if (&missing) r += *(u32 *)&missing; return r + *(u32 *)&bpf_prog_active; }
static __attribute__((noinline)) long callback(void *map, u32 *key, void *value, void *data) { return *key; }
static long (*const for_each)(void *, void *, void *, u64) = (void *)164;
struct { int (*type)[1]; u32 *key; long *value; int (*max_entries)[8]; } counts SEC(".maps");
SEC("tp/four") int four(void *c) { return for_each(&counts, callback, (void *)0, 0); }
char lic[] SEC("license") = "GPL"; u32 ver SEC("version") = 0x60100;
