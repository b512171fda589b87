/* Every kind of CO-RE relocation against types that every kernel has. Local types differ from the kernel's on purpose. */
#include "bpf.h"

char LICENSE[] SEC("license") = "GPL";

struct list_head {
    struct list_head *next, *prev;
} __core;

struct mm_struct {
    u64 start_code;
} __core;

/* Members in another order than the kernel's, a few only. */
struct task_struct {
    u32 flags;
    int pid;
    int tgid;
    struct task_struct *real_parent;
    struct list_head children;
    char comm[16];
    unsigned in_execve : 1;
    unsigned sched_reset_on_fork : 1;
    struct mm_struct *mm;
    int exit_code;
    u64 start_time;
} __core;

/* The same type under a flavour, with a member that no kernel has. */
struct task_struct___odd {
    int pid;
    long no_such_member;
} __core;

struct no_such_struct {
    int member;
} __core;

/* Wider and narrower than the kernel's members: unsigned ones may change their width. */
struct list_head___narrow {
    void *next;
} __core;
struct kernel_cpustat___wide {
    u64 cpustat[4];
} __core;
struct qstr {
    union {
        struct {
            u32 hash;
            u32 len;
        };
        u64 hash_len;
    };
    const u8 *name;
} __core;
struct qstr___wide {
    u64 len;
} __core;
struct task_struct___signed {
    long exit_code;
} __core;

enum pid_type {
    PIDTYPE_PID,
    PIDTYPE_SID = 17,
    PIDTYPE_MISSING,
};

typedef struct {
    int counter;
} atomic_t;
typedef struct {
    u32 val;
} __core kuid_t;

#define FIELD(p, f) __builtin_preserve_access_index(&(p)->f)
#define INFO(f, kind) __builtin_preserve_field_info(f, kind)

volatile u64 sink;

SEC("kprobe")
int offsets(void *ctx)
{
    struct task_struct *task = (void *)bpf_get_current_task();
    struct task_struct *parent;
    struct list_head *entry;
    u64 out = 0;

    bpf_probe_read_kernel(&parent, sizeof(parent), FIELD(task, real_parent));
    bpf_probe_read_kernel(&out, 4, FIELD(parent, pid));
    sink = out;
    bpf_probe_read_kernel(&out, 1, FIELD(task, comm[3]));
    sink = out;
    bpf_probe_read_kernel(&entry, sizeof(entry), FIELD(task, children.next));
    sink = (u64)entry;
    kuid_t *uid = (void *)task;
    bpf_probe_read_kernel(&out, 4, FIELD(uid, val));
    sink = out;
    bpf_probe_read_kernel(&out, 8, FIELD(&task[2], start_time));
    return sink = out;
}

SEC("kprobe")
int facts(void *ctx)
{
    struct task_struct *task = (void *)bpf_get_current_task();
    struct task_struct___odd *odd = (void *)task;
    struct no_such_struct *none = (void *)task;

    sink = INFO(task->comm, 1); /* size */
    sink = INFO(task->pid, 2);  /* exists */
    sink = INFO(odd->no_such_member, 2);
    sink = INFO(none->member, 2);
    sink = INFO(task->pid, 3); /* signed */
    sink = INFO(task->flags, 3);
    sink = INFO(task->in_execve, 0);
    sink = INFO(task->in_execve, 1);
    sink = INFO(task->in_execve, 4);
    sink = INFO(task->in_execve, 5);
    sink = INFO(task->sched_reset_on_fork, 4);
    return 0;
}

SEC("kprobe")
int types(void *ctx)
{
    sink = __builtin_preserve_type_info(*(struct task_struct *)0, 0); /* exists */
    sink = __builtin_preserve_type_info(*(struct no_such_struct *)0, 0);
    sink = __builtin_preserve_type_info(*(struct task_struct *)0, 1); /* size */
    sink = __builtin_preserve_type_info(*(struct no_such_struct *)0, 1);
    sink = __builtin_preserve_type_info(*(atomic_t *)0, 0);
    sink = __builtin_preserve_type_info(*(struct list_head *)0, 2); /* matches */
    sink = __builtin_preserve_type_info(*(struct mm_struct *)0, 2);
    sink = __builtin_preserve_type_info(*(struct task_struct *)0, 2);
    sink = __builtin_btf_type_id(*(struct task_struct *)0, 1); /* in the kernel */
    sink = __builtin_preserve_enum_value(*(enum pid_type *)PIDTYPE_SID, 0);
    sink = __builtin_preserve_enum_value(*(enum pid_type *)PIDTYPE_SID, 1);
    sink = __builtin_preserve_enum_value(*(enum pid_type *)PIDTYPE_MISSING, 0);
    return 0;
}

SEC("tp_btf/sched_switch")
int loads(u64 *ctx)
{
    struct task_struct *task = (void *)ctx[1];
    struct task_struct___signed *shape = (void *)task;
    struct qstr___wide *name = (void *)ctx[2];

    sink = task->pid;
    sink = task->flags;
    sink = task->real_parent->tgid;
    sink = (u64)task->children.next;
    sink = task->comm[0];
    sink = name->len;
    if (INFO(shape->exit_code, 1) == 8)
        sink = shape->exit_code;
    return 0;
}

SEC("kprobe")
int poisoned(void *ctx)
{
    struct task_struct___odd *odd = (void *)bpf_get_current_task();
    u64 out = 0;

    bpf_probe_read_kernel(&out, 8, FIELD(odd, no_such_member));
    return sink = out;
}
