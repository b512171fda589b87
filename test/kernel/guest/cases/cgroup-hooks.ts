/** Guest tests of every kind of cgroup program that Linux 6.1 has: how often each runs for a program of known calls. */
import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmdirSync } from "node:fs";
import { createServer } from "node:net";
import type { BPF, ToolProgram } from "bpfkit";
import { binaryPath, type GuestBinary, type GuestCase } from "../guest-case.ts";

const port = 4713;

/** Calls the kernel without a library, over IPv4 and IPv6, each call as often as {@link hooks} says. */
const sockets: GuestBinary = {
  name: "cgroup-sockets",
  text: `
static long call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return number;
}

enum { SENDTO = 44, RECVFROM = 45, SOCKET = 41, CONNECT = 42, BIND = 49, GETSOCKNAME = 51, GETPEERNAME = 52,
       SETSOCKOPT = 54, GETSOCKOPT = 55, CLOSE = 3, EXIT = 60 };

/* struct sockaddr_in and sockaddr_in6 of the loopback interface. */
static unsigned char address[28];
static int size;

static void loopback(int family, int to)
{
    for (int i = 0; i < 28; i++)
        address[i] = 0;
    address[0] = family;
    address[2] = to >> 8;
    address[3] = to & 255;
    size = family == 2 ? 16 : 28;
    if (family == 2)
        address[4] = 127, address[7] = 1;
    else
        address[23] = 1;
}

static int failures;

static long check(long result)
{
    if (result < 0)
        failures++;
    return result;
}

static long open_socket(int family) { return check(call(SOCKET, family, 2, 0, 0, 0, 0)); }

static void work(int family)
{
    unsigned char name[28], data[8] = {1};
    int length, value = 1;
    long receiver = open_socket(family), sender = open_socket(family);

    loopback(family, ${port});
    check(call(BIND, receiver, (long)address, size, 0, 0, 0));
    for (int i = 0; i < 4; i++) {
        check(call(SENDTO, sender, (long)data, 8, 0, (long)address, size));
        length = sizeof(name);
        check(call(RECVFROM, receiver, (long)data, 8, 0, (long)name, (long)&length));
    }
    for (int i = 0; i < 5; i++)
        check(call(SETSOCKOPT, sender, 1, 6, (long)&value, 4, 0));
    length = 4;
    for (int i = 0; i < 6; i++)
        check(call(GETSOCKOPT, sender, 1, 3, (long)&value, (long)&length, 0));
    call(CLOSE, receiver, 0, 0, 0, 0, 0);
    call(CLOSE, sender, 0, 0, 0, 0, 0);
    for (int i = 0; i < 3; i++) {
        long one = open_socket(family);
        loopback(family, 0);
        check(call(BIND, one, (long)address, size, 0, 0, 0));
        length = sizeof(name);
        check(call(GETSOCKNAME, one, (long)name, (long)&length, 0, 0, 0));
        loopback(family, ${port});
        check(call(CONNECT, one, (long)address, size, 0, 0, 0));
        for (int again = 0; again < 2; again++) {
            length = sizeof(name);
            check(call(GETPEERNAME, one, (long)name, (long)&length, 0, 0, 0));
        }
        call(CLOSE, one, 0, 0, 0, 0, 0);
    }
}

__attribute__((used)) static void run(void)
{
    work(2);
    work(10);
    call(EXIT, failures, 0, 0, 0, 0, 0);
    __builtin_unreachable();
}

__asm__(".globl _start\\n_start: xor %ebp,%ebp\\nand $-16,%rsp\\ncall run\\n");
`,
};

interface Hook {
  readonly section: string;
  readonly context: string;
  /** How often it runs while {@link sockets} does. */
  readonly runs: number;
  /** Where only some of the runs are meant. */
  readonly condition?: string;
}

const address = "struct bpf_sock_addr *";
const socket = "struct bpf_sock *";
const option = "struct bpf_sockopt *";
const packet = "struct __sk_buff *";
const ours = "is_ours(ctx)";

const hooks: readonly Hook[] = [
  { section: "cgroup_skb/ingress", context: packet, runs: 8, condition: ours },
  { section: "cgroup_skb/egress", context: packet, runs: 8, condition: ours },
  { section: "cgroup/sock_create", context: socket, runs: 10 },
  { section: "cgroup/sock", context: socket, runs: 10 },
  { section: "cgroup/sock_release", context: socket, runs: 10 },
  { section: "cgroup/post_bind4", context: socket, runs: 4 },
  { section: "cgroup/post_bind6", context: socket, runs: 4 },
  { section: "cgroup/bind4", context: address, runs: 4 },
  { section: "cgroup/bind6", context: address, runs: 4 },
  { section: "cgroup/connect4", context: address, runs: 3 },
  { section: "cgroup/connect6", context: address, runs: 3 },
  { section: "cgroup/sendmsg4", context: address, runs: 4 },
  { section: "cgroup/sendmsg6", context: address, runs: 4 },
  { section: "cgroup/recvmsg4", context: address, runs: 4 },
  { section: "cgroup/recvmsg6", context: address, runs: 4 },
  { section: "cgroup/getpeername4", context: address, runs: 6 },
  { section: "cgroup/getpeername6", context: address, runs: 6 },
  { section: "cgroup/getsockname4", context: address, runs: 3 },
  { section: "cgroup/getsockname6", context: address, runs: 3 },
  {
    section: "cgroup/setsockopt",
    context: option,
    runs: 10,
    condition: "ctx->level == 1 && ctx->optname == 6",
  },
  {
    section: "cgroup/getsockopt",
    context: option,
    runs: 12,
    condition: "ctx->level == 1 && ctx->optname == 3",
  },
  { section: "lsm_cgroup/socket_bind", context: "unsigned long long *", runs: 8 },
];

