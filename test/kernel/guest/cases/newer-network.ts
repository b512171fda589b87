/** Guest tests of programs on packets that need a newer kernel: tcx in an order, netkit, netfilter, links of sockmaps. */
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { NotSupportedError } from "@bpfkit/base/diagnostics";
import { type Kernel, type LinkInfo, LinkType } from "@bpfkit/base/kernel";
import type { Link } from "@bpfkit/loader";
import type { BPF, ToolProgram } from "bpfkit";
import type { GuestCase } from "../guest-case.ts";
import { countingHead } from "./kernel-probes.ts";
import { makeNetkitPair } from "./netkit-pair.ts";
import { port, withDatagrams } from "./network.ts";

const classifiers: ToolProgram = {
  file: "newer-classifiers.bpf.c",
  text: `${countingHead}
#include <bpf/bpf_endian.h>

static __always_inline int is_ours(struct __sk_buff *skb)
{
    struct udphdr udp;
    u8 protocol = 0;

    bpf_skb_load_bytes(skb, 14 + 9, &protocol, 1);
    if (skb->protocol != bpf_htons(0x0800) || protocol != IPPROTO_UDP)
        return 0;
    return bpf_skb_load_bytes(skb, 14 + 20, &udp, sizeof(udp)) == 0 && udp.dest == bpf_htons(${port});
}

/* Every program adds its digit to the packet's mark. */
static __always_inline int digit(struct __sk_buff *skb, u32 number)
{
    if (is_ours(skb))
        skb->mark = skb->mark * 10 + number;
    return -1; /* TCX_NEXT, NETKIT_NEXT */
}

SEC("tcx/egress") int one(struct __sk_buff *skb) { return digit(skb, 1); }
SEC("tcx/egress") int two(struct __sk_buff *skb) { return digit(skb, 2); }
SEC("tcx/egress") int three(struct __sk_buff *skb) { return digit(skb, 3); }
SEC("tcx/egress")
int last(struct __sk_buff *skb)
{
    if (!is_ours(skb))
        return -1;
    count(skb->mark);
    skb->mark = 0;
    return skb->len == 14 + 20 + 8 + 3 ? 2 /* TCX_DROP */ : -1;
}

SEC("tcx/ingress")
int incoming(struct __sk_buff *skb)
{
    if (is_ours(skb))
        count(9);
    return -1;
}

SEC("netkit/primary") int primary_one(struct __sk_buff *skb) { return digit(skb, 1); }
SEC("netkit/primary")
int primary(struct __sk_buff *skb)
{
    if (!is_ours(skb))
        return -1;
    count(100 + skb->mark);
    skb->mark = 0;
    return 0; /* NETKIT_PASS */
}
SEC("netkit/peer")
int peer(struct __sk_buff *skb)
{
    if (is_ours(skb))
        count(200);
    return 2; /* NETKIT_DROP */
}
`,
};

const filter: ToolProgram = {
  file: "netfilter.bpf.c",
  text: `${countingHead}
#include <bpf/bpf_endian.h>

struct bpf_nf_ctx { const struct nf_hook_state *state; struct sk_buff *skb; };

/* Counts datagrams by their length, and lets no short ones in. */
SEC("netfilter")
int on_packet(struct bpf_nf_ctx *ctx)
{
    struct sk_buff *skb = ctx->skb;
    unsigned char *head = BPF_CORE_READ(skb, head);
    struct iphdr ip;
    struct udphdr udp;

    bpf_probe_read_kernel(&ip, sizeof(ip), head + BPF_CORE_READ(skb, network_header));
    if (ip.protocol != IPPROTO_UDP)
        return 1; /* NF_ACCEPT */
    bpf_probe_read_kernel(&udp, sizeof(udp), head + BPF_CORE_READ(skb, network_header) + ip.ihl * 4);
    if (udp.dest != bpf_htons(${port}))
        return 1;
    count(bpf_ntohs(udp.len));
    return bpf_ntohs(udp.len) == 8 + 3 ? 0 /* NF_DROP */ : 1;
}
`,
};

function counted(bpf: BPF): Record<string, number> {
  const rows = bpf.table("counts").items();
  return Object.fromEntries(rows.map(([key, value]) => [String(key), Number(value)]));
}

/** What the kernel says of a link. */
function linkOf(kernel: Kernel, { fds: [fd] }: Link): LinkInfo {
  assert.ok(fd !== undefined, "no link");
  return kernel.objects.linkInfo(fd);
}

const ip = (...words: readonly string[]): string => execFileSync("/bin/ip", words, { encoding: "utf8" });

