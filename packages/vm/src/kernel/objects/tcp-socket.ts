/** One end of a TCP connection as the kernel lays it out: `struct tcp_sock`, made when a probe first looks. */
import { ipBytes, mappedIpv6 } from "./ip-address.ts";
import type { FieldValue, KernelObject, KernelObjects } from "./kernel-object.ts";

/** Values of `sk_state` (kernel include/net/tcp_states.h). */
export const TcpState = {
  established: 1,
  synSent: 2,
  synReceived: 3,
  finWait1: 4,
  finWait2: 5,
  close: 7,
  closeWait: 8,
  lastAck: 9,
  listen: 10,
} as const;

/** A state's name. */
export type TcpStateName = keyof typeof TcpState;

/** AF_INET and AF_INET6. */
export const AddressFamily = { 4: 2, 6: 10 } as const;

const ProtocolTcp = 6;
const StreamSocket = 1;
/** Path of `struct sock` in `struct tcp_sock`, and of what connections have in common in there. */
const Sock = "inet_conn.icsk_inet.sk";
const Common = `${Sock}.__sk_common`;

/** Where a connection goes. Addresses are text, ports numbers. */
export interface TcpEndpoints {
  readonly version: 4 | 6;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** A socket. Its struct follows every change. */
export class TcpSocket {
  readonly endpoints: TcpEndpoints;
  readonly #objects: KernelObjects;
  readonly #networkNamespace: () => bigint;
  #state: TcpStateName;
  #isBound = false;
  #bytesAcked = 0;
  #bytesReceived = 0;
  #struct: KernelObject | undefined;

  constructor(
    objects: KernelObjects,
    networkNamespace: () => bigint,
    endpoints: TcpEndpoints,
    state: TcpStateName,
  ) {
    this.#objects = objects;
    this.#networkNamespace = networkNamespace;
    this.endpoints = endpoints;
    this.#state = state;
    // A child of a listening socket is bound from the start.
    this.#isBound = state !== "close";
  }

  get state(): TcpStateName {
    return this.#state;
  }

  set state(state: TcpStateName) {
    this.#state = state;
    this.#update();
  }

  /** Its address, where it is laid out on the first look. */
  get address(): bigint {
    this.#struct ??= this.#objects.create("tcp_sock").set(this.#fields());
    return this.#struct.address;
  }

  /** The local port that programs see: 0 until the kernel has chosen one. */
  get localPort(): number {
    return this.#isBound ? this.endpoints.localPort : 0;
  }

  /** The kernel chooses the local port. */
  bind(): void {
    this.#isBound = true;
    this.#update();
  }

  /** The other side has got this much. */
  sent(bytes: number): void {
    this.#bytesAcked += bytes;
    this.#update();
  }

  /** This much has come from the other side. */
  received(bytes: number): void {
    this.#bytesReceived += bytes;
    this.#update();
  }

  release(): void {
    this.#struct?.release();
    this.#struct = undefined;
  }

  #update(): void {
    this.#struct?.set(this.#fields());
  }

  #fields(): Record<string, FieldValue> {
    const { version, localAddress, remoteAddress, remotePort } = this.endpoints;
    const [local, remote] = [ipBytes(localAddress), ipBytes(remoteAddress)];
    const remotePortBytes = Uint8Array.of(remotePort >> 8, remotePort & 0xff);
    const localPortBytes = Uint8Array.of(this.localPort >> 8, this.localPort & 0xff);
    const addresses: Record<string, FieldValue> =
      version === 4
        ? {
            [`${Common}.skc_daddr`]: remote,
            [`${Common}.skc_rcv_saddr`]: local,
            [`${Common}.skc_v6_daddr`]: mappedIpv6(remote),
            [`${Common}.skc_v6_rcv_saddr`]: mappedIpv6(local),
            "inet_conn.icsk_inet.inet_saddr": local,
          }
        : { [`${Common}.skc_v6_daddr`]: remote, [`${Common}.skc_v6_rcv_saddr`]: local };
    return {
      ...addresses,
      [`${Common}.skc_dport`]: remotePortBytes,
      [`${Common}.skc_num`]: this.localPort,
      [`${Common}.skc_family`]: AddressFamily[version],
      [`${Common}.skc_state`]: TcpState[this.#state],
      [`${Common}.skc_net.net`]: this.#networkNamespace(),
      [`${Sock}.sk_protocol`]: ProtocolTcp,
      [`${Sock}.sk_type`]: StreamSocket,
      "inet_conn.icsk_inet.inet_sport": localPortBytes,
      bytes_acked: this.#bytesAcked,
      bytes_received: this.#bytesReceived,
    };
  }
}
