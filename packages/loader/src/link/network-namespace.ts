/** Network namespaces: flow dissectors and socket lookups (Linux 5.8 and 5.9). */
import { attachTypeName } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import type { Program } from "../object/program.ts";
import { descriptorLink, type Link } from "./link.ts";

/** Attaches to a network namespace, by its file; this process's own unless given. @throws BpfkitError LD089 */
export function attachNetworkNamespace(
  kernel: Kernel,
  program: Program,
  options: { readonly path?: string } = {},
): Link {
  const { path = "/proc/self/ns/net" } = options;
  const attachType = program.spec.expectedAttachType;
  const description = `netns:${path}:${attachTypeName(attachType)}`;
  try {
    const target = kernel.links.openTarget(path);
    try {
      const details = { kind: "plain" } as const;
      const link = kernel.links.linkCreate({ program: program.fd, target, attachType, flags: 0, details });
      return descriptorLink(kernel, description, [link]);
    } finally {
      kernel.close(target);
    }
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new BpfkitError(
      "LD089",
      `program ${program.name} could not be attached to ${description}: ${error.message}`,
      { cause: error },
    );
  }
}
