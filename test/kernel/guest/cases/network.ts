/** Guest tests of programs on packets: XDP, traffic control, packet sockets, socket lookups. */
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { BPF, ToolProgram } from "bpfkit";
import type { GuestCase } from "../guest-case.ts";
import { insertModule } from "./modules.ts";

/** Nobody else in the guest sends to it. */
export const port = 4711;

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

static __always_inline void count(u32 index)
{
    u64 *value = bpf_map_lookup_elem(&counts, &index);
    if (value)
        __sync_fetch_and_add(value, 1);
}
`;

const xdp: ToolProgram = {
  file: "xdp-count.bpf.c",
  text: `${head}
SEC("xdp")
int on_packet(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    struct ethhdr *eth = data;
    struct iphdr *ip = data + sizeof(*eth);
    struct udphdr *udp = (void *)ip + sizeof(*ip);

    if ((void *)(udp + 1) > end || eth->h_proto != bpf_htons(0x0800) || ip->protocol != IPPROTO_UDP)
        return XDP_PASS;
    if (udp->dest != bpf_htons(${port}))
        return XDP_PASS;
    count(0);
    /* Every third packet gets no further. */
    return bpf_ntohs(udp->len) == 8 + 3 ? XDP_DROP : XDP_PASS;
}
`,
};

const classifier: ToolProgram = {
  file: "tc-count.bpf.c",
  text: `${head}
static __always_inline int is_ours(struct __sk_buff *skb)
{
    struct udphdr udp;
    u8 protocol = 0;

    bpf_skb_load_bytes(skb, 14 + 9, &protocol, 1);
    if (skb->protocol != bpf_htons(0x0800) || protocol != IPPROTO_UDP)
        return 0;
    return bpf_skb_load_bytes(skb, 14 + 20, &udp, sizeof(udp)) == 0 && udp.dest == bpf_htons(${port});
}

SEC("tc/ingress")
int on_ingress(struct __sk_buff *skb)
{
    if (is_ours(skb))
        count(0);
    return -1;
}

SEC("tc/egress")
int on_egress(struct __sk_buff *skb)
{
    if (!is_ours(skb))
        return -1;
    count(1);
    return skb->len == 14 + 20 + 8 + 3 ? 2 /* TC_ACT_SHOT */ : -1;
}

SEC("socket")
int on_socket(struct __sk_buff *skb)
{
    if (!is_ours(skb))
        return 0;
    count(2);
    return 14 + 20 + 8 + 1;
}
`,
};

const lookup: ToolProgram = {
  file: "sk-lookup.bpf.c",
  text: `${head}
SEC("sk_lookup")
int on_lookup(struct bpf_sk_lookup *ctx)
{
    if (ctx->local_port == ${port} && ctx->protocol == IPPROTO_UDP)
        count(0);
    return 1;
}

