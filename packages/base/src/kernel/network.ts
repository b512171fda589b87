/** Attaching to network interfaces and sockets where bpf(2) itself does not: netlink and setsockopt. */
import type { Fd } from "./kernel.ts";

/** One filter of the traffic control subsystem, in direct-action mode (`tc filter add ... bpf direct-action`). */
export interface TrafficFilter {
  readonly ifindex: number;
  readonly direction: "ingress" | "egress";
  /** Filters of lower numbers run first. */
  readonly priority: number;
  readonly handle: number;
}

/** The network facet. What is attached here outlives this process unless it is detached. */
export interface KernelNetwork {
  /** @throws SyscallError ENODEV */
  interfaceIndex(name: string): number;
  /** Undefined where no interface of this network namespace has the number. */
  interfaceName(index: number): string | undefined;
  /**
   * Attaches an XDP program to an interface through netlink, or detaches with -1 (Linux 4.8).
   * @param flags XDP_FLAGS_*: 1 only where there is none, 2 generic, 4 native, 8 offloaded
   * @throws SyscallError EBUSY where there is one, EOPNOTSUPP where the driver has no native mode
   */
  setXdp(ifindex: number, program: Fd | -1, flags: number): void;
  /** Makes the hook for classifiers (qdisc clsact, Linux 4.5). False: it was there. */
  addClassifierHook(ifindex: number): boolean;
  removeClassifierHook(ifindex: number): void;
  /** @throws SyscallError EEXIST where the priority and handle are taken */
  addFilter(filter: TrafficFilter, program: Fd, name: string): void;
  removeFilter(filter: TrafficFilter): void;
  /** A raw packet socket that hears one interface (all for 0) through a filter from its first packet on, not blocking. */
  openPacketSocket(ifindex: number, filter: Fd): Fd;
  /** SO_ATTACH_BPF or SO_ATTACH_REUSEPORT_EBPF on a socket of this process. */
  attachToSocket(socket: number, program: Fd, how: "filter" | "reuseport"): void;
  /** SO_DETACH_BPF. */
  detachFromSocket(socket: number): void;
  /** The next packet of a packet socket; undefined: none is waiting. */
  readPacket(socket: Fd): Uint8Array | undefined;
}
