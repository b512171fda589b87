/** Traffic control (tc): a program on every packet that enters or leaves an interface. */
import { Errno, NewerAttachType } from "@bpfkit/base/abi";
import { BpfkitError, NotSupportedError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel, TrafficFilter } from "@bpfkit/base/kernel";
import { hasFeature } from "../features/feature.ts";
import type { Program } from "../object/program.ts";
import { type ClassifierOrder, orderAttributes } from "./classifier-order.ts";
import { descriptorLink, type Link, undoableLink } from "./link.ts";
import { interfaceIndex } from "./network-interface.ts";

/** Where and how to attach. */
export interface TrafficControlOptions {
  /** Name of the interface. */
  readonly interface: string;
  readonly direction: "ingress" | "egress";
  /** Filters of lower numbers run first; 1 unless given. A priority asks for a filter of qdisc clsact. */
  readonly priority?: number;
  /** Behind those that are there unless given; needs a tcx link. */
  readonly order?: ClassifierOrder;
  /** `clsact` attaches as before Linux 6.6: it stays attached when this process is killed. */
  readonly how?: "auto" | "clsact";
}

const tcxOnly = {
  since: "6.6",
  hint: "Priorities order filters of qdisc clsact; with a priority no order can be given.",
};

/** Handles that are tried until one is free. */
const mostHandles = 256;

/**
 * Attaches to an interface: by a tcx link (Linux 6.6), else as a filter in direct-action mode of qdisc clsact, which is
 * made where it is missing and goes again with the filter that made it.
 * @throws BpfkitError LD087
 */
export function attachTrafficControl(kernel: Kernel, program: Program, options: TrafficControlOptions): Link {
  const { direction, priority, order, how = "auto" } = options;
  const description = `tc:${options.interface}:${direction}`;
  const ifindex = interfaceIndex(kernel, program, options.interface);
  try {
    if (how === "auto" && priority === undefined && hasFeature(kernel, "tcx-link")) {
      const attachType = direction === "ingress" ? NewerAttachType.TcxIngress : NewerAttachType.TcxEgress;
      const request = { program: program.fd, target: ifindex, attachType, ...orderAttributes(order) };
      return descriptorLink(kernel, description, [kernel.links.linkCreate(request)]);
    }
    if (order !== undefined)
      throw new NotSupportedError(`an order of classifiers by ${kernel.name}`, tcxOnly);
    return attachFilter(kernel, program, { ifindex, direction, priority: priority ?? 1, description });
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new BpfkitError(
      "LD087",
      `program ${program.name} could not be attached to ${description}: ${error.message}`,
      {
        cause: error,
        ...hintFor(error.errno),
      },
    );
  }
}

function hintFor(errno: number): { readonly hint?: string } {
  if (errno === Errno.ENOENT) {
    return { hint: "The kernel needs CONFIG_NET_CLS_BPF and CONFIG_NET_SCH_INGRESS." };
  }
  if (errno === Errno.EEXIST) return { hint: "This program is attached there already; see bpftool net." };
  return {};
}

function attachFilter(
  kernel: Kernel,
  program: Program,
  place: Omit<TrafficFilter, "handle"> & { readonly description: string },
): Link {
  const { network } = kernel;
  const { ifindex, direction, priority, description } = place;
  const isOurs = network.addClassifierHook(ifindex);
  const cleanUp = (): void => {
    if (isOurs) network.removeClassifierHook(ifindex);
  };
  for (let handle = 1; ; handle++) {
    const filter = { ifindex, direction, priority, handle };
    try {
      network.addFilter(filter, program.fd, program.name);
      return undoableLink(description, [], () => {
        network.removeFilter(filter);
        cleanUp();
      });
    } catch (error) {
      const isTaken = error instanceof SyscallError && error.errno === Errno.EEXIST;
      if (isTaken && handle < mostHandles) continue;
      cleanUp();
      throw error;
    }
  }
}
