/** What real kernels do and the simulated one does not: refused by name. */

import type { BpfLinks, BpfObjects, KernelNetwork, LinkDetails } from "@bpfkit/base/kernel";
import { notSimulated } from "../not-simulated.ts";

/** A method that says what the simulated kernel does not do. */
export function refuse(what: string): () => never {
  return () => {
    throw notSimulated(what);
  };
}

const listing = refuse("listing what is loaded");
const pinning = refuse("pinning");

/** Nobody else loads anything into a simulated kernel, and it ends with its process. */
export const refusedObjects: BpfObjects = {
  nextId: listing,
  openById: listing,
  programInfo: listing,
  programCode: listing,
  btfInfo: listing,
  btfData: listing,
  linkInfo: listing,
  kindOf: listing,
  pin: pinning,
  openPinned: pinning,
  unpin: pinning,
};

const linkNames: Readonly<Record<LinkDetails["kind"], string>> = {
  "perf-event": "links of perf events",
  tracing: "tracing links with cookies",
  iterator: "iterators",
  "kprobe-multi": "kprobe.multi",
  "uprobe-multi": "uprobe.multi",
  ordered: "attaching to interfaces",
  netfilter: "attaching to netfilter",
  plain: "attaching to interfaces, cgroups and network namespaces",
};

const iterators = refuse("iterators");
const cgroups = refuse("attaching to cgroups and sockets maps");

/** The simulated machine attaches kprobes, tracepoints, tracing programs and samples, which need no links. */
export const refusedLinks: BpfLinks = {
  linkCreate: ({ details }) => refuse(linkNames[details.kind])(),
  linkUpdate: refuse("replacing the program of a link"),
  linkDetach: refuse("detaching links"),
  programAttach: cgroups,
  programDetach: cgroups,
  iteratorCreate: iterators,
  readIterator: iterators,
  openTarget: (path) => refuse(`attaching to ${path}`)(),
};

const xdp = refuse("XDP");
const trafficControl = refuse("traffic control (tc)");
const sockets = refuse("socket filters");

/** The simulated machine has no network. */
export const refusedNetwork: KernelNetwork = {
  interfaceName: (index) => refuse(`the network interface ${index}`)(),
  interfaceIndex: (name) => refuse(`the network interface ${name}`)(),
  setXdp: xdp,
  addClassifierHook: trafficControl,
  removeClassifierHook: trafficControl,
  addFilter: trafficControl,
  removeFilter: trafficControl,
  openPacketSocket: sockets,
  attachToSocket: sockets,
  detachFromSocket: sockets,
  readPacket: sockets,
};
