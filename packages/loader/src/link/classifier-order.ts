/** The order of classifiers on one interface: tcx and netkit (Linux 6.6 and 6.7). */
import { type LinkCreateAttributes, OrderFlag } from "@bpfkit/base/kernel";
import { Program } from "../object/program.ts";
import type { Link } from "./link.ts";

/** Before or after another program or link that is attached there, or before or after all. */
export type ClassifierOrder =
  | { readonly before: Program | Link | "all" }
  | { readonly after: Program | Link | "all" };

/** What BPF_LINK_CREATE takes of an order; without one the program goes behind those that are there. */
export function orderAttributes(
  order: ClassifierOrder | undefined,
): Pick<LinkCreateAttributes, "flags" | "details"> {
  if (order === undefined) return { flags: 0, details: { kind: "ordered", relative: 0 } };
  const [place, other] =
    "before" in order ? [OrderFlag.Before, order.before] : [OrderFlag.After, order.after];
  if (other === "all") return { flags: place, details: { kind: "ordered", relative: 0 } };
  if (other instanceof Program) return { flags: place, details: { kind: "ordered", relative: other.fd } };
  const details = { kind: "ordered", relative: other.fds[0] ?? 0 } as const;
  return { flags: place | OrderFlag.Link, details };
}
