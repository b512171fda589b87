/* Makes clang use as many instruction forms as it can, at every -mcpu level. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

static void *(*map_lookup)(void *, const void *) = (void *)1;
static u64 (*ktime)(void) = (void *)5;
static long (*loop)(u32, void *, void *, u64) = (void *)181;

struct {
  int (*type)[1];
  int (*max_entries)[64];
  u32 *key;
  u64 *value;
} counts __attribute__((section(".maps"), used));
u64 total;
volatile const u32 limit = 7;
char license_text[] __attribute__((section("license"), used)) = "GPL";

__attribute__((noinline)) u64 arithmetic(u64 a, u64 b) {
  u64 x = a + b;
  x = x * 3 - (b << 5);
  x ^= a >> 7;
  x |= (u64)((s64)b >> 3);
  x &= 0x00ff00ff00ff00ffULL;
  x /= (b | 1);
  x %= 1000003;
  x += (u64)-(s64)a;
  return x;
}

__attribute__((noinline)) u32 arithmetic32(u32 a, u32 b) {
  u32 x = a * b + 17;
  x ^= (a << 3) | (b >> 9);
  x -= (u32)((s32)a >> 4);
  x /= (b | 1);
  x %= 977;
  return x & 0xfff0;
}

#if __BPF_CPU_VERSION__ >= 4
__attribute__((noinline)) s64 signed_division(s64 a, s64 b, s32 c, s32 d) {
  return a / b + a % b + c / d + c % d + a / 7 + c % 9;
}
#endif

__attribute__((noinline)) s64 extension(void *p) {
  volatile s8 *bytes = p;
  volatile s16 *halves = p;
  volatile s32 *words = p;
  s64 x = bytes[1] + halves[2] + words[3];
  return x + (s8)x + (s16)(x >> 8) + (s32)(x << 3);
}

__attribute__((noinline)) u64 swaps(u64 a, u32 b, u16 c) {
  return __builtin_bswap64(a) + __builtin_bswap32(b) + __builtin_bswap16(c);
}

__attribute__((noinline)) u64 memory(void *p, u64 v) {
  *(volatile u8 *)p = v;
  *(volatile u16 *)(p + 2) = v;
  *(volatile u32 *)(p + 4) = v;
  *(volatile u64 *)(p + 8) = v;
  *(volatile u8 *)(p + 16) = 1;
  *(volatile u16 *)(p + 18) = 2;
  *(volatile u32 *)(p + 20) = 3;
  *(volatile u64 *)(p + 24) = -4;
  return *(volatile u8 *)(p + 32) + *(volatile u16 *)(p + 34) + *(volatile u32 *)(p - 4) + *(volatile u64 *)(p - 8);
}

__attribute__((noinline)) u64 atomics(u64 *p, u32 *q, u64 v) {
  __sync_fetch_and_add(p, v);
#if __BPF_CPU_VERSION__ >= 3
  u64 x = __sync_fetch_and_add(p + 1, v);
  x += __sync_fetch_and_or(p + 2, v);
  x += __sync_fetch_and_and(p + 3, v);
  x += __sync_fetch_and_xor(p + 4, v);
  x += __sync_lock_test_and_set(p + 5, v);
  x += __sync_val_compare_and_swap(p + 6, x, v);
  x += __sync_fetch_and_add(q, v);
  x += __sync_val_compare_and_swap(q + 1, x, v);
  x += __sync_lock_test_and_set(q + 2, v);
  __sync_fetch_and_and(q + 3, v);
  __sync_fetch_and_xor(p + 7, v);
  return x;
#else
  return 0;
#endif
}

__attribute__((noinline)) int jumps(s64 a, s64 b, s32 c, u32 d, volatile int *out) {
  if (a == b) *out = 1;
  if ((u64)a > (u64)b) *out = 2;
  if ((u64)a >= 100) *out = 3;
  if (a > b) *out = 4;
  if (a <= -5) *out = 5;
  if (a < 1000) *out = 6;
  if (c > (s32)d) *out = 7;
  if (d <= 77) *out = 8;
  if (c != 9) *out = 9;
  if (a & 0x40) *out = 10;
  if ((u64)b < (u64)a) *out = 11;
  if (c >= -3) *out = 12;
  return 0;
}

static long step(u32 index, void *data) {
  *(u64 *)data += index;
  return 0;
}

__attribute__((section("socket"), used)) int entry(void *skb) {
  u32 key = limit;
  u64 sum = ktime() + 0x123456789abcdefULL;
  u64 *value = map_lookup(&counts, &key);
  if (value) __sync_fetch_and_add(value, 1);
  loop(10, step, &sum, 0);
  total += arithmetic(sum, key) + arithmetic32(key, 3) + swaps(sum, key, key);
  u64 block[8] = {sum};
  total += memory(block + 2, sum) + extension(block) + atomics(block, (u32 *)block, sum);
  int out = 0;
  jumps(sum, total, key, key, &out);
  return out;
}
