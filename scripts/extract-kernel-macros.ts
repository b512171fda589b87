/**
 * Records what BTF does not carry of a kernel, from Debian's header packages:
 *
 *   npx tsx scripts/extract-kernel-macros.ts COMMON FLAVOUR VMLINUX_H
 *
 * COMMON and FLAVOUR are the unpacked folders usr/src/linux-headers-6.1.0-56-{common,cloud-amd64} of the packages
 * linux-headers-6.1.0-56-{common,cloud-amd64} 6.1.192-2; VMLINUX_H is that kernel's BTF as C (bpftool btf dump format c).
 * Needs clang-19. Writes packages/rewriter/data/kernel-{constants,configs,header-paths}.txt: names and numbers only, each
 * number computed by clang. Then run `npm run generate`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const data = join(import.meta.dirname, "../packages/rewriter/data");

/** Headers whose macros tracing programs use. */
const headers =
  "types sched fs blkdev blk-mq netdevice skbuff tcp udp ipv6 icmp icmpv6 mm slab dcache mount interrupt signal ptrace " +
  "time64 in if_ether if_vlan if_packet pkt_cls security capability stat fcntl perf_event workqueue kdev_t poll tty " +
  "compaction oom nsproxy virtio scatterlist ethtool in in6 ip net socket if_arp if_tun if_link rtnetlink netlink netfilter " +
  "filter cgroup memcontrol swap vmstat mmzone page-flags pagemap mman hugetlb irq hrtimer timer jiffies pid user_namespace " +
  "cred audit seccomp module kprobes uprobes device pci usb input bio elevator fsnotify fanotify inotify eventpoll file " +
  "fdtable namei io_uring loop nvme ata hdreg dm-ioctl xattr fiemap vmalloc percpu rwsem mutex kthread math64 errno " +
  "random sem shm msg reboot resource utsname ipc tcp_metrics vm_sockets sctp igmp icmp if_bridge if_pppox neighbour " +
  "watchdog cpuset freezer psi reciprocal_div";
const otherHeaders =
  "net/sock net/inet_sock net/tcp uapi/linux/limits uapi/linux/openat2 uapi/linux/bpf uapi/linux/mount uapi/linux/futex " +
  "uapi/linux/mman asm/unistd";

/** Families of constants: by prefix before an underscore, by pattern, by whole name. */
const prefixes =
  "AF PF SO SOL MSG TCP TCPF TCPHDR TCPOLEN TCPOPT O FMODE MS MNT SB CLONE SA PROT MAP GFP __GFP ___GFP REQ RQF NSEC_PER " +
  "USEC_PER MSEC_PER ETH ARPHRD IFF CAP AT FUTEX SCHED TASK __TASK EXIT __NR SEEK LOCK EPOLL IPV6 ICMP ICMPV6 INET INET6 " +
  "RESOLVE SCM SOCK VLAN TC_ACT PTRACE DCACHE LOOKUP IOCB SYSFS PERF WMARK FAULT_FLAG SK_MEM CPU KERN TIMER ITER IPPROTO IPTOS " +
  "IPOPT TCPI UDP IGMP SCTP NF NFPROTO XT RT RTN RTM RTNH NUD NTF NLM NETLINK PACKET TUN BIO BLK HRTIMER IRQF IRQ SECCOMP " +
  "BPF XDP RLIMIT RUSAGE IPC SEM SHM MADV MREMAP FS FIEMAP FAN IN INOTIFY EPOLLIN LINUX_REBOOT LOOP NVME ATA DM PCI USB " +
  "XATTR SB_I SLAB ZONE PIDNS SIOC SKB SKBTX GSO NETIF NAPI WQ JIFFIES FSNOTIFY VMADDR VM_FAULT SWAP MAX_SWAPFILES EV KEY " +
  "NEXTHDR INADDR CLOCK TC_H ICMP6";
const patterns = "E[A-Z0-9]{2,} S_I[A-Z]+ SIG[A-Z0-9]+ VM_[A-Z_]+ F_[A-Z]+ IP_[A-Z_]+ POLL[A-Z]+ PID_MAX\\w*";
const wholeNames =
  "IFNAMSIZ PAGE_SIZE PAGE_SHIFT PAGE_MASK PAGE_ALLOC_COSTLY_ORDER NAME_MAX PATH_MAX ARG_MAX DNAME_INLINE_LEN DISK_NAME_LEN " +
  "MINORBITS MINORMASK READ WRITE HZ MAX_ERRNO UINT_MAX INT_MAX INT_MIN LONG_MAX LONG_MIN ULONG_MAX U8_MAX U16_MAX U32_MAX " +
  "U64_MAX S32_MAX S64_MAX ULLONG_MAX LLONG_MAX BITS_PER_LONG BITS_PER_BYTE MAX_ORDER WQ_NAME_LEN MODULE_NAME_LEN " +
  "KSYM_NAME_LEN UTS_LEN __NEW_UTS_LEN MAX_NR_ZONES N_TTY SECTOR_SHIFT SECTOR_SIZE";
