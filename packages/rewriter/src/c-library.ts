/** Headers of the C library, which BPF programs do not have: what they are included for is elsewhere. */

const general =
  "A BPF program has no C library: its functions are BPF helpers and what the program defines itself.";

/** Header -> where what it declares is. */
const replacements: Readonly<Record<string, string>> = {
  "arpa/inet.h": "Call bpf_ntohs and bpf_htonl, or BCC's ntohs and htonl; they need no header.",
  "ctype.h": "Compare characters by their ranges.",
  "errno.h": "Include <linux/errno.h>.",
  "fcntl.h": "Include <linux/fcntl.h>.",
  "inttypes.h": "Include <stdint.h>; formats are written out, such as %llu.",
  "limits.h": "Include <linux/limits.h>.",
  "net/if.h": "Include <linux/if.h>.",
  "netinet/in.h": "Include <linux/in.h>.",
  "netinet/ip.h": "Include <linux/ip.h>.",
  "netinet/tcp.h": "Include <linux/tcp.h>.",
  "netinet/udp.h": "Include <linux/udp.h>.",
  "signal.h": "Include <linux/signal.h>.",
  "stdio.h": "Print with bpf_trace_printk.",
  "stdlib.h": "Memory is in maps; there is no malloc.",
  "string.h":
    "Copy and compare with __builtin_memcpy, __builtin_memcmp and __builtin_memset, or with helpers.",
  "sys/socket.h": "Include <linux/socket.h>.",
  "sys/types.h": "Leave it out: u32, __u32 and the kernel's types are there.",
  "time.h": "Call bpf_ktime_get_ns.",
  "unistd.h": "Programs make no system calls; helpers such as bpf_get_current_pid_tgid say who runs.",
};

const others = new Set(
  "assert.h complex.h dirent.h err.h fenv.h float.h getopt.h locale.h malloc.h math.h memory.h netdb.h poll.h pthread.h".split(
    " ",
  ),
);

/** What to do in place of including a header of the C library; undefined for other headers. */
export function libraryHeaderAdvice(path: string): string | undefined {
  if (Object.hasOwn(replacements, path)) return `${replacements[path]} ${general}`;
  return others.has(path) || path.startsWith("sys/") ? general : undefined;
}
