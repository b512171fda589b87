/* Accesses of every shape that CO-RE relocates; see src/prepare/core-access.test.ts. */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
#define SEC(name) __attribute__((section(name), used))
#define ADDRESS(x) __builtin_preserve_access_index(&(x))
#define INFO(x, kind) __builtin_preserve_field_info(x, kind)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct inner {
  int first;
  union {
    u32 as_word;
    u8 as_bytes[4];
    struct { short low, high; } halves;
  };
  int grid[3][5];
};
typedef struct inner inner_t;
typedef const volatile inner_t inner_cv;
enum small { SMALL_A, SMALL_B = -7 };
typedef struct { u64 alone; inner_t nested; } unnamed_t;
struct outer {
  u8 flag;
  struct inner one;
  inner_t many[4];
  inner_cv *pointer;
  struct outer *next;
  struct { int x; struct { int y; } deep; } anonymous;
  unnamed_t record;
  enum small kind;
  u32 bit_a : 3;
  int bit_b : 9;
  u64 bit_c : 33;
  char name[16];
  struct outer *table[2];
};
union choice { struct outer *pointer; u64 number; struct inner value; };
#pragma clang attribute pop

enum big { BIG_LOW = 1, BIG_HIGH = 0x123456789ll };
typedef enum { UNNAMED_X = 4, UNNAMED_Y = 9 } unnamed_enum;
struct plain { int a; int b[4]; struct { int c; }; };
struct unknown;

SEC("kprobe/access") u64 access(struct outer *o) {
  u64 n = o->one.first + o->many[2].as_word + o->one.as_bytes[3] + o->one.halves.high;
  n += o->one.grid[1][2] + o->many[3].grid[2][4] + o->anonymous.deep.y + o->record.nested.as_word;
  n += o->next->next->one.first + o->pointer->first + o->table[1]->flag + o[3].flag + (o + 5)->one.as_word;
  n += o->bit_a + o->bit_b + o->bit_c + o->name[7] + o->kind;
  return n;
}
SEC("kprobe/variable") u64 variable(struct outer *o, u32 at) {
  return o->name[at & 15] + o->many[at & 3].first + o->table[at & 1]->flag;
}
SEC("kprobe/stores") void stores(struct outer *o, union choice *c) {
  o->one.first = c->value.first;
  o->name[3] = 4;
  c->number = 9;
  o->next = c->pointer;
}
SEC("kprobe/builtin") const void *builtin(struct plain *p, int at) {
  const void *a = ADDRESS(p->b[2]);
  a = (const char *)a + *(int *)ADDRESS(p->c) + *(int *)ADDRESS(p[4].a);
  return (const char *)a + *(const int *)ADDRESS(p->b[at & 3]);
}
SEC("kprobe/casts") u64 casts(struct outer *o, void *raw) {
  struct inner *i = (struct inner *)o;
  union choice *c = (union choice *)&o->one;
  return i->as_word + c->value.first + ((struct outer *)raw)->kind + ((struct inner *)o->pointer)->first;
}
SEC("kprobe/info") u64 info(struct outer *o, struct plain *p) {
  u64 n = 0;
  n += INFO(o->one.first, 0) + INFO(o->one.first, 1) + INFO(o->one.first, 2) + INFO(o->one.first, 3);
  n += INFO(o->bit_a, 0) + INFO(o->bit_a, 1) + INFO(o->bit_a, 3) + INFO(o->bit_a, 4) + INFO(o->bit_a, 5);
  n += INFO(o->bit_b, 0) + INFO(o->bit_b, 1) + INFO(o->bit_b, 3) + INFO(o->bit_b, 4) + INFO(o->bit_b, 5);
  n += INFO(o->bit_c, 0) + INFO(o->bit_c, 1) + INFO(o->bit_c, 4) + INFO(o->bit_c, 5);
  n += INFO(o->name[3], 0) + INFO(o->name, 1) + INFO(o->kind, 3) + INFO(o->one.grid[1][2], 0);
  n += INFO(o->many[1].halves.low, 3) + INFO(o->record.alone, 4) + INFO(o->table[1], 5) + INFO(p->b[1], 1);
  return n;
}
SEC("kprobe/types") u64 types(void) {
  u64 n = __builtin_preserve_type_info(*(struct outer *)0, 0) + __builtin_preserve_type_info(*(struct outer *)0, 1);
  n += __builtin_preserve_type_info(*(unnamed_t *)0, 1) + __builtin_preserve_type_info(*(struct unknown *)0, 0);
  n += __builtin_preserve_type_info(*(union choice *)0, 2) + __builtin_preserve_type_info(*(inner_t *)0, 2);
  n += __builtin_btf_type_id(*(struct outer *)0, 0) + __builtin_btf_type_id(*(struct outer *)0, 1);
  n += __builtin_btf_type_id(*(const inner_t *)0, 1) + __builtin_btf_type_id(*(int *)0, 0);
  return n;
}
SEC("kprobe/enums") u64 enums(void) {
  u64 n = __builtin_preserve_enum_value(*(typeof(enum small) *)SMALL_A, 0);
  n += __builtin_preserve_enum_value(*(typeof(enum small) *)SMALL_B, 1);
  n += __builtin_preserve_enum_value(*(typeof(enum big) *)BIG_HIGH, 1);
  n += __builtin_preserve_enum_value(*(typeof(unnamed_enum) *)UNNAMED_Y, 1);
  return n + __builtin_preserve_enum_value(*(typeof(unnamed_enum) *)UNNAMED_X, 0);
}
SEC("kprobe/loop") u64 loop(struct outer *o) {
  u64 n = 0;
  for (int i = 0; i < 4 && o; i++, o = o->next) n += o->one.first + o->many[i].grid[i % 3][1];
  return n;
}
