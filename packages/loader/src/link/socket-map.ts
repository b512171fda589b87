/** Maps of sockets: programs on what the sockets in a map receive or send (sk_skb, sk_msg). */
import { AttachType, attachTypeName, ProgramType } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import type { BpfMap } from "../object/bpf-map.ts";
import type { Program } from "../object/program.ts";
import { type Link, undoableLink } from "./link.ts";

/** Attaches to a sockmap or sockhash (Linux 4.14); closing the link, or the map's end, detaches. @throws BpfkitError LD091 */
export function attachSocketMap(kernel: Kernel, program: Program, map: BpfMap, attachType?: number): Link {
  const { spec } = program;
  const type =
    attachType ?? (spec.type === ProgramType.SkMsg ? AttachType.SkMsgVerdict : spec.expectedAttachType);
  const description = `sockmap:${map.name}:${attachTypeName(type)}`;
  try {
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
