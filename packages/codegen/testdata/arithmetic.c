/* Functions of two numbers that need the preparation passes; see src/prepare/prepare.test.ts. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;
typedef unsigned __int128 u128;
typedef __int128 s128;
#define NOINLINE __attribute__((noinline))

static u64 fold(u128 x) { return (u64)(x >> 64) * 31 + (u64)x; }

u64 wide_add(u64 a, u64 b) { return fold(((u128)a << 37 | b) + ((u128)b << 64 | a)); }
u64 wide_sub(u64 a, u64 b) { return fold(((u128)a << 37 | b) - ((u128)b << 64 | a)); }
u64 wide_mul(u64 a, u64 b) { return fold(((u128)a << 51 | b) * ((u128)b << 29 | a)); }
u64 wide_high(u64 a, u64 b) { return ((u128)a * b) >> 64; }
u64 wide_signed_high(s64 a, s64 b) { return ((s128)a * b) >> 64; }
u64 wide_shl(u64 a, u64 b) { return fold(((u128)a << 64 | b) << (b & 127)); }
u64 wide_lshr(u64 a, u64 b) { return fold(((u128)a << 64 | b) >> (a & 127)); }
u64 wide_ashr(u64 a, u64 b) { return fold((u128)((s128)((u128)a << 64 | b) >> (b & 127))); }
u64 wide_ashr_constant(u64 a, u64 b) { return fold((u128)((s128)((u128)a << 64 | b) >> 77)); }
u64 wide_logic(u64 a, u64 b) { u128 x = (u128)a << 64 | b, y = (u128)b << 64 | ~a; return fold((x & y) ^ (x | ~y)); }
u64 wide_compare(u64 a, u64 b) {
  u128 x = (u128)(a & 3) << 64 | b, y = (u128)(b & 3) << 64 | a;
  s128 s = (s128)((u128)(a << 60) << 64 | b), t = (s128)((u128)(b << 60) << 64 | a);
  return (x < y) | (x == y) << 1 | (x >= y) << 2 | (s < t) << 3 | (s > t) << 4 | (s <= t) << 5;
}
u64 wide_memory(u64 a, u64 b) {
  volatile u128 x = (u128)a << 64 | b;
  volatile s128 y = (s32)a;
  return fold(x) ^ fold(y);
}
u64 wide_choose(u64 a, u64 b) {
  u128 x = a;
  for (u32 i = 0; i < (b & 15); i++) x = x * 5 + (a & i ? (u128)b << 64 : i);
  return fold(x);
}
static NOINLINE u64 wide_callee(u128 x, u32 y) { return fold(x) + y; }
u64 wide_argument(u64 a, u64 b) { return wide_callee((u128)a << 64 | b, a); }

u64 overflow_unsigned(u64 a, u64 b) {
  u64 r; u32 s; u64 n = 0;
  n += __builtin_add_overflow(a, b, &r); n = n * 3 + r;
  n += __builtin_sub_overflow(a, b, &r); n = n * 3 + r;
  n += __builtin_mul_overflow(a >> 30, b >> 30, &r); n = n * 3 + r;
  n += __builtin_mul_overflow((u32)a >> 14, (u32)b >> 14, &s); n = n * 3 + s;
  return n;
}
u64 overflow_signed(s64 a, s64 b) {
  s64 r; s32 s; u64 n = 0;
  n += __builtin_add_overflow(a, b, &r); n = n * 3 + r;
  n += __builtin_sub_overflow(a, b, &r); n = n * 3 + r;
  n += __builtin_mul_overflow(a >> 30, b >> 30, &r); n = n * 3 + r;
  n += __builtin_mul_overflow((s32)a >> 14, (s32)b >> 14, &s); n = n * 3 + s;
  n += __builtin_add_overflow((s32)a, (s32)b, &s); n = n * 3 + s;
  return n;
}
u64 saturate(u64 a, u64 b) {
  u64 n = __builtin_elementwise_add_sat(a, b);
  n = n * 3 + __builtin_elementwise_sub_sat(a, b);
  n = n * 3 + __builtin_elementwise_add_sat((s64)a, (s64)b);
  n = n * 3 + __builtin_elementwise_sub_sat((s64)a, (s64)b);
  n = n * 3 + (u32)__builtin_elementwise_sub_sat((s32)a, (s32)b);
  return n;
}
u64 bit_counts(u64 a, u64 b) {
  u64 n = __builtin_popcountll(a) + 100 * __builtin_popcount((u32)b);
  n += 10000 * __builtin_clzll(a | 1) + 1000000 * __builtin_ctzll(b | (1ull << 63));
  n += 100000000ull * __builtin_clz((u32)a | 1) + 10000000000ull * __builtin_ctz((u32)b | (1u << 31));
  n ^= __builtin_bitreverse64(a) + __builtin_bitreverse32(b) + __builtin_bitreverse8(a) + __builtin_bitreverse16(b);
  n += __builtin_popcount((u8)a) + __builtin_popcount((u16)b);
  return n;
}
u64 rotate(u64 a, u64 b) {
  u64 n = __builtin_rotateleft64(a, b) + __builtin_rotateright64(a, b);
  n += __builtin_rotateleft32(a, b) ^ __builtin_rotateright32(b, a);
  n += __builtin_rotateleft16(a, b) * __builtin_rotateright8(b, a);
  n ^= (a << 13) | (b >> 51);
  n ^= (a << (b & 63)) | (a >> (-b & 63));
  return n;
}
u64 extremes(s64 a, s64 b) {
  u64 n = a < b ? a : b;
  n = n * 3 + ((u64)a > (u64)b ? a : b) + __builtin_elementwise_abs(a);
  n = n * 3 + __builtin_elementwise_min((s32)a, (s32)b) + __builtin_elementwise_max((u8)a, (u8)b);
  return n * 3 + __builtin_elementwise_min((short)a, (short)b) + __builtin_elementwise_abs((s32)b);
}

u64 dense_switch(u64 a, u64 b) {
  switch (a & 31) {
  case 0: return b;
  case 1: return b * 3;
  case 2: case 3: case 4: return b ^ 7;
  case 9: b += 4;
  case 10: return b - 1;
  case 20: return a;
  case 25: case 26: return a * b;
  case 31: return 5;
  default: return b + 99;
  }
}
u64 sparse_switch(u64 a, u64 b) {
  int k = (int)(a % 5) * -1000000 + (int)(b % 4);
  switch (k) {
  case 0: return 1;
  case -1000000: return 2;
  case -999999: return a + 3;
  case -999998: return 4;
  case -2000000 ... -1999998: return b;
  case -4000000: return 6;
  case 3: return 7;
  }
  return 8;
}
u64 byte_switch(u64 a, u64 b) {
  switch ((signed char)a) {
  case -128: return 1;
  case -1: return b;
  case 0 ... 50: return 3;
  case 51: return b + 1;
  case 90 ... 127: return 5;
  }
  return 6;
}
u64 certain_switch(u64 a, u64 b) {
  switch (a & 3) {
  case 0: return b * 7;
  case 1: return b + 1;
  case 2: return ~b;
  case 3: return b >> 3;
  }
  __builtin_unreachable();
}

struct pair { u64 x; u32 y; u8 z; };
struct tiny { u16 x; u8 y; };
static NOINLINE u64 take_pair(struct pair p, u64 k) { return p.x * k + p.y + p.z; }
static NOINLINE u64 take_tiny(struct tiny t) { return t.x * 7 + t.y; }
static NOINLINE struct pair make_pair(u64 a, u64 b) { struct pair p = {a + b, b, a}; return p; }
static NOINLINE struct tiny make_tiny(u64 a) { struct tiny t = {a, a >> 3}; return t; }
u64 structs(u64 a, u64 b) {
  struct pair p = {a, b, a >> 8}, q = a & 1 ? p : make_pair(a, b);
  struct tiny t = make_tiny(b);
  return take_pair(p, b) ^ take_pair(q, a) ^ take_tiny(t);
}
struct large { u64 part[5]; };
static NOINLINE u64 take_large(struct large l, u64 k) {
  for (int i = 0; i < 5; i++) l.part[i] += k * i;
  return l.part[0] ^ l.part[1] * 3 ^ l.part[4];
}
u64 by_value(u64 a, u64 b) {
  struct large l = {{a, b, a + b, a - b, 5}};
  u64 first = take_large(l, b);
  return first * 7 + l.part[1] + take_large(l, a);
}
struct bits { u32 a : 3; u32 b : 17; int c : 12; u64 d : 41; s64 e : 23; };
u64 bit_fields(u64 a, u64 b) {
  volatile struct bits s = {0};
  s.a = a; s.b = b; s.c = a >> 5; s.d = b * a; s.e = b ^ a;
  return s.a + s.b * 3 + (u64)s.c * 5 + s.d * 7 + (u64)s.e * 11;
}
u64 ranges(u64 a, u64 b) {
  u64 n = 0;
  u8 c = a;
  if (c >= '0' && c <= '9') n += 1;
  if (c < 'a' || c > 'z') n += 2;
  if ((u32)b >= 1000 && (u32)b < 5000) n += 4;
  if ((s32)a > -7 && (s32)a < 9) n += 8;
  return n;
}
int memcmp(const void *, const void *, unsigned long);
u64 memory(u64 a, u64 b) {
  volatile u64 store[4] = {a, b, a & 0xff, b};
  char x[24], y[24];
  for (int i = 0; i < 24; i++) { x[i] = store[0] >> (i & 7); y[i] = store[i & 3] >> (i & 7); }
  asm volatile("" : : "r"(x), "r"(y) : "memory");
  int order = memcmp(x, y, 11);
  return (memcmp(x, y, 24) == 0) + 2 * (memcmp(x + 1, y + 1, 7) != 0) + 4 * (order < 0) + 8 * (order > 0);
}
