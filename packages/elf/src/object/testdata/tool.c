/* A small tool with everything that objects hold: maps, globals, sub-programs, CO-RE, strings. */
#define SEC(name) __attribute__((section(name), used))
typedef unsigned int u32;
typedef unsigned long long u64;

static void *(*map_lookup)(void *, const void *) = (void *)1;
static long (*trace_printk)(const char *, u32, ...) = (void *)6;

struct task {
  int pid, tgid;
  struct {
    int low : 3;
    int high : 5;
  };
} __attribute__((preserve_access_index));

struct {
  int (*type)[1];
  int (*max_entries)[16];
  u32 *key;
  u64 *value;
} counts SEC(".maps");

u64 counter;
int data = 7;
const volatile int limit = 3;
char _license[] SEC("license") = "GPL";

static __attribute__((noinline)) int sub(int x, u64 *p) {
  __sync_fetch_and_add(p, x);
  return x * 3 + limit;
}

SEC("kprobe/do_exit") int on_exit(struct task *task) {
  u32 key = task->pid;
  u64 *value = map_lookup(&counts, &key);
  if (value) __sync_fetch_and_add(value, 1);
  counter += sub(key, &counter);
  trace_printk("pid %d", 7, key);
  return data;
}

__attribute__((weak)) SEC("tracepoint/sched/sched_switch") int on_switch(void *ctx) {
  return sub(limit, &counter);
}
