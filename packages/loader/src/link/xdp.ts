/** XDP: a program on every packet that an interface receives, before the network stack sees it. */
import { AttachType, Errno } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import type { Program } from "../object/program.ts";
import { descriptorLink, type Link, undoableLink } from "./link.ts";
import { interfaceIndex } from "./network-interface.ts";

/** XDP_FLAGS_* (uapi linux/if_link.h). */
const Mode = { generic: 2, native: 4, offload: 8 } as const;
const onlyWhereNone = 1;

/** Where and how to attach. */
export interface XdpOptions {
  /** Name of the interface. */
  readonly interface: string;
  /** `native`: in the driver. `generic`: in the stack, slower, on any interface. Left out: the kernel chooses. */
  readonly mode?: "native" | "generic" | "offload";
  /** `netlink` attaches as before Linux 5.9: it stays attached when this process is killed. */
  readonly how?: "auto" | "netlink";
}

/**
 * Attaches to an interface, by a link or, on kernels before 5.9, through netlink.
 * @throws BpfkitError LD087 where there is no such interface, where it has an XDP program, or no such mode
 */
export function attachXdp(kernel: Kernel, program: Program, options: XdpOptions): Link {
  const { mode, how = "auto" } = options;
  const description = `xdp:${options.interface}${mode === undefined ? "" : `:${mode}`}`;
  const ifindex = interfaceIndex(kernel, program, options.interface);
  const flags = mode === undefined ? 0 : Mode[mode];
  try {
    if (how === "auto") {
      const link = tryLink(kernel, program, ifindex, flags);
      if (link !== undefined) return descriptorLink(kernel, description, [link]);
    }
    kernel.network.setXdp(ifindex, program.fd, flags | onlyWhereNone);
    return undoableLink(description, [], () => kernel.network.setXdp(ifindex, -1, flags));
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new BpfkitError(
      "LD087",
      `program ${program.name} could not be attached to ${description}: ${error.message}`,
      { cause: error, ...hintFor(error.errno) },
    );
  }
}

/** Undefined where the kernel has no such links: it says EINVAL, as it does for other reasons, which netlink then names. */
function tryLink(kernel: Kernel, program: Program, ifindex: number, flags: number) {
  try {
    return kernel.links.linkCreate({
      program: program.fd,
      target: ifindex,
      attachType: AttachType.Xdp,
      flags,
      details: { kind: "plain" },
    });
  } catch (error) {
    if (error instanceof SyscallError && error.errno === Errno.EINVAL) return undefined;
    throw error;
  }
}

function hintFor(errno: number): { readonly hint?: string } {
  if (errno === Errno.EBUSY || errno === Errno.EEXIST) {
    return { hint: "The interface has an XDP program; see bpftool net or ip link." };
  }
  if (errno === Errno.EOPNOTSUPP) return { hint: "The driver has no native XDP; use mode generic." };
  return {};
}
