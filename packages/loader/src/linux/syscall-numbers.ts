/** System call numbers by architecture (arch/x86/entry/syscalls/syscall_64.tbl, uapi asm-generic/unistd.h). */

/** The calls that this folder makes. */
export type SyscallName =
  | "bind"
  | "bpf"
  | "close"
  | "epollCreate"
  | "epollControl"
  | "epollWait"
  | "ioctl"
  | "mmap"
  | "munmap"
  | "perfEventOpen"
  | "prlimit"
  | "read"
  | "recvfrom"
  | "sendto"
  | "setsockopt"
  | "socket";

/** `epollWait` is epoll_pwait(2): arm64 has no epoll_wait. arm64's column is not tested. */
export const syscallNumbers = {
  x64: {
    bind: 49,
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
    read: 0,
    recvfrom: 45,
    sendto: 44,
    setsockopt: 54,
    socket: 41,
  },
  arm64: {
    bind: 200,
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
    read: 63,
    recvfrom: 207,
    sendto: 206,
    setsockopt: 208,
    socket: 198,
  },
} as const satisfies Record<string, Record<SyscallName, number>>;
