/** What programs are run on: packets and contexts, by program type. The same for both builds. */
import type { TestRunInput } from "./libbpf.ts";

/** enum bpf_prog_type, those whose test run needs nothing attached (Linux 6.18). */
const ProgramType = {
  SocketFilter: 1,
  SchedCls: 3,
  SchedAct: 4,
  Xdp: 6,
  CgroupSkb: 8,
  LwtIn: 10,
  LwtOut: 11,
  LwtXmit: 12,
  RawTracepoint: 17,
  LwtSeg6Local: 19,
  FlowDissector: 22,
  Syscall: 31,
} as const;

const packetTypes = new Set<number>([
  ProgramType.SocketFilter,
  ProgramType.SchedCls,
  ProgramType.SchedAct,
  ProgramType.Xdp,
  ProgramType.CgroupSkb,
  ProgramType.LwtIn,
  ProgramType.LwtOut,
  ProgramType.LwtXmit,
  ProgramType.LwtSeg6Local,
  ProgramType.FlowDissector,
]);

/** The runs for a program type; empty where the kernel cannot test such programs, or only with something attached. */
export function inputsFor(type: number): readonly TestRunInput[] {
  if (packetTypes.has(type)) return packets().map((data) => ({ data }));
  if (type === ProgramType.RawTracepoint)
    return [
      { context: words(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
      { context: words(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12) },
    ];
  if (type === ProgramType.Syscall) return [{ context: new Uint8Array(256) }];
  return [];
}

function words(...values: readonly number[]): Uint8Array {
  return new Uint8Array(new BigUint64Array(values.map(BigInt)).buffer);
}

const ethernet = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

/** Ethernet frames: IPv4 and IPv6, TCP, UDP and ICMP, options, VLAN tags, tunnels, nonsense, and one that is cut off. */
function packets(): Uint8Array[] {
  const tcp = [
    ...be16(1234),
    ...be16(80),
    ...be32(1),
    ...be32(2),
    0x50,
    0x12,
    ...be16(8192),
    ...be16(0),
    ...be16(0),
  ];
  const payload = Array.from({ length: 64 }, (_, index) => (index * 7) & 255);
  const udp = [...be16(5000), ...be16(9), ...be16(8 + payload.length), ...be16(0)];
  const options = [8, 10, ...be32(77), ...be32(66), 1, 1];
  const tcpOptions = [...tcp.slice(0, 12), 0x80, ...tcp.slice(13), ...options];
  const vlan = [...be16(0x8100), ...be16(42)];
  const segments = [41, 2, 4, 0, 0, 0, ...be16(0), ...address6(9)];
  const frames = [
    [...ethernet, ...be16(0x0800), ...ip4(6, [...tcp, ...payload])],
    [...ethernet, ...be16(0x0800), ...ip4(6, tcpOptions)],
    [...ethernet, ...be16(0x0800), ...ip4(17, [...udp, ...payload])],
    [...ethernet, ...be16(0x0800), ...ip4(1, [8, 0, ...be16(0), ...be32(1), ...payload])],
    [...ethernet, ...be16(0x0800), ...ip4(4, ip4(6, tcp))],
    [...ethernet, ...vlan, ...be16(0x0800), ...ip4(17, [...udp, ...payload])],
    [...ethernet, ...be16(0x86dd), ...ip6(6, [...tcp, ...payload])],
    [...ethernet, ...be16(0x86dd), ...ip6(17, [...udp, ...payload])],
    [...ethernet, ...be16(0x86dd), ...ip6(43, [...segments, ...ip6(17, udp)])],
    [...ethernet, ...be16(0x86dd), ...ip6(58, [128, 0, ...be16(0), ...be32(1), ...payload])],
    [...ethernet, ...be16(0x0806), ...payload],
    [...ethernet, ...be16(0x0800), 0x45, 0, 0, 20],
    payload,
    Array.from({ length: 1400 }, (_, index) => (index * 31 + (index >> 8)) & 255),
  ];
  return frames.map((bytes) => new Uint8Array(bytes));
}

function be16(value: number): number[] {
  return [value >> 8, value & 255];
}

function be32(value: number): number[] {
  return [...be16(value >>> 16), ...be16(value & 0xffff)];
}

function ip4(protocol: number, rest: readonly number[]): number[] {
  const length = be16(20 + rest.length);
  return [0x45, 0, ...length, 0, 1, 0x40, 0, 64, protocol, 0, 0, 192, 168, 1, 1, 10, 0, 0, 2, ...rest];
}

function ip6(protocol: number, rest: readonly number[]): number[] {
  return [0x60, 0, 0, 0, ...be16(rest.length), protocol, 64, ...address6(1), ...address6(2), ...rest];
}

function address6(last: number): number[] {
  return [0xfd, ...Array.from({ length: 14 }, () => 0), last];
}