const alternatives = (words: string): string => words.split(" ").join("|");
const families = new RegExp(
  `^(?:(?:${alternatives(prefixes)})_\\w+|${alternatives(patterns)}|${alternatives(wholeNames)})$`,
);

function clang(
  options: readonly string[],
  file: string,
): { readonly out: string; readonly messages: string } {
  const run = spawnSync("clang-19", [...options, file], { encoding: "utf8", maxBuffer: 1 << 28 });
  return { out: run.stdout, messages: run.stderr };
}

/** Object-like macros by name. Clang goes on behind errors in headers that want the kernel's own compiler. */
function macrosOf(common: string, flavour: string, folder: string): Map<string, string> {
  const paths = [...headers.split(" ").map((name) => `linux/${name}`), ...otherHeaders.split(" ")];
  const source = join(folder, "headers.c");
  writeFileSync(source, ["linux/kconfig", ...paths].map((path) => `#include <${path}.h>\n`).join(""));
  const include = [
    `${common}/arch/x86/include`,
    `${flavour}/arch/x86/include/generated`,
    `${common}/include`,
    `${flavour}/include`,
    `${common}/arch/x86/include/uapi`,
    `${flavour}/arch/x86/include/generated/uapi`,
    `${common}/include/uapi`,
    `${flavour}/include/generated/uapi`,
  ].map((path) => `-I${path}`);
  const defines = ["-D__KERNEL__", '-DKBUILD_MODNAME="x"', "-DCONFIG_CC_IS_CLANG"];
  const { out } = clang(["-E", "-dM", "-nostdinc", ...defines, ...include], source);
  const found = new Map<string, string>();
  for (const match of out.matchAll(/^#define (\w+) (.*)$/gm))
    found.set(match[1] as string, match[2] as string);
  return found;
}

/** The text without the kernel's checker annotations and its wrappers around literals. */
function plain(text: string): string {
  return text
    .replace(/\(__force \w+\)|__force/g, "")
    .replace(/_AC\((\w+),(\w+)\)/g, "$1$2")
    .replace(/_BITUL\((\w+)\)/g, "(1UL << $1)")
    .replace(/\bBIT\((\w+)\)/g, "(1UL << ($1))")
    .trim();
}

/** A macro with everything it uses, or undefined where that is more than names and numbers. */
function closure(name: string, macros: ReadonlyMap<string, string>): Map<string, string> | undefined {
  const found = new Map<string, string>();
  const waiting = [name];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const text = macros.get(next);
    if (found.has(next) || text === undefined) continue;
    const value = plain(text);
    if (value === "" || value === next || /["'{};]/.test(value)) return undefined;
    found.set(next, value);
    const names = value.replace(/\b0x[\da-f]+[ul]*|\b\d+[ul]*/gi, "").match(/[A-Za-z_]\w*/g) ?? [];
    if (names.some((used) => !macros.has(used) && !/^[A-Z_][A-Z0-9_]+$/.test(used))) return undefined;
    waiting.push(...names);
  }
  return found;
}

interface Constant {
  readonly name: string;
  readonly literal: string;
}

/** Lets clang compute every macro; those it cannot compute are left out. */
function evaluate(definitions: ReadonlyMap<string, string>, vmlinux: string, folder: string): Constant[] {
  const types = readFileSync(vmlinux, "utf8");
  const enumerators = new Set([...types.matchAll(/^\t(\w+) = /gm)].map((match) => match[1]));
  let names = [...definitions.keys()].filter((name) => !enumerators.has(name)).sort();
  const source = join(folder, "values.c");
  const defines = [...definitions].filter(([name]) => !enumerators.has(name));
  const head = `#include "${vmlinux}"\n${defines.map(([name, text]) => `#define ${name} ${text}\n`).join("")}`;
  const first = head.split("\n").length;
  for (;;) {
    const lines = names.map(
      (name) =>
        `const long long V_${name} = (long long)(${name}); const int S_${name} = sizeof((${name}) + 0) * ((__typeof__((${name}) + 0))-1 < (__typeof__((${name}) + 0))0 ? -1 : 1);`,
    );
    writeFileSync(source, `${head}${lines.join("\n")}\n`);
    const { out, messages } = clang(["-w", "-ferror-limit=0", "-S", "-emit-llvm", "-o", "-"], source);
    const bad = new Set(
      [...messages.matchAll(/values\.c:(\d+):\d+: error/g)].map((match) => Number(match[1]) - first),
    );
    if (bad.size > 0) {
      names = names.filter((_, index) => !bad.has(index));
      continue;
    }
    const numbers = new Map(
      [...out.matchAll(/^@(\w+) = .*constant i\d+ (-?\d+)/gm)].map(({ 1: name, 2: value }) => [name, value]),
    );
    return names.map((name) => ({
      name,
      literal: literalOf(BigInt(numbers.get(`V_${name}`) ?? 0), Number(numbers.get(`S_${name}`) ?? 0)),
    }));
  }
}

/** A C literal of the value and of the type's size; a negative size is a signed type's. */
function literalOf(value: bigint, size: number): string {
  const suffix = { 4: "U", 8: "UL", [-8]: "L" }[size] ?? "";
  const shown = size > 0 ? BigInt.asUintN(size * 8, value) : value;
  const magnitude = shown < 0n ? -shown : shown;
  const digits = magnitude < 4096n ? String(magnitude) : `0x${magnitude.toString(16)}`;
  return `${shown < 0n ? "-" : ""}${digits}${suffix}`;
}

/** Paths of all headers, by folder, as `#include <...>` names them. */
function headerPaths(common: string): string {
  const found = new Map<string, Set<string>>();
  const add = (from: string, to: string): void => {
    for (const entry of readdirSync(join(common, from), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith(".h")) continue;
      const folder = `${to}${entry.parentPath.slice(join(common, from).length)}`;
      found.set(folder, (found.get(folder) ?? new Set()).add(entry.name.slice(0, -2)));
    }
  };
  for (const folder of "linux net uapi asm-generic crypto scsi rdma trace acpi keys kvm vdso target xen sound video ras".split(
    " ",
  )) {
    add(`include/${folder}`, folder);
  }
  for (const architecture of ["x86", "arm64"]) {
    add(`arch/${architecture}/include/asm`, "asm");
    add(`arch/${architecture}/include/uapi/asm`, "uapi/asm");
  }
  // What uapi/ holds is found without it too; the build makes some headers.
  for (const [folder, names] of [...found]) {
    if (!folder.startsWith("uapi/")) continue;
    const plainFolder = folder.slice("uapi/".length);
    found.set(plainFolder, new Set([...(found.get(plainFolder) ?? []), ...names]));
  }
  for (const name of ["version", "autoconf", "kconfig"]) found.get("linux")?.add(name);
  for (const name of "unistd_64 syscalls_64 types ioctl socket statfs poll bpf_perf_event errno fcntl mman".split(
    " ",
  )) {
    found.get("asm")?.add(name);
  }
  found.set("generated", new Set(["autoconf", "utsrelease", "bounds", "asm-offsets"]));
  const lines = [...found].map(([folder, names]) => `${folder}: ${[...names].sort().join(" ")}`);
  return `${lines.sort().join("\n")}\n`;
}

function main(common: string, flavour: string, vmlinux: string): void {
  const folder = mkdtempSync(join(tmpdir(), "bpfkit-kernel-macros-"));
  const macros = macrosOf(common, flavour, folder);
  const definitions = new Map<string, string>();
  for (const name of macros.keys()) {
    if (!families.test(name)) continue;
    for (const [used, text] of closure(name, macros) ?? []) definitions.set(used, text);
  }
  const constants = evaluate(definitions, vmlinux, folder).filter(({ name }) => !name.startsWith("CONFIG_"));
  const configs = [...macros]
    .filter(([name]) => name.startsWith("CONFIG_"))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const ones = configs.filter(([, value]) => value === "1").map(([name]) => name.slice("CONFIG_".length));
  const numbers = configs.filter(([, value]) => value !== "1" && /^(?:0x[\da-f]+|\d+)$/i.test(value));
  const lines = (rows: readonly (readonly [string, string])[]): string =>
    rows.map((row) => `${row.join(" ")}\n`).join("");
  writeFileSync(
    join(data, "kernel-constants.txt"),
    lines(constants.map(({ name, literal }) => [name, literal])),
  );
  writeFileSync(join(data, "kernel-configs.txt"), `${ones.join(" ")}\n${lines(numbers)}`);
  writeFileSync(join(data, "kernel-header-paths.txt"), headerPaths(common));
  rmSync(folder, { recursive: true });
}

const [common, flavour, vmlinux] = process.argv.slice(2);
if (common === undefined || flavour === undefined || vmlinux === undefined) {
  process.stderr.write("usage: extract-kernel-macros.ts COMMON FLAVOUR VMLINUX_H\n");
  process.exitCode = 2;
} else {
  main(common, flavour, vmlinux);
}
