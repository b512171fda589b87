/** Sockets: filters on what a socket receives, and programs that choose a socket of a group. */
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel } from "@bpfkit/base/kernel";
import type { Program } from "../object/program.ts";
import { type Link, undoableLink } from "./link.ts";
import { interfaceIndex } from "./network-interface.ts";

/** Attaches a filter to a socket of this process. @throws BpfkitError LD090 */
export function attachSocketFilter(kernel: Kernel, program: Program, socket: number): Link {
  set(kernel, program, socket, "filter");
  return undoableLink(`socket:${socket}`, [], () => kernel.network.detachFromSocket(socket));
}

/** Attaches a program that chooses among the sockets of a SO_REUSEPORT group (Linux 4.19); it goes with the sockets. */
export function attachReuseport(kernel: Kernel, program: Program, socket: number): Link {
  set(kernel, program, socket, "reuseport");
  return undoableLink(`sk_reuseport:${socket}`, [], () => {});
}

/** A raw packet socket with a filter: what the program lets through can be read. */
export interface PacketSocket extends Link {
  readonly fd: Fd;
  /** The next packet, from its link-layer header on, cut to what the program returned; undefined: none is waiting. */
  read(): Uint8Array | undefined;
}

/** Opens a packet socket on an interface (every one for an empty name), filtered from its first packet on. @throws BpfkitError LD087, LD090 */
export function openPacketSocket(kernel: Kernel, program: Program, interfaceName: string): PacketSocket {
  const ifindex = interfaceName === "" ? 0 : interfaceIndex(kernel, program, interfaceName);
  let fd: Fd;
  try {
    fd = kernel.network.openPacketSocket(ifindex, program.fd);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new BpfkitError(
      "LD090",
      `program ${program.name}: no packet socket with it can be opened: ${error.message}`,
      {
        cause: error,
        hint: "It needs CAP_NET_RAW, and a program of a socket filter.",
      },
    );
  }
  const link = undoableLink(`socket:${interfaceName || "every interface"}`, [fd], () => kernel.close(fd));
  return { ...link, fd, read: () => kernel.network.readPacket(fd) };
}

function set(kernel: Kernel, program: Program, socket: number, how: "filter" | "reuseport"): void {
  try {
    kernel.network.attachToSocket(socket, program.fd, how);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new BpfkitError(
      "LD090",
      `program ${program.name} could not be attached to socket ${socket}: ${error.message}`,
      { cause: error },
    );
  }
}
