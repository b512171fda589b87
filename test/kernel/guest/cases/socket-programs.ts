/** Guest tests of programs on sockets and flows: SO_REUSEPORT groups, stream parsers, flow dissectors; XDP behind a cpumap. */
import { strict as assert } from "node:assert";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { BPF, ToolProgram } from "bpfkit";
import koffi from "koffi";
import type { GuestCase } from "../guest-case.ts";
import { until } from "./until.ts";

const port = 4714;

const head = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __type(key, u32);
    __type(value, u64);
} counts SEC(".maps");

static __always_inline void count(u32 index, u64 much)
{
    u64 *value = bpf_map_lookup_elem(&counts, &index);
    if (value)
        __sync_fetch_and_add(value, much);
}
`;

const reuseport: ToolProgram = {
  file: "reuseport.bpf.c",
  text: `${head}
struct {
    __uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
    __uint(max_entries, 3);
    __type(key, u32);
    __type(value, u64);
} sockets SEC(".maps");

/* The socket of the first byte's number. */
static __always_inline int choose(struct sk_reuseport_md *ctx, u32 index)
{
    unsigned char *payload = ctx->data + sizeof(struct udphdr);
    u32 wanted;

    if (payload + 1 > (unsigned char *)ctx->data_end)
        return SK_DROP;
    wanted = *payload;
    count(index, 1);
    return bpf_sk_select_reuseport(ctx, &sockets, &wanted, 0) == 0 ? SK_PASS : SK_DROP;
}

SEC("sk_reuseport") int on_select(struct sk_reuseport_md *ctx) { return choose(ctx, 0); }
SEC("sk_reuseport/migrate") int on_migrate(struct sk_reuseport_md *ctx) { return choose(ctx, 1); }
`,
};

const streams: ToolProgram = {
  file: "stream-parser.bpf.c",
  text: `${head}
struct {
    __uint(type, BPF_MAP_TYPE_SOCKMAP);
    __uint(max_entries, 2);
    __type(key, u32);
    __type(value, u64);
} sockets SEC(".maps");

/* Messages of 40 bytes, whatever comes in one piece. */
SEC("sk_skb/stream_parser")
int on_parse(struct __sk_buff *skb)
{
    count(0, 1);
    return 40;
}

SEC("sk_skb/stream_verdict")
int on_message(struct __sk_buff *skb)
{
    count(1, 1);
    return SK_PASS;
}

SEC("sk_skb/verdict")
int on_bytes(struct __sk_buff *skb)
{
    count(2, skb->len);
    return SK_PASS;
}
`,
};

const flows: ToolProgram = {
  file: "flows.bpf.c",
  text: `${head}
SEC("flow_dissector")
int on_flow(struct __sk_buff *skb)
{
    u16 to = 0;

    bpf_skb_load_bytes(skb, skb->flow_keys->nhoff + 20 + 2, &to, 2);
    if (to == bpf_htons(${port}))
        count(0, 1);
    return 129; /* BPF_FLOW_DISSECTOR_CONTINUE: the kernel's own goes on */
}
`,
};

const cpumap: ToolProgram = {
  file: "cpumap.bpf.c",
  text: `${head}
struct {
    __uint(type, BPF_MAP_TYPE_CPUMAP);
    __uint(max_entries, 2);
    __uint(key_size, 4);
    __uint(value_size, 8);
} cpus SEC(".maps");

static __always_inline int is_ours(struct xdp_md *ctx)
{
    unsigned char *data = (void *)(long)ctx->data;
    u16 *to = (void *)(data + 14 + 20 + 2);

    return (void *)(to + 1) <= (void *)(long)ctx->data_end && *to == bpf_htons(${port});
}

SEC("xdp")
int on_packet(struct xdp_md *ctx)
{
    if (!is_ours(ctx))
        return XDP_PASS;
    count(0, 1);
    return bpf_redirect_map(&cpus, 1, 0);
}

