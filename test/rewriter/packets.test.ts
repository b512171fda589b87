/** Packet access through bcc/proto.h: what programs read and write, run on packets by this machine's kernel (test runs only). */
import { Collection, CollectionSpec } from "@bpfkit/loader";
import { LinuxKernel } from "@bpfkit/loader/linux";
import { Builder } from "bpfkit/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { canLoadBpf } from "../support/native-tools.ts";
import { Workbench } from "./workbench.ts";

const builder = new Builder({ cache: false });
const bench = new Workbench();

/** Ethernet, VLAN 5 with priority 3, IPv4 (header checksum as of these fields), TCP with SYN and ECE, 4 bytes. */
const packet = Uint8Array.from(
  [
    ...["0123456789ab", "fedcba987654", "8100"],
    ...["6005", "0800"],
    ...["45b8002c", "1234", "4123", "40067359", "c0a80102", "0a0b0c0d"],
    ...["1f90", "01bb", "11223344", "55667788", "5042", "2000", "abcd", "0007"],
    "cafebabe",
  ]
    .join("")
    .match(/../g)
    ?.map((byte) => Number.parseInt(byte, 16)) ?? [],
);

/** Members with what the packet has there. */
const members: readonly (readonly [expression: string, value: bigint])[] = [
  ["ethernet->dst", 0x0123456789abn],
  ["ethernet->src", 0xfedcba987654n],
  ["ethernet->type", 0x8100n],
  ["vlan->pri", 3n],
  ["vlan->cfi", 0n],
  ["vlan->vlanid", 5n],
  ["vlan->type", 0x800n],
  ["ip->ver", 4n],
  ["ip->hlen", 5n],
  ["ip->tos", 0xb8n],
  ["ip->tlen", 44n],
  ["ip->identification", 0x1234n],
  ["ip->ffo_unused", 0n],
  ["ip->df", 1n],
  ["ip->mf", 0n],
  ["ip->foffset", 0x123n],
  ["ip->ttl", 64n],
  ["ip->nextp", 6n],
  ["ip->hchecksum", 0x7359n],
  ["ip->src", 0xc0a80102n],
  ["(ip)->dst", 0x0a0b0c0dn],
  ["tcp->src_port", 0x1f90n],
  ["tcp->dst_port", 443n],
  ["tcp->seq_num", 0x11223344n],
  ["tcp->ack_num", 0x55667788n],
  ["tcp->offset", 5n],
  ["tcp->flag_cwr", 0n],
  ["tcp->flag_ece", 1n],
  ["tcp->flag_syn", 1n],
  ["tcp->flag_fin", 0n],
  ["tcp->rcv_wnd", 0x2000n],
  ["tcp->urg_ptr", 7n],
  ["rest->bytes[2]", 0xban],
  ["words->words[1]", 0xbaben],
  ["load_byte(skb, 0)", 1n],
  ["load_half(skb, 12)", 0x8100n],
  ["load_word(skb, 0)", 0x01234567n],
  ["load_dword(skb, 0)", 0x0123456789abfedcn],
  ["bpf_dext_pkt(skb, 14, 4, 12)", 5n],
  ["typeOf(skb, ethernet)", 0x8100n],
  ["(u64)cursor", 62n],
];

const declarations = `#include <bcc/proto.h>
struct rest_t {
	unsigned char bytes[4];
} BPF_PACKET_HEADER;
struct words_t {
	unsigned short words[2];
} BPF_PACKET_HEADER;
BPF_ARRAY(seen, u64, 64);
static u64 typeOf(struct __sk_buff *skb, struct ethernet_t *header)
{
	return header->type;
}
`;

const layers = `	u8 *cursor = 0;
	struct ethernet_t *ethernet = cursor_advance(cursor, sizeof(*ethernet));
	struct dot1q_t *vlan = cursor_advance(cursor, sizeof(*vlan));
	struct ip_t *ip = cursor_advance(cursor, sizeof(*ip));
	struct tcp_t *tcp = cursor_advance(cursor, sizeof(*tcp));
	struct words_t *words = (struct words_t *)cursor;
	struct rest_t *rest = cursor_advance(cursor, sizeof(*rest));
`;

interface Run {
  readonly returned: number;
  readonly values: readonly bigint[];
  readonly data: Uint8Array;
}

/** Builds a program, and runs it once on a packet in this machine's kernel. */
async function runOnPacket(text: string, data: Uint8Array): Promise<Run | undefined> {
  const { object } = await builder.compile({ file: "packet.c", text });
  if (!canLoadBpf()) {
    if (process.env["CI"] !== undefined) throw new Error("running programs needs root");
    process.stderr.write("SKIPPED: this process may not load BPF programs\n");
    return undefined;
  }
  const kernel = new LinuxKernel();
  try {
    const collection = Collection.load(CollectionSpec.fromObject(object, "packet.c"), kernel);
    const result = collection.programs.get("on_packet")?.testRun({ data });
    const values = [...(collection.maps.get("seen")?.entries() ?? [])].map(([, value]) => value as bigint);
    return { returned: result?.returnValue ?? -1, values, data: result?.data ?? new Uint8Array() };
  } finally {
    kernel.shutdown();
  }
}

