/** Guest tests of cgroup programs: packets, connections, options, sysctls, devices, sockets of a map. */
import { strict as assert } from "node:assert";
import { execFileSync, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import type { ToolProgram } from "bpfkit";
import type { GuestCase } from "../guest-case.ts";

const root = "/sys/fs/cgroup";
const port = 4712;

const cgroup: ToolProgram = {
  file: "cgroup.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 8);
    __type(key, u32);
    __type(value, u64);
} counts SEC(".maps");

static __always_inline void count(u32 index)
{
    u64 *value = bpf_map_lookup_elem(&counts, &index);
    if (value)
        __sync_fetch_and_add(value, 1);
}

SEC("cgroup_skb/egress")
int on_egress(struct __sk_buff *skb)
{
    struct udphdr udp;
    u8 protocol = 0;

    bpf_skb_load_bytes(skb, 9, &protocol, 1);
    if (protocol == IPPROTO_UDP && bpf_skb_load_bytes(skb, 20, &udp, sizeof(udp)) == 0 &&
        udp.dest == bpf_htons(${port}))
        count(0);
    return 1;
}

SEC("cgroup/connect4")
int on_connect(struct bpf_sock_addr *ctx)
{
    if (ctx->user_port == bpf_htons(${port})) {
        count(1);
        return 1;
    }
    return ctx->user_port != bpf_htons(9); /* nobody may connect there */
}

SEC("sockops")
int on_socket_event(struct bpf_sock_ops *ctx)
{
    if (ctx->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && ctx->remote_port == bpf_htonl(${port}))
        count(2);
    return 1;
}

SEC("cgroup/sysctl")
int on_sysctl(struct bpf_sysctl *ctx)
{
    char name[16] = {};
    const char wanted[] = "hostname";

    if (bpf_sysctl_get_name(ctx, name, sizeof(name), BPF_F_SYSCTL_BASE_NAME) < 0)
        return 1;
    for (int i = 0; i < sizeof(wanted); i++)
        if (name[i] != wanted[i])
            return 1;
    if (!ctx->write)
        return 1;
    count(3);
    return 0;
}

SEC("cgroup/dev")
int on_device(struct bpf_cgroup_dev_ctx *ctx)
{
    if (ctx->major != 1 || ctx->minor != 5) /* /dev/zero */
        return 1;
    count(4);
    return 0;
}

SEC("cgroup/sock_create")
int on_create(struct bpf_sock *ctx)
{
    if (ctx->type == SOCK_DGRAM)
        count(5);
    return 1;
}

SEC("cgroup/setsockopt")
int on_option(struct bpf_sockopt *ctx)
{
    if (ctx->level == 1 && ctx->optname == 6) /* SOL_SOCKET, SO_BROADCAST */
        count(6);
    return 1;
}
`,
};

const socketMap: ToolProgram = {
  file: "sockmap.bpf.c",
  text: `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_SOCKMAP);
    __uint(max_entries, 4);
    __type(key, u32);
    __type(value, u32);
} sockets SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2);
    __type(key, u32);
    __type(value, u64);
} counts SEC(".maps");

SEC("sk_msg")
int on_message(struct sk_msg_md *ctx)
{
    u32 index = 0;
    u64 *value = bpf_map_lookup_elem(&counts, &index);
    if (value)
        __sync_fetch_and_add(value, 1);
    return SK_PASS;
}

