/** System call numbers by architecture (arch/x86/entry/syscalls/syscall_64.tbl, uapi asm-generic/unistd.h). */

/** The calls that this folder makes. */
export type SyscallName =
  | "bpf"
  | "close"
  | "epollCreate"
  | "epollControl"
  | "epollWait"
  | "ioctl"
  | "mmap"
  | "munmap"
  | "perfEventOpen"
  | "prlimit";

/** `epollWait` is epoll_pwait(2): arm64 has no epoll_wait. arm64's column is not tested. */
export const syscallNumbers = {
  x64: {
    bpf: 321,
    close: 3,
    epollCreate: 291,
    epollControl: 233,
    epollWait: 281,
    ioctl: 16,
    mmap: 9,
    munmap: 11,
    perfEventOpen: 298,
    prlimit: 302,
  },
  arm64: {
    bpf: 280,
    close: 57,
    epollCreate: 20,
    epollControl: 21,
    epollWait: 22,
    ioctl: 29,
    mmap: 222,
    munmap: 215,
    perfEventOpen: 241,
    prlimit: 261,
  },
} as const satisfies Record<string, Record<SyscallName, number>>;