const store = ([expression]: readonly [string, bigint], index: number): string =>
  `	{ int key = ${index}; u64 value = ${expression}; seen.update(&key, &value); }\n`;

test("members of every width read what the packet has", async () => {
  // Test runs give socket filters the packet without its Ethernet header.
  const text = `${declarations}__attribute__((section("tc"))) int on_packet(struct __sk_buff *skb)\n{\n${layers}${members.map(store).join("")}	return 7;\n}\n`;
  const run = await runOnPacket(text, packet);
  if (run === undefined) return;
  assert.is(run.returned, 7);
  members.forEach(([expression, value], index) => {
    assert.is(run.values[index], value, `${expression}: ${run.values[index]?.toString(16)}`);
  });
});

test("a read behind the packet ends the program with 0", async () => {
  const text = `${declarations}int on_packet(struct __sk_buff *skb) { return load_byte(skb, 400) + 7; }\n`;
  const run = await runOnPacket(text, packet);
  if (run !== undefined) assert.is(run.returned, 0);
});

test("stores, changes and checksums are in the packet", async () => {
  const text = `${declarations}int on_packet(struct __sk_buff *skb)
{
${layers}	u32 from = ip->src, to = 0xc0a80163;
	vlan->vlanid = 0x123;
	vlan->pri = 1;
	ip->src = to;
	incr_cksum_l3(&ip->hchecksum, from, to);
	incr_cksum_l4(&tcp->cksum, from, to, 1);
	ip->ttl -= 3;
	tcp->urg_ptr++;
	tcp->flag_fin = 1;
	ethernet->dst = ethernet->src;
	return ip->ttl;
}
`;
  const run = await runOnPacket(text, packet);
  if (run === undefined) return;
  const hex = (from: number, to: number): string => Buffer.from(run.data.subarray(from, to)).toString("hex");
  assert.is(run.returned, 61);
  assert.is(hex(0, 12), "fedcba987654fedcba987654");
  assert.is(hex(14, 16), "2123");
  assert.is(hex(26, 27), "3d", "the time to live");
  // RFC 1624: the checksum falls by what the address has grown, here 0x61.
  assert.is(hex(28, 30), "72f8");
  assert.is(hex(30, 34), "c0a80163");
  assert.is(hex(51, 52), "43", "the flags");
  assert.is(hex(54, 56), "ab6c");
  assert.is(hex(56, 58), "0008");
});

test("programs that change packets are those of traffic control", async () => {
  const sectionOf = async (body: string): Promise<string> => {
    const { probes } = await bench.rewrite(
      `${declarations}int on_packet(struct __sk_buff *skb)\n{\n${layers}${body}\n}\n`,
    );
    return probes.find(({ name }) => name === "on_packet")?.section ?? "";
  };
  assert.is(await sectionOf("return ip->ttl;"), "socket");
  assert.is(await sectionOf("ip->ttl = 3; return 0;"), "tc");
  assert.is(await sectionOf("return bpf_clone_redirect(skb, 1, 0);"), "tc");
});

test("the text shows what is read, and keeps its lines", async () => {
  const { text } = await bench.rewrite(
    `${declarations}int on_packet(struct __sk_buff *skb)\n{\n${layers}	if (ip->ttl /* hops */ < 3)\n		tcp->rcv_wnd = ip->ttl *\n			2;\n	return 0;\n}\n`,
  );
  assert.match(text, "if (bpf_dext_pkt(skb, (u64)ip + 8, 0, 8) /* hops */ < 3)");
  assert.match(
    text,
    "bpf_dins_pkt(skb, (u64)tcp + 14, 0, 16, bpf_dext_pkt(skb, (u64)ip + 8, 0, 8) *\n\t\t\t2);",
  );
});

const refused: readonly (readonly [name: string, text: string, code: string])[] = [
  [
    "a header in a function without a packet",
    `${declarations}static int f(struct ip_t *ip) { return ip->ttl; }\nint on_packet(struct __sk_buff *skb)\n{\n${layers} return f(ip);\n}\n`,
    "RW054",
  ],
  [
    "a header that is not packed",
    '#include <bcc/proto.h>\nstruct mine { int a; } __attribute__((deprecated("packet")));\nint f(struct __sk_buff *skb) { struct mine *m = (void *)4; return m->a; }\n',
    "RW055",
  ],
];

for (const [name, text, code] of refused) {
  test(`refused: ${name}`, async () => {
    try {
      await bench.rewrite(text);
      assert.unreachable("not refused");
    } catch (error) {
      assert.is((error as { code?: string }).code, code);
    }
  });
}

test.after(async () => {
  await builder.close();
  await bench.close();
});
test.run();