SEC("sk_skb/stream_verdict")
int on_stream(struct __sk_buff *skb)
{
    u32 index = 1;
    u64 *value = bpf_map_lookup_elem(&counts, &index);
    if (value)
        __sync_fetch_and_add(value, skb->len);
    return SK_PASS;
}
`,
};

/** Opens a connection on loopback and closes it again. */
async function connectOnce(to: number): Promise<void> {
  const socket = connect(to, "127.0.0.1");
  await once(socket, "connect");
  socket.destroy();
  await once(socket, "close");
}

/** A command of the shell inside a cgroup. */
function inCgroup(folder: string, command: string): ReturnType<typeof spawnSync> {
  return spawnSync("/bin/sh", ["-c", `echo $$ > ${folder}/cgroup.procs; ${command}`], { encoding: "utf8" });
}

const descriptorOf = (socket: Socket): number =>
  (socket as unknown as { _handle: { fd: number } })._handle.fd;

function word(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

/** Cgroups. */
export const cgroupCases: readonly GuestCase[] = [
  {
    name: "cgroup programs: packets, connections, sockets and options of this process, by links and without",
    programs: [cgroup],
    async run(guest) {
      const bpf = await guest.open(cgroup);
      const counts = (): number[] => [0, 1, 2, 5, 6].map((index) => Number(bpf.table("counts").get(index)));
      const server = createServer((socket) => socket.resume());
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
      const work = async (): Promise<void> => {
        for (let connection = 0; connection < 11; connection++) await connectOnce(port);
        await assert.rejects(connectOnce(9), /EPERM/);
        for (let each = 0; each < 3; each++) {
          const socket = createSocket("udp4");
          socket.bind(0, "127.0.0.1");
          await once(socket, "listening");
          socket.setBroadcast(true);
          for (let packet = 0; packet < 2; packet++) {
            await new Promise<void>((resolve) => socket.send("x", port, "127.0.0.1", () => resolve()));
          }
          socket.close();
        }
      };
      try {
        const programs = ["on_egress", "on_connect", "on_socket_event", "on_create", "on_option"];
        const links = programs.map((program) => bpf.attachCgroup({ path: root, program }));
        await work();
        assert.deepEqual(counts(), [6, 11, 11, 3, 3]);
        for (const link of links) link.close();
        for (const program of programs) bpf.attachCgroup({ path: root, program, how: "program" });
        await work();
        assert.deepEqual(counts(), [12, 22, 22, 6, 6]);
        bpf.detach();
        await assert.rejects(connectOnce(9), /ECONNREFUSED/);
        assert.deepEqual(counts(), [12, 22, 22, 6, 6], "still attached");
        assert.throws(
          () => bpf.attachCgroup({ path: "/tmp", program: "on_egress" }),
          /LD088|could not be attached to cgroup/,
        );
        assert.throws(() => bpf.attachCgroup({ path: `${root}/none`, program: "on_egress" }), /ENOENT/);
      } finally {
        bpf.close();
        server.close();
      }
    },
  },
  {
    name: "cgroup programs refuse a device and a sysctl to the processes of one cgroup only",
    programs: [cgroup],
    async run(guest) {
      const folder = `${root}/inner`;
      mkdirSync(folder);
      const bpf = await guest.open(cgroup);
      try {
        bpf.attachCgroup({ path: folder, program: "on_device" });
        bpf.attachCgroup({ path: folder, program: "on_sysctl" });
        const refused = inCgroup(folder, "head -c1 /dev/zero; head -c1 /dev/zero");
        assert.match(String(refused.stderr), /Operation not permitted/);
        const written = inCgroup(folder, "echo other > /proc/sys/kernel/hostname");
        assert.match(String(written.stderr), /Operation not permitted|write error/);
        assert.equal(execFileSync("/bin/head", ["-c", "1", "/dev/zero"]).length, 1);
        writeFileSync("/proc/sys/kernel/hostname", "guest");
        assert.equal(readFileSync("/proc/sys/kernel/hostname", "utf8").trim(), "guest");
        assert.deepEqual(
          [3, 4].map((index) => bpf.table("counts").get(index)),
          [1n, 2n],
        );
      } finally {
        bpf.close();
        rmdirSync(folder);
      }
    },
  },
  {
    name: "sk_msg and sk_skb on the sockets of a map: messages and bytes",
    programs: [socketMap],
    async run(guest) {
      const bpf = await guest.open(socketMap);
      const server = createServer();
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
      try {
        const accepted = once(server, "connection");
        const client = connect(port, "127.0.0.1");
        await once(client, "connect");
        const [peer] = (await accepted) as [Socket];
        bpf.attachSocketMap({ map: "sockets", program: "on_message" });
        const verdict = bpf.attachSocketMap({ map: "sockets", program: "on_stream" });
        const map = bpf.collection.maps.get("sockets");
        assert.ok(map);
        map.updateBytes(word(0), word(descriptorOf(client)));
        map.updateBytes(word(1), word(descriptorOf(peer)));
        let received = 0;
        peer.on("data", (data: Uint8Array) => {
          received += data.length;
        });
        for (let message = 0; message < 5; message++) {
          await new Promise<void>((resolve) => client.write(new Uint8Array(100), () => resolve()));
        }
        for (let turn = 0; turn < 100 && received < 500; turn++)
          await new Promise((done) => setTimeout(done, 20));
        assert.equal(received, 500);
        assert.deepEqual([bpf.table("counts").get(0), bpf.table("counts").get(1)], [5n, 500n]);
        verdict.close();
        client.destroy();
        peer.destroy();
      } finally {
        bpf.close();
        server.close();
      }
    },
  },
];