/** Packets on newer kernels. */
export const newerNetworkCases: readonly GuestCase[] = [
  {
    only: "backports",
    name: "tcx on lo: both directions, programs in order, drops, gone with their links",
    programs: [classifiers],
    async run(guest) {
      const bpf = await guest.open(classifiers);
      const egress = { interface: "lo", direction: "egress" } as const;
      try {
        await withDatagrams(async (datagrams) => {
          const link = bpf.attachTrafficControl({ ...egress, program: "one" });
          assert.equal(linkOf(guest.kernel, link).type, LinkType.Tcx);
          bpf.attachTrafficControl({ ...egress, program: "last" });
          bpf.attachTrafficControl({ ...egress, program: "two", order: { before: link } });
          const third = bpf.attachTrafficControl({
            ...egress,
            program: "three",
            order: { after: bpf.program("one") },
          });
          bpf.attachTrafficControl({ interface: "lo", direction: "ingress", program: "incoming" });
          assert.throws(
            () => bpf.attachTrafficControl({ ...egress, program: "one" }),
            (error: Error & { hint?: string }) =>
              /LD087|EEXIST/.test(error.message) && /attached there already/.test(error.hint ?? ""),
          );
          await datagrams.send(8, 40);
          await datagrams.send(5, 3);
          assert.deepEqual(counted(bpf), { 9: 8, 213: 13 });
          assert.equal(datagrams.received, 8);
          third.close();
          await datagrams.send(2, 40);
          assert.deepEqual(counted(bpf), { 9: 10, 213: 13, 21: 2 });
          bpf.attachTrafficControl({ ...egress, program: "three", order: { before: "all" } });
          await datagrams.send(3, 40);
          assert.deepEqual(counted(bpf), { 9: 13, 213: 13, 21: 2, 321: 3 });
          assert.throws(
            () =>
              bpf.attachTrafficControl({ ...egress, program: "one", how: "clsact", order: { after: "all" } }),
            /order of classifiers/,
          );
          bpf.detach();
          await datagrams.send(3, 3);
          assert.deepEqual(counted(bpf), { 9: 13, 213: 13, 21: 2, 321: 3 }, "still attached");
        });
      } finally {
        bpf.close();
      }
    },
  },
  {
    only: "backports",
    name: "netkit: both ends of a pair, in order, and what is no netkit device is refused",
    programs: [classifiers],
    async run(guest) {
      const bpf = await guest.open(classifiers);
      makeNetkitPair("nk0", "nk1");
      try {
        for (const [name, net] of [
          ["nk0", 1],
          ["nk1", 2],
        ] as const) {
          ip("addr", "add", `10.8.${net}.1/24`, "broadcast", `10.8.${net}.255`, "dev", name);
          ip("link", "set", name, "up");
        }
        const place = { interface: "nk0" };
        const link = bpf.attachNetkit({ ...place, program: "primary" });
        assert.equal(linkOf(guest.kernel, link).type, LinkType.Netkit);
        bpf.attachNetkit({ ...place, program: "primary_one", order: { before: link } });
        bpf.attachNetkit({ ...place, program: "peer" });
        await withDatagrams(async (datagrams) => await datagrams.send(9, 30), "10.8.1.255");
        await withDatagrams(async (datagrams) => await datagrams.send(4, 30), "10.8.2.255");
        assert.deepEqual(counted(bpf), { 101: 9, 200: 4 });
        assert.throws(
          () => bpf.attachNetkit({ interface: "lo", program: "peer" }),
          (error: Error & { hint?: string }) =>
            /LD087|could not be attached/.test(error.message) && /primary device/.test(error.hint ?? ""),
        );
        assert.throws(() => bpf.attachNetkit({ ...place, program: "one" }), /is not in SEC\("netkit/);
        bpf.detach();
        await withDatagrams(async (datagrams) => await datagrams.send(2, 30), "10.8.1.255");
        assert.deepEqual(counted(bpf), { 101: 9, 200: 4 }, "still attached");
      } finally {
        bpf.close();
        ip("link", "del", "nk0");
      }
    },
  },
  {
    only: "backports",
    name: "netfilter: eleven datagrams at the input hook, the short ones dropped",
    programs: [filter],
    async run(guest) {
      const bpf = await guest.open(filter);
      const place = { family: "ipv4", hook: "input", program: "on_packet" } as const;
      try {
        await withDatagrams(async (datagrams) => {
          const link = bpf.attachNetfilter({ ...place, priority: -5 });
          const info = linkOf(guest.kernel, link).target;
          assert.deepEqual(info, { kind: "netfilter", family: 2, hook: 1, priority: -5, flags: 0 });
          assert.throws(
            () => bpf.attachNetfilter({ ...place, priority: -5 }),
            (error: Error & { hint?: string }) =>
              /LD095|EBUSY/.test(error.message) && /another one/.test(error.hint ?? ""),
          );
          bpf.attachNetfilter({ ...place, family: "ipv6" });
          await datagrams.send(7, 20);
          await datagrams.send(4, 3);
          assert.deepEqual(counted(bpf), { 28: 7, 11: 4 });
          assert.equal(datagrams.received, 7);
          link.close();
          await datagrams.send(2, 3);
          assert.deepEqual([datagrams.received, counted(bpf)], [9, { 28: 7, 11: 4 }]);
        });
      } finally {
        bpf.close();
      }
    },
  },
  {
    only: "stable",
    name: "netfilter, netkit and an order of classifiers are refused with the release that has them",
    programs: [filter, classifiers],
    async run(guest) {
      await assert.rejects(
        guest.open(filter),
        (error: Error & { hint?: string }) =>
          /LD050|refused/.test(error.message) && /6\.4/.test(error.hint ?? ""),
      );
      const bpf = await guest.open(classifiers);
      const isSince = (release: string) => (error: unknown) =>
        error instanceof NotSupportedError && error.since === release;
      try {
        assert.throws(() => bpf.attachNetkit({ interface: "lo", program: "peer" }), isSince("6.7"));
        const place = { interface: "lo", direction: "egress", program: "one" } as const;
        assert.throws(() => bpf.attachTrafficControl({ ...place, order: { before: "all" } }), isSince("6.6"));
      } finally {
        bpf.close();
      }
    },
  },
];
