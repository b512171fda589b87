/* Values that take more than a register or an instruction: small structs, 128 bits, rotations, overflow, bit counts. */
typedef unsigned long long u64; typedef unsigned int u32; typedef __int128 s128; typedef unsigned __int128 u128;
struct small { int a; short b; char c; }; struct two { long a, b; }; struct big { long a[6]; };
__attribute__((noinline)) int take_small(struct small s) { return s.a + s.b * 2 + s.c; }
__attribute__((noinline)) long take_two(struct two t, long x) { return t.a - t.b + x; }
int use_small(int a, int b) { return take_small((struct small){a, b, a ^ b}); }
long use_two(long a) { return take_two((struct two){a, 7}, 2); }
long sat(long a, long b) { long r; return __builtin_add_overflow(a, b, &r) ? (a < 0 ? -0x7fffffffffffffffL - 1 : 0x7fffffffffffffffL) : r; }
u32 rot(u32 a, u32 n) { return a << (n & 31) | a >> (-n & 31); }
u64 wide(u64 a, u64 b) { u128 x = (u128)a << 64 | b; x += a; x >>= 3; return (u64)(x >> 64) ^ (u64)x; }
int cmp(u64 a, u64 b) { return (s128)a * 1 < (s128)b ? -1 : a > b; }
int bits(u64 a) { return __builtin_popcountll(a) + __builtin_clzll(a | 1) + __builtin_parityll(a); }
_Bool bools(int a, int b) { return (a > 3) ^ (b == 2); }
