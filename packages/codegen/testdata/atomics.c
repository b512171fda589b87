/* Atomic operations; with NARROW those on 32 bits that old levels lack. */
typedef unsigned long long u64; typedef unsigned int u32;
u64 f1(u64 *p, u64 v) { return __sync_fetch_and_add(p, v) + __sync_fetch_and_sub(p, v) + __sync_fetch_and_or(p, 1) + __sync_fetch_and_and(p, v) + __sync_fetch_and_xor(p, 3); }
u64 f3(u64 *p, u64 v) { return __sync_lock_test_and_set(p, v) + __sync_val_compare_and_swap(p, 1, v) + __sync_bool_compare_and_swap(p + 1, 2, v); }
void f5(u64 *p, u32 *q) { __sync_fetch_and_add(p, 1); __sync_fetch_and_or(p, 2); __sync_fetch_and_add(q, 5); }
u64 f6(u64 *p, u64 e, u64 v) { __atomic_compare_exchange_n(p, &e, v, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED); return e; }
#ifdef NARROW
u32 f2(u32 *p, u32 v) { return __sync_fetch_and_add(p, v) + __sync_fetch_and_sub(p, v) + __sync_fetch_and_or(p, 1) + __sync_fetch_and_and(p, v) + __sync_fetch_and_xor(p, 3); }
u32 f4(u32 *p, u32 v) { return __sync_lock_test_and_set(p, v) + __sync_val_compare_and_swap(p, 1, v) + __sync_bool_compare_and_swap(p + 1, 2, v); }
void f7(u32 *q) { __sync_fetch_and_and(q, 3); __sync_fetch_and_xor(q, 4); }
#endif
