/** A question to a DNS server and its answer: UDP as a process sees it, down to the packet that is read. */
import { ipBytes } from "../objects/ip-address.ts";
import type { Task } from "../objects/task.ts";
import { AddressFamily } from "../objects/tcp-socket.ts";
import { once } from "../once.ts";
import type { Activity } from "../scheduler.ts";
import type { Simulation } from "../simulation.ts";
import { systemCall } from "./system-call.ts";

const DnsPort = 53;
const SocketFd = 6n;
const UdpHeaderSize = 8;
/** Room in front of the UDP header for those of Ethernet and IP. */
const HeadRoom = 64;
/** Time of sendto(2) in the kernel, ns. */
export const DnsSendNs = 8_000;

/** One lookup. */
export interface DnsLookup {
  readonly name: string;
  readonly addresses: readonly string[];
  /** From the question to the answer. */
  readonly roundTripNs: number;
}

/** The answer as RFC 1035 has it: one question, one record for each address. */
export function dnsAnswer(lookup: DnsLookup): Uint8Array {
  const labels = lookup.name
    .split(".")
    .flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
  const records = lookup.addresses.map(ipBytes).flatMap((address) => {
    const type = address.length === 4 ? 1 : 28;
    // A pointer to the question's name; type; class IN; lifetime 300 s; length.
    return [0xc0, 12, 0, type, 0, 1, 0, 0, 1, 44, 0, address.length, ...address];
  });
  const type = lookup.addresses.some((address) => address.includes(":")) ? 28 : 1;
  const header = [0x2b, 0x67, 0x81, 0x80, 0, 1, 0, lookup.addresses.length, 0, 0, 0, 0];
  return Uint8Array.from([...header, ...labels, 0, 0, type, 0, 1, ...records]);
}

/** Asks a server and reads the answer. */
export function* lookUpName(simulation: Simulation, task: Task, lookup: DnsLookup): Activity {
  const { tracer, world } = simulation;
  const buffer = once(() => task.image?.bytes(new Uint8Array(512)) ?? 0n);
  const socket = once(() =>
    world.objects.create("udp_sock").set({
      "inet.sk.__sk_common.skc_family": AddressFamily[4],
      "inet.sk.__sk_common.skc_dport": Uint8Array.of(0, DnsPort),
    }),
  );
  yield* systemCall(
    simulation,
    task,
    "sendto",
    () => [SocketFd, buffer(), 40n, 0n, 0n, 0n],
    function* () {
      tracer.enter("__sys_sendto");
      tracer.enter("udp_sendmsg", () => [socket().address, 0n, 40n]);
      yield { kind: "run", ns: DnsSendNs };
      tracer.leave(40n);
      tracer.leave(40n);
      return 40n;
    },
  );
  yield* systemCall(
    simulation,
    task,
    "recvfrom",
    () => [SocketFd, buffer(), 512n, 0n, 0n, 0n],
    function* () {
      tracer.enter("__sys_recvfrom");
      tracer.enter("udp_recvmsg", () => [socket().address, 0n, 512n]);
      yield { kind: "sleep", ns: lookup.roundTripNs };
      const answer = dnsAnswer(lookup);
      const size = BigInt(answer.length);
      readPacket(simulation, answer, () => socket().address);
      tracer.leave(size);
      tracer.leave(size);
      return size;
    },
  );
}

/** The process has the packet, and the kernel frees it. */
function readPacket(simulation: Simulation, payload: Uint8Array, socket: () => bigint): void {
  const { tracer, world } = simulation;
  const made: (() => void)[] = [];
  const packet = once(() => {
    const length = UdpHeaderSize + payload.length;
    const head = world.memory.allocate(HeadRoom + length, 64, "kernel");
    const bytes = Uint8Array.from([0, DnsPort, 0x9c, 0x40, length >> 8, length & 0xff, 0, 0, ...payload]);
    world.memory.write(head + BigInt(HeadRoom), bytes);
    const buffer = world.objects.create("sk_buff").set({
      head,
      data: head + BigInt(HeadRoom + UdpHeaderSize),
      transport_header: HeadRoom,
      len: payload.length,
    });
    made.push(
      () => world.memory.release(head),
      () => buffer.release(),
    );
    return buffer.address;
  });
  tracer.call("skb_consume_udp", () => [socket(), packet(), BigInt(payload.length)]);
  for (const release of made) release();
}
