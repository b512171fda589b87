/** Names that programs use and that no program can have: what each is called in BPF, in BCC or in later kernels. */

/** Name -> what to write instead. Versions: git history of the header that declared it. */
const advice: Readonly<Record<string, string>> = {
  current: "Write (struct task_struct *)bpf_get_current_task().",
  jiffies: "Call bpf_jiffies64().",
  smp_processor_id: "Call bpf_get_smp_processor_id().",
  ktime_get_ns: "Call bpf_ktime_get_ns().",
  get_random_u32: "Call bpf_get_prandom_u32().",
  printk: "Call bpf_trace_printk.",
  pr_info: "Call bpf_trace_printk.",
  printf: "Call bpf_trace_printk.",
  strcmp: "Compare in a loop, or with bpf_strncmp (Linux 5.17).",
  strncmp: "Compare in a loop, or with bpf_strncmp (Linux 5.17).",
  strlen: "bpf_probe_read_kernel_str returns the length; or count in a loop.",
  strcpy: "Copy with bpf_probe_read_kernel_str, or __builtin_memcpy.",
  strncpy: "Copy with bpf_probe_read_kernel_str, or __builtin_memcpy.",
  strcat: "Build the text up in user space.",
  strstr: "Search in user space: loops over loops pass few verifiers.",
  snprintf: "Call bpf_snprintf (Linux 5.13), or format in user space.",
  sprintf: "Call bpf_snprintf (Linux 5.13), or format in user space.",
  fprintf: "Call bpf_trace_printk.",
  puts: "Call bpf_trace_printk.",
  malloc: "Memory is in maps: look a value up in a per-CPU array.",
  calloc: "Memory is in maps: look a value up in a per-CPU array.",
  kmalloc: "Memory is in maps: look a value up in a per-CPU array.",
  free: "Memory is in maps: delete the entry.",
  getpid: "Call bpf_get_current_pid_tgid() >> 32.",
  gettid: "Call (u32)bpf_get_current_pid_tgid().",
  getuid: "Call (u32)bpf_get_current_uid_gid().",
  time: "Call bpf_ktime_get_ns(); the time of day is known to user space.",
  sleep: "Programs cannot wait.",
  usleep: "Programs cannot wait.",
  exit: "Return from the program.",
  copy_from_user: "Call bpf_probe_read_user, or in sleepable programs bpf_copy_from_user.",
  BPF_LRU_HASH: 'BCC has no such macro: write BPF_TABLE("lru_hash", key, value, name, entries).',
  BPF_LRU_PERCPU_HASH:
    'BCC has no such macro: write BPF_TABLE("lru_percpu_hash", key, value, name, entries).',
  REQ_WRITE: "Linux 4.8 made it REQ_OP_WRITE: compare it with (cmd_flags & REQ_OP_MASK).",
  REQ_OP_SHIFT: "Linux 4.10 removed it: the operation is (cmd_flags & REQ_OP_MASK).",
  REQ_TYPE_FS: "Linux 4.11 removed it: the operation is (cmd_flags & REQ_OP_MASK).",
  PF_FSTRANS: "Linux 4.13 made it PF_MEMALLOC_NOFS.",
  getnstimeofday: "Call bpf_ktime_get_ns(); the time of day is known to user space.",
  do_gettimeofday: "Call bpf_ktime_get_ns(); the time of day is known to user space.",
  bdevname: "Linux 6.0 removed it: read disk->disk_name with bpf_probe_read_kernel_str.",
  PDE_DATA: "Linux 5.17 made it pde_data.",
};

/** What to write instead of a name, or undefined where nothing is known of it. */
export function adviceFor(name: string): string | undefined {
  return Object.hasOwn(advice, name) ? advice[name] : undefined;
}
