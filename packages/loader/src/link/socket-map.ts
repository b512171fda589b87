/** Maps of sockets: programs on what the sockets in a map receive or send (sk_skb, sk_msg). */
import { AttachType, attachTypeName, ProgramType } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import { hasFeature } from "../features/feature.ts";
import type { BpfMap } from "../object/bpf-map.ts";
import type { Program } from "../object/program.ts";
import { descriptorLink, type Link, undoableLink } from "./link.ts";

/** Where and how to attach. */
export interface SocketMapOptions {
  /** enum bpf_attach_type; what the program's section says unless given. */
  readonly attachType?: number;
  /** `program` attaches as before Linux 6.10: it stays attached while the map is there. */
  readonly how?: "auto" | "program";
}

/**
 * Attaches to a sockmap or sockhash (Linux 4.14): by a link (6.10), else until the link is closed or the map's end.
 * @throws BpfkitError LD091
 */
export function attachSocketMap(
  kernel: Kernel,
  program: Program,
  map: BpfMap,
  options: SocketMapOptions = {},
): Link {
  const { attachType, how = "auto" } = options;
  const { spec } = program;
  const type =
    attachType ?? (spec.type === ProgramType.SkMsg ? AttachType.SkMsgVerdict : spec.expectedAttachType);
  const description = `sockmap:${map.name}:${attachTypeName(type)}`;
  try {
    if (how === "auto" && hasFeature(kernel, "sockmap-link")) {
      const details = { kind: "plain" } as const;
      const request = { program: program.fd, target: map.fd, attachType: type, flags: 0, details };
      return descriptorLink(kernel, description, [kernel.links.linkCreate(request)]);
    }
    kernel.links.programAttach(program.fd, map.fd, type, 0);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new BpfkitError(
      "LD091",
      `program ${program.name} could not be attached to ${description}: ${error.message}`,
      { cause: error },
    );
  }
  return undoableLink(description, [], () => kernel.links.programDetach(program.fd, map.fd, type));
}