const programName = (index: number): string => `hook_${index}`;

const everyHook: ToolProgram = {
  file: "cgroup-hooks.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, ${hooks.length});
    __type(key, u32);
    __type(value, u64);
} counts SEC(".maps");

static __always_inline int count(u32 index)
{
    u64 *value = bpf_map_lookup_elem(&counts, &index);
    if (value)
        __sync_fetch_and_add(value, 1);
    return 1;
}

/* UDP to the receiver. */
static __always_inline int is_ours(struct __sk_buff *skb)
{
    u8 first = 0;
    u16 to = 0;

    bpf_skb_load_bytes(skb, 0, &first, 1);
    bpf_skb_load_bytes(skb, (first >> 4 == 4 ? 20 : 40) + 2, &to, 2);
    return to == bpf_htons(${port});
}
${hooks
  .map(
    ({ section, context, condition = "1" }, index) => `
SEC("${section}")
int ${programName(index)}(${context}ctx)
{
    return ${condition} ? count(${index}) : 1;
}
`,
  )
  .join("")}`,
};

const unixSockets: ToolProgram = {
  file: "cgroup-unix.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

int connections = 0;

SEC("cgroup/connect_unix")
int on_connect(struct bpf_sock_addr *ctx)
{
    __sync_fetch_and_add(&connections, 1);
    return 1;
}
`,
};

/** Connects to a socket of a path, from a process of the cgroup. */
function connectFrom(folder: string, path: string): void {
  const text = `require("node:net").connect(${JSON.stringify(path)}).on("connect", () => process.exit(0))`;
  const command = `echo $$ > ${folder}/cgroup.procs; exec node -e '${text}'`;
  const { status, stderr } = spawnSync("/bin/sh", ["-c", command], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

function runSockets(folder: string): void {
  const command = `echo $$ > ${folder}/cgroup.procs; exec ${binaryPath(sockets)}`;
  const { status, stderr } = spawnSync("/bin/sh", ["-c", command], { encoding: "utf8" });
  assert.equal(status, 0, `${status} calls failed ${stderr}`);
}

const countsOf = (bpf: BPF): Record<string, number> =>
  Object.fromEntries(hooks.map(({ section }, index) => [section, Number(bpf.table("counts").get(index))]));

const expected = (times: number): Record<string, number> =>
  Object.fromEntries(hooks.map(({ section, runs }) => [section, runs * times]));

/** Cgroup programs. */
export const cgroupHookCases: readonly GuestCase[] = [
  {
    name: "every kind of cgroup program runs as often as its cgroup calls, by links and without, lsm_cgroup too",
    programs: [everyHook],
    binaries: [sockets],
    async run(guest) {
      const folder = "/sys/fs/cgroup/hooks";
      mkdirSync(folder);
      const bpf = await guest.open(everyHook);
      const attach = (how: "auto" | "program") =>
        hooks.map((_, index) => bpf.attachCgroup({ path: folder, program: programName(index), how }));
      try {
        assert.equal(bpf.links.length, 0, "a program was attached without a cgroup");
        const links = attach("auto");
        runSockets(folder);
        assert.deepEqual(countsOf(bpf), expected(1));
        runSockets("/sys/fs/cgroup");
        assert.deepEqual(countsOf(bpf), expected(1), "what other cgroups do is counted");
        for (const link of links) link.close();
        runSockets(folder);
        assert.deepEqual(countsOf(bpf), expected(1), "still attached");
        attach("program");
        runSockets(folder);
        assert.deepEqual(countsOf(bpf), expected(2));
        bpf.detach();
        runSockets(folder);
        assert.deepEqual(countsOf(bpf), expected(2), "still attached");
      } finally {
        bpf.close();
        rmdirSync(folder);
      }
    },
  },
  {
    name: "an attach type that is newer than the kernel is named with its release",
    only: "stable",
    programs: [unixSockets],
    async run(guest) {
      await assert.rejects(guest.open(unixSockets), (error: Error & { code?: string; hint?: string }) => {
        assert.equal(error.code, "LD050");
        assert.match(error.hint ?? "", /cgroup_unix_connect.* Linux 6\.7/);
        return true;
      });
    },
  },
  {
    name: "cgroup/connect_unix: three connections to a path",
    only: "backports",
    programs: [unixSockets],
    async run(guest) {
      const folder = "/sys/fs/cgroup/unix";
      const path = "/tmp/bpfkit-unix";
      mkdirSync(folder);
      const server = createServer((client) => client.resume());
      server.listen(path);
      await once(server, "listening");
      const bpf = await guest.open(unixSockets);
      const connections = () => bpf.collection.variable("connections").read();
      try {
        bpf.attachCgroup({ path: folder, program: "on_connect" });
        for (let each = 0; each < 3; each++) connectFrom(folder, path);
        connectFrom("/sys/fs/cgroup", path);
        assert.equal(connections(), 3);
      } finally {
        bpf.close();
        server.close();
        rmdirSync(folder);
      }
    },
  },
];
