/** System calls by name and number. */

/** Numbers of the system calls that workloads make (kernel arch/x86/entry/syscalls/syscall_64.tbl). */
export const SystemCallNumber = {
  read: 0,
  write: 1,
  open: 2,
  close: 3,
  lseek: 8,
  mmap: 9,
  ioctl: 16,
  pread64: 17,
  pwrite64: 18,
  getpid: 39,
  socket: 41,
  connect: 42,
  sendto: 44,
  recvfrom: 45,
  clone: 56,
  execve: 59,
  wait4: 61,
  kill: 62,
  fsync: 74,
  creat: 85,
  futex: 202,
  getdents64: 217,
  clock_nanosleep: 230,
  exit_group: 231,
  epoll_wait: 232,
  openat: 257,
  newfstatat: 262,
  accept4: 288,
  openat2: 437,
} as const;

/** A system call of {@link SystemCallNumber}. */
export type SystemCallName = keyof typeof SystemCallNumber;
