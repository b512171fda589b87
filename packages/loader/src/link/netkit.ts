/** netkit devices (Linux 6.7): a program on every packet that one end of the pair sends to the other. */
import { Errno, NewerAttachType } from "@bpfkit/base/abi";
import { BpfkitError, NotSupportedError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import { hasFeature } from "../features/feature.ts";
import type { Program } from "../object/program.ts";
import { type ClassifierOrder, orderAttributes } from "./classifier-order.ts";
import { descriptorLink, type Link } from "./link.ts";
import { interfaceIndex } from "./network-interface.ts";

/** Where to attach. */
export interface NetkitOptions {
  /** Name of the primary device, for programs of either end. */
  readonly interface: string;
  /** Behind those that are there unless given. */
  readonly order?: ClassifierOrder;
}

/**
 * Attaches a program of `SEC("netkit/primary")` or `SEC("netkit/peer")`.
 * @throws BpfkitError LD087 where the interface is no primary netkit device; NotSupportedError on older kernels
 */
export function attachNetkit(kernel: Kernel, program: Program, options: NetkitOptions): Link {
  const attachType = program.spec.expectedAttachType;
  const isPeer = attachType === NewerAttachType.NetkitPeer;
  const description = `netkit:${options.interface}:${isPeer ? "peer" : "primary"}`;
  if (!isPeer && attachType !== NewerAttachType.NetkitPrimary) {
    throw new BpfkitError(
      "LD087",
      `program ${program.name} is not in SEC("netkit/primary") or SEC("netkit/peer")`,
    );
  }
  if (!hasFeature(kernel, "netkit-link")) {
    throw new NotSupportedError(`netkit by ${kernel.name}`, {
      since: "6.7",
      hint: "Kernels built without CONFIG_NETKIT have none either.",
    });
  }
  const target = interfaceIndex(kernel, program, options.interface);
  try {
    const request = { program: program.fd, target, attachType, ...orderAttributes(options.order) };
    return descriptorLink(kernel, description, [kernel.links.linkCreate(request)]);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const isOther = error.errno === Errno.ENXIO || error.errno === Errno.EACCES;
    throw new BpfkitError(
      "LD087",
      `program ${program.name} could not be attached to ${description}: ${error.message}`,
      {
        cause: error,
        ...(isOther ? { hint: "Give the primary device of a netkit pair; see ip -details link." } : {}),
      },
    );
  }
}
