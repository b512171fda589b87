/* Types, variables and functions of every kind that BTF knows; see src/debug/debug-info.test.ts. */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int (*name)[value]
#define __type(name, value) typeof(value) *name
#define __array(name, value) typeof(value) *name[]
#define TAG(text) __attribute__((btf_decl_tag(text)))
#define POINTER_TAG(text) __attribute__((btf_type_tag(text)))

struct hidden;
struct leaf { int a; short b[2][3]; };
struct key { u32 id; struct leaf *pointed; };
struct value {
  u64 count;
  struct leaf by_value;
  struct hidden *unknown;
  struct value *self;
  union { int i; float f; };
  void (*callback)(struct value *v, const char *name, ...);
  int POINTER_TAG("user") POINTER_TAG("other") *tagged;
  struct leaf POINTER_TAG("rcu") *tagged_struct;
  const volatile u8 *restrict qualified;
  _Bool yes;
};
struct bits { u32 a : 3; int b : 12; u64 c : 40; u64 : 0; enum { ONE = 1, MINUS = -1 } mode : 2; } TAG("whole") ;
enum wide { WIDE_SMALL = 1, WIDE_BIG = 0xfedcba9876ull };
enum wide_signed { WS_LOW = -0x123456789ll, WS_HIGH = 5 };
enum declared;
typedef struct value value_t TAG("typedef tag");
typedef int (*function_t)(value_t *, enum wide);

struct {
  __uint(type, 1);
  __uint(max_entries, 64);
  __type(key, struct key);
  __type(value, value_t);
} table SEC(".maps") TAG("table tag");

struct inner_map {
  __uint(type, 2);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, u64);
} inner SEC(".maps");

struct {
  __uint(type, 12);
  __uint(max_entries, 4);
  __type(key, u32);
  __array(values, struct inner_map);
} outer SEC(".maps") = {.values = {&inner, 0, &inner}};

char _license[] SEC("license") = "GPL";
const volatile u32 setting = 7;
static volatile u64 hits;
u64 total = 5;
int zero_initialised[3];
static struct bits packed_data = {1, 2, 3};
double *unused_by_bpf SEC(".data.custom");
enum wide wide_value;
enum wide_signed signed_value;
struct declared_only *never_defined;
extern const int CONFIG_HZ __attribute__((section(".kconfig")));
extern const void some_symbol __attribute__((section(".ksyms"), weak));
extern int kernel_function(struct leaf *l, int n) __attribute__((section(".ksyms")));
extern int plain_external(u32 n);
__attribute__((weak)) int weak_number = 3;

static __attribute__((noinline)) int local_function(struct value *v TAG("argument tag"), int n, u8 last) {
  return v->by_value.b[n & 1][last % 3] + packed_data.b;
}
__attribute__((noinline)) TAG("function tag") u64 global_function(const struct key *k, function_t call) {
  return k->id + (call != 0);
}
static long callback(u32 at, void *context) { return at == *(u32 *)context; }
static long (*loop)(u32 count, void *call, void *context, u64 flags) = (void *)181;

SEC("kprobe/one") int one(struct value *v) {
  u32 n = setting;
  hits++;
  total += v->count + wide_value + signed_value + (long)never_defined + zero_initialised[v->yes % 3];
  loop(5, callback, &n, 0);
  return local_function(v, n, v->yes) + kernel_function(&v->by_value, n) + plain_external(n);
}
SEC("kprobe/two") int two(void *ctx) {
  struct key k = {.id = CONFIG_HZ + weak_number};
  return global_function(&k, 0) + (&some_symbol != 0) + _license[1];
}
