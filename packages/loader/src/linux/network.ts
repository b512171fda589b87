/** Attaching to interfaces by netlink and to sockets by setsockopt. */
import { readdirSync, readFileSync } from "node:fs";
import { Errno } from "@bpfkit/base/abi";
import { ByteWriter } from "@bpfkit/base/bytes";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, KernelNetwork, TrafficFilter } from "@bpfkit/base/kernel";
import type { Descriptors } from "./descriptors.ts";
import { rawSyscall, syscall } from "./ffi.ts";
import { netlinkRequest, RequestFlag } from "./netlink.ts";

/** Messages of rtnetlink. */
const Message = { SetLink: 19, NewQdisc: 36, DelQdisc: 37, NewFilter: 44, DelFilter: 45 } as const;
/** IFLA_XDP and its members. */
const xdpAttribute = 43;
const Xdp = { Fd: 1, Flags: 3 } as const;
/** TCA_*. */
const kindAttribute = 1;
const optionsAttribute = 2;
/** TCA_BPF_*; the flag of direct action. */
const BpfFilter = { Fd: 6, Name: 7, Flags: 8 } as const;
const directAction = 1;
/** TC_H_CLSACT, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS | TC_H_MIN_EGRESS). */
const clsactParent = 0xffff_fff1;
const clsactHandle = 0xffff_0000;
const parents = { ingress: 0xffff_fff2, egress: 0xffff_fff3 } as const;
/** ETH_P_ALL in network order. */
const everyProtocol = 0x0300;

const packetFamily = 17;
const rawSocket = 3;
const nonBlocking = 0o4000;
const closeOnExec = 0o2000000;
const dontWait = 0x40;
/** SOL_SOCKET and its options. */
const socketLevel = 1;
const SocketOption = { AttachBpf: 50, DetachFilter: 27, AttachReuseportEbpf: 52 } as const;
const largestPacket = 1 << 16;

function linkMessage(ifindex: number): Uint8Array {
  const writer = new ByteWriter();
  writer.u32(0); // family, padding, type
  writer.u32(ifindex);
  writer.u32(0);
  writer.u32(0);
  return writer.finish();
}

function trafficMessage(ifindex: number, handle: number, parent: number, info: number): Uint8Array {
  const writer = new ByteWriter();
  writer.u32(0); // family, padding
  writer.u32(ifindex);
  writer.u32(handle);
  writer.u32(parent);
  writer.u32(info);
  return writer.finish();
}

function i32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}

/** The network facet. */
export class LinuxNetwork implements KernelNetwork {
  readonly #descriptors: Descriptors;

  constructor(descriptors: Descriptors) {
    this.#descriptors = descriptors;
  }

  interfaceIndex(name: string): number {
    let text: string;
    try {
      if (name === "" || name.includes("/") || name === "." || name === "..") throw new Error("no such name");
      text = readFileSync(`/sys/class/net/${name}/ifindex`, "utf8");
    } catch (cause) {
      throw new SyscallError("if_nametoindex", Errno.ENODEV, { detail: name, cause });
    }
    return Number(text);
  }

  interfaceName(index: number): string | undefined {
    try {
      return readdirSync("/sys/class/net").find((name) => this.interfaceIndex(name) === index);
    } catch {
      // It went away meanwhile, or there is no sysfs.
      return undefined;
    }
  }

  setXdp(ifindex: number, program: Fd | -1, flags: number): void {
    netlinkRequest("RTM_SETLINK", { type: Message.SetLink, flags: 0, body: linkMessage(ifindex) }, [
      [
        xdpAttribute,
        [
          [Xdp.Fd, i32(program)],
          [Xdp.Flags, flags],
        ],
      ],
    ]);
  }

  addClassifierHook(ifindex: number): boolean {
    const body = trafficMessage(ifindex, clsactHandle, clsactParent, 0);
    const flags = RequestFlag.Create | RequestFlag.Exclusive;
    try {
      netlinkRequest("RTM_NEWQDISC", { type: Message.NewQdisc, flags, body }, [[kindAttribute, "clsact"]]);
      return true;
    } catch (error) {
      if (error instanceof SyscallError && error.errno === Errno.EEXIST) return false;
      throw error;
    }
  }

  removeClassifierHook(ifindex: number): void {
    const body = trafficMessage(ifindex, clsactHandle, clsactParent, 0);
    netlinkRequest("RTM_DELQDISC", { type: Message.DelQdisc, flags: 0, body }, [[kindAttribute, "clsact"]]);
  }

  addFilter(filter: TrafficFilter, program: Fd, name: string): void {
    const flags = RequestFlag.Create | RequestFlag.Exclusive;
    netlinkRequest("RTM_NEWTFILTER", { type: Message.NewFilter, flags, body: filterMessage(filter) }, [
      [kindAttribute, "bpf"],
      [
        optionsAttribute,
        [
          [BpfFilter.Fd, i32(program)],
          [BpfFilter.Name, name],
          [BpfFilter.Flags, directAction],
        ],
      ],
    ]);
  }

  removeFilter(filter: TrafficFilter): void {
    const request = { type: Message.DelFilter, flags: 0, body: filterMessage(filter) };
    netlinkRequest("RTM_DELTFILTER", request, [[kindAttribute, "bpf"]]);
  }

  openPacketSocket(ifindex: number, filter: Fd): Fd {
    const type = rawSocket | nonBlocking | closeOnExec;
    const socket = this.#descriptors.add(
      // Without a protocol it hears nothing before it is bound.
      rawSyscall("socket", packetFamily, type, 0),
      "socket(AF_PACKET)",
    );
    // struct sockaddr_ll: family, protocol, ifindex, then an address that binding ignores.
    const address = new Uint8Array(20);
    const view = new DataView(address.buffer);
    view.setUint16(0, packetFamily, true);
    view.setUint16(2, everyProtocol, true);
    view.setInt32(4, ifindex, true);
    try {
      this.attachToSocket(socket, filter, "filter");
      syscall("bind", "bind", socket, address, address.length);
    } catch (error) {
      this.#descriptors.close(socket);
      throw error;
    }
    return socket;
  }

  attachToSocket(socket: number, program: Fd, how: "filter" | "reuseport"): void {
    const option = how === "filter" ? SocketOption.AttachBpf : SocketOption.AttachReuseportEbpf;
    const command = how === "filter" ? "SO_ATTACH_BPF" : "SO_ATTACH_REUSEPORT_EBPF";
    syscall(command, "setsockopt", socket, socketLevel, option, i32(program), 4);
  }

  detachFromSocket(socket: number): void {
    syscall("SO_DETACH_BPF", "setsockopt", socket, socketLevel, SocketOption.DetachFilter, i32(0), 4);
  }

  readPacket(socket: Fd): Uint8Array | undefined {
    const packet = new Uint8Array(largestPacket);
    const length = rawSyscall("recvfrom", socket, packet, packet.length, dontWait, 0, 0);
    if (length === -Errno.EAGAIN || length === -Errno.EINTR) return undefined;
    if (length < 0) throw new SyscallError("recvfrom", -length);
    return packet.slice(0, length);
  }
}

function filterMessage({ ifindex, handle, direction, priority }: TrafficFilter): Uint8Array {
  return trafficMessage(ifindex, handle, parents[direction], ((priority << 16) | everyProtocol) >>> 0);
}