SEC("flow_dissector")
int on_flow(struct __sk_buff *skb)
{
    count(1);
    return 129; /* BPF_FLOW_DISSECTOR_CONTINUE: the kernel's own goes on */
}
`,
};

/** Datagrams to this port, and what came through. */
export class Datagrams {
  received = 0;
  readonly #receiver: Socket;
  readonly #sender: Socket;
  readonly #address: string;

  private constructor(receiver: Socket, sender: Socket, address: string) {
    this.#receiver = receiver;
    this.#sender = sender;
    this.#address = address;
    receiver.on("message", () => {
      this.received += 1;
    });
  }

  static async open(address = "127.0.0.1"): Promise<Datagrams> {
    const receiver = createSocket("udp4");
    receiver.bind(port);
    await once(receiver, "listening");
    const sender = createSocket("udp4");
    sender.bind();
    await once(sender, "listening");
    sender.setBroadcast(true);
    return new Datagrams(receiver, sender, address);
  }

  /** Sends datagrams of so many bytes each. */
  async send(times: number, sizeBytes: number): Promise<void> {
    for (let each = 0; each < times; each++) {
      await new Promise<void>((resolve, reject) => {
        this.#sender.send(new Uint8Array(sizeBytes), port, this.#address, (error) =>
          error === null ? resolve() : reject(error),
        );
      }).catch((error: unknown) => {
        // What a classifier drops on its way out is reported to the sender.
        if (!String(error).includes("ENOBUFS") && !String(error).includes("EPERM")) throw error;
      });
    }
    await sleep(50);
  }

  close(): void {
    this.#receiver.close();
    this.#sender.close();
  }
}

const count = (bpf: BPF, index: number): unknown => bpf.table("counts").get(index);

/** Opens sockets for datagrams to {@link port}, for as long as `run` takes. */
export async function withDatagrams(
  run: (datagrams: Datagrams) => Promise<void>,
  address?: string,
): Promise<void> {
  const datagrams = await Datagrams.open(address);
  try {
    await run(datagrams);
  } finally {
    datagrams.close();
  }
}

/** What the kernel says of XDP on an interface. */
const linkDetails = (name: string): string =>
  execFileSync("/bin/ip", ["link", "show", name], { encoding: "utf8" });

/** Programs on packets. */
export const networkCases: readonly GuestCase[] = [
  {
    name: "XDP in generic mode on lo: eleven datagrams, the short ones dropped",
    programs: [xdp],
    async run(guest) {
      const bpf = await guest.open(xdp);
      try {
        await withDatagrams(async (datagrams) => {
          assert.throws(
            () => bpf.attachXdp({ interface: "no0", program: "on_packet" }),
            /LD087|no network interface no0/,
          );
          assert.throws(
            () => bpf.attachXdp({ interface: "lo", mode: "native", program: "on_packet" }),
            /could not be attached to xdp:lo:native/,
          );
          for (const how of ["auto", "netlink"] as const) {
            const before = Number(count(bpf, 0));
            const seen = datagrams.received;
            const link = bpf.attachXdp({ interface: "lo", mode: "generic", program: "on_packet", how });
            assert.throws(
              () => bpf.attachXdp({ interface: "lo", mode: "generic", program: "on_packet", how: "netlink" }),
              (error: Error & { hint?: string }) =>
                /EBUSY|EEXIST/.test(error.message) && /has an XDP program/.test(error.hint ?? ""),
            );
            await datagrams.send(7, 20);
            await datagrams.send(4, 3);
            assert.equal(Number(count(bpf, 0)) - before, 11, how);
            assert.equal(datagrams.received - seen, 7, how);
            link.close();
            await datagrams.send(2, 3);
            assert.equal(Number(count(bpf, 0)) - before, 11, `${how}: still attached`);
          }
        });
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "XDP in native mode on a veth pair: nine datagrams",
    programs: [xdp],
    async run(guest) {
      insertModule("veth");
      // The kernel calls the other end veth0.
      execFileSync("/bin/ip", ["link", "add", "pair", "type", "veth"]);
      const bpf = await guest.open(xdp);
      try {
        execFileSync("/bin/ip", ["addr", "add", "10.9.0.1/24", "broadcast", "10.9.0.255", "dev", "pair"]);
        for (const name of ["pair", "veth0"]) execFileSync("/bin/ip", ["link", "set", name, "up"]);
        bpf.attachXdp({ interface: "veth0", mode: "native", program: "on_packet" });
        await withDatagrams(async (datagrams) => {
          await datagrams.send(9, 30);
          assert.equal(count(bpf, 0), 9n, linkDetails("veth0"));
        }, "10.9.0.255");
      } finally {
        bpf.close();
        execFileSync("/bin/ip", ["link", "del", "pair"]);
      }
    },
  },
  {
    name: "tc by clsact on lo: both directions, drops, and the hook goes with the last filter",
    programs: [classifier],
    async run(guest) {
      insertModule("sch_ingress");
      insertModule("cls_bpf");
      const bpf = await guest.open(classifier);
      try {
        await withDatagrams(async (datagrams) => {
          const ingress = bpf.attachTrafficControl({
            interface: "lo",
            direction: "ingress",
            how: "clsact",
            program: "on_ingress",
          });
          const egress = bpf.attachTrafficControl({
            interface: "lo",
            direction: "egress",
            how: "clsact",
            program: "on_egress",
          });
          // A second one of the same priority gets a place of its own.
          const second = bpf.attachTrafficControl({
            interface: "lo",
            direction: "egress",
            how: "clsact",
            program: "on_egress",
          });
          second.close();
          await datagrams.send(8, 40);
          await datagrams.send(5, 3);
          assert.deepEqual([count(bpf, 0), count(bpf, 1)], [8n, 13n]);
          assert.equal(datagrams.received, 8);
          egress.close();
          ingress.close();
          await datagrams.send(3, 40);
          assert.deepEqual([count(bpf, 0), count(bpf, 1)], [8n, 13n], "still attached");
          // The hook that was made is gone: it can be made anew.
          assert.equal(guest.kernel.network.addClassifierHook(1), true);
          assert.equal(guest.kernel.network.addClassifierHook(1), false);
          guest.kernel.network.removeClassifierHook(1);
        });
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "a packet socket with a filter hears six datagrams, cut to what the program says",
    programs: [classifier],
    async run(guest) {
      const bpf = await guest.open(classifier);
      try {
        await withDatagrams(async (datagrams) => {
          const socket = bpf.attachRawSocket({ interface: "lo", program: "on_socket" });
          await datagrams.send(6, 10);
          // Each passes lo twice: once on its way out, once on its way in.
          assert.equal(count(bpf, 2), 12n);
          const sizes: number[] = [];
          for (let packet = socket.read(); packet !== undefined; packet = socket.read())
            sizes.push(packet.length);
          assert.deepEqual(sizes, new Array(12).fill(43));
        });
      } finally {
        bpf.close();
      }
    },
  },
  {
    name: "sk_lookup in a network namespace: five datagrams; a flow dissector attaches",
    programs: [lookup],
    async run(guest) {
      const bpf = await guest.open(lookup);
      try {
        await withDatagrams(async (datagrams) => {
          const link = bpf.attachNetworkNamespace({ program: "on_lookup" });
          await datagrams.send(5, 10);
          assert.equal(count(bpf, 0), 5n);
          link.close();
          await datagrams.send(2, 10);
          assert.equal(count(bpf, 0), 5n);
          assert.throws(
            () => bpf.attachNetworkNamespace({ program: "on_flow", path: "/proc/self/ns/no" }),
            /LD089|could not be attached to netns/,
          );
          bpf.attachNetworkNamespace({ program: "on_flow" }).close();
        });
      } finally {
        bpf.close();
      }
    },
  },
];