SEC("xdp/cpumap")
int on_other_cpu(struct xdp_md *ctx)
{
    if (is_ours(ctx))
        count(bpf_get_smp_processor_id() == 1 ? 1 : 2, 1);
    return XDP_PASS;
}
`,
};

const counts = (bpf: BPF): number[] => [0, 1, 2, 3].map((index) => Number(bpf.table("counts").get(index)));

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

const library = koffi.load(null);
const openSocket = library.func("socket", "int", ["int", "int", "int"]);
const setOption = library.func("setsockopt", "int", ["int", "int", "int", "void *", "uint32"]);
const bindSocket = library.func("bind", "int", ["int", "void *", "uint32"]);
const receive = library.func("recv", "int64", ["int", "void *", "size_t", "int"]);
const closeSocket = library.func("close", "int", ["int"]);

/** A UDP socket of a SO_REUSEPORT group on the loopback interface, not blocking: Node has no option for such sockets. */
function openGroupSocket(): number {
  const [inet, datagram, nonblocking, socketLevel, reuse] = [2, 2, 0o4000, 1, 15];
  const fd = openSocket(inet, datagram | nonblocking, 0) as number;
  const address = Uint8Array.of(inet, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
  assert.ok(fd >= 0);
  assert.equal(setOption(fd, socketLevel, reuse, words(1), 4), 0);
  assert.equal(bindSocket(fd, address, address.length), 0);
  return fd;
}

/** Takes all datagrams that wait. */
function drain(fd: number): number {
  const room = new Uint8Array(64);
  for (let received = 0; ; received++) {
    if (Number(receive(fd, room, room.length, 0)) < 0) return received;
  }
}

async function sendDatagrams(firstBytes: readonly number[]): Promise<void> {
  const sender = createSocket("udp4");
  for (const first of firstBytes) {
    await new Promise<void>((resolve, reject) => {
      const sent = (error: Error | null) => (error === null ? resolve() : reject(error));
      sender.send(Uint8Array.of(first, 0, 0), port, "127.0.0.1", sent);
    });
  }
  await sleep(50);
  sender.close();
}

async function withConnection(run: (client: Socket, peer: Socket) => Promise<void>): Promise<void> {
  const server = createServer();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  const client = connect(port, "127.0.0.1");
  await once(client, "connect");
  const [peer] = (await accepted) as [Socket];
  try {
    await run(client, peer);
  } finally {
    client.destroy();
    peer.destroy();
    server.close();
  }
}

const descriptorOf = (socket: Socket): number =>
  (socket as unknown as { _handle: { fd: number } })._handle.fd;

/** Sends pieces one at a time, and waits until all bytes have come out at the other end. */
async function sendThrough(client: Socket, peer: Socket, pieces: readonly number[]): Promise<void> {
  let [sent, received] = [0, 0];
  const take = (data: Uint8Array): void => {
    received += data.length;
  };
  peer.on("data", take);
  for (const size of pieces) {
    sent += size;
    await new Promise<void>((resolve) => client.write(new Uint8Array(size), () => resolve()));
  }
  await until(
    () => `${sent} bytes, ${received} are here`,
    () => received === sent,
  );
  peer.off("data", take);
}

/** Programs on sockets. */
export const socketProgramCases: readonly GuestCase[] = [
  {
    name: "sk_reuseport chooses the socket of a group that the datagram names, in both kinds of section",
    programs: [reuseport],
    async run(guest) {
      const bpf = await guest.open(reuseport);
      const group = [openGroupSocket(), openGroupSocket(), openGroupSocket()];
      try {
        const map = bpf.collection.maps.get("sockets");
        assert.ok(map);
        for (const [index, fd] of group.entries()) map.updateBytes(words(index), words(fd, 0));
        for (const program of ["on_select", "on_migrate"]) {
          bpf.attachReuseport({ program, socket: group[0] ?? -1 });
          await sendDatagrams([0, 1, 1, 2, 2, 2, 2, 7, 1]);
          // There is no socket 7.
          assert.deepEqual(group.map(drain), [1, 3, 4], program);
        }
        assert.deepEqual(counts(bpf).slice(0, 2), [9, 9]);
        assert.throws(
          () => bpf.attachReuseport({ program: "on_select", socket: 999 }),
          (error: Error & { code?: string }) => error.code === "LD090",
        );
      } finally {
        bpf.close();
        for (const fd of group) closeSocket(fd);
      }
    },
  },
  {
    name: "sk_skb: a stream parser makes eight messages of 320 bytes, a verdict without one sees every byte",
    programs: [streams],
    async run(guest) {
      const bpf = await guest.open(streams);
      try {
        const map = bpf.collection.maps.get("sockets");
        assert.ok(map);
        await withConnection(async (client, peer) => {
          bpf.attachSocketMap({ map: "sockets", program: "on_parse" });
          bpf.attachSocketMap({ map: "sockets", program: "on_message" });
          map.updateBytes(words(0), words(descriptorOf(peer), 0));
          await sendThrough(client, peer, [120, 40, 10, 30, 100, 20]);
          const [parsed = 0, messages] = counts(bpf);
          assert.equal(messages, 8);
          assert.ok(parsed >= 8, `${parsed} calls of the parser`);
          bpf.detach();
          map.deleteBytes(words(0));
        });
        await withConnection(async (client, peer) => {
          bpf.attachSocketMap({ map: "sockets", program: "on_bytes" });
          map.updateBytes(words(0), words(descriptorOf(peer), 0));
          await sendThrough(client, peer, [120, 3, 500]);
          assert.deepEqual(counts(bpf).slice(1, 3), [8, 623]);
        });
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "a flow dissector sees seven datagrams when flows are told apart for receive packet steering",
    programs: [flows],
    async run(guest) {
      const bpf = await guest.open(flows);
      const steering = "/sys/class/net/lo/queues/rx-0/rps_cpus";
      try {
        const link = bpf.attachNetworkNamespace({ program: "on_flow" });
        await sendDatagrams([1, 2]);
        assert.equal(counts(bpf)[0], 0);
        writeFileSync(steering, "3");
        await sendDatagrams([1, 2, 3, 4, 5, 6, 7]);
        assert.equal(counts(bpf)[0], 7);
        link.close();
        await sendDatagrams([1, 2, 3]);
        assert.equal(counts(bpf)[0], 7, "still attached");
      } finally {
        writeFileSync(steering, "0");
        bpf.close();
      }
    },
  },
  {
    name: "XDP sends six datagrams to another CPU, where the program of a cpumap sees them",
    programs: [cpumap],
    async run(guest) {
      const bpf = await guest.open(cpumap);
      const receiver = createSocket("udp4");
      let received = 0;
      receiver.on("message", () => {
        received += 1;
      });
      receiver.bind(port, "127.0.0.1");
      await once(receiver, "listening");
      try {
        // struct bpf_cpumap_val: the queue's length and the program.
        const queueLength = 64;
        const value = words(queueLength, bpf.program("on_other_cpu").fd);
        bpf.collection.maps.get("cpus")?.updateBytes(words(1), value);
        bpf.attachXdp({ interface: "lo", mode: "generic", program: "on_packet" });
        await sendDatagrams([1, 2, 3, 4, 5, 6]);
        await until("six datagrams", () => received === 6);
        assert.deepEqual(counts(bpf).slice(0, 3), [6, 6, 0]);
      } finally {
        bpf.close();
        receiver.close();
      }
    },
  },
];
