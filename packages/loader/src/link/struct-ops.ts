/** Structs of functions: given to the kernel by a map update, or by a link (Linux 6.4), until they are closed. */
import { Errno, NewerAttachType } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { Kernel } from "@bpfkit/base/kernel";
import type { BpfMap } from "../object/bpf-map.ts";
import { descriptorLink, type Link, undoableLink } from "./link.ts";

/** The only key of such maps. */
const key = new Uint8Array(4);

/**
 * Registers a struct of functions. Without `.link` in its section's name it outlives this process: close it, or its map.
 * @throws BpfkitError LD093 where the kernel refuses it, for example because the name is taken
 */
export function attachStructOps(kernel: Kernel, map: BpfMap): Link {
  const description = `struct_ops:${map.name}`;
  const { kernelValue } = map;
  if (kernelValue === undefined) throw new BpfkitError("LD093", `map ${map.name} is no struct of functions`);
  try {
    if (map.spec.structOps?.link !== true) {
      map.updateBytes(key, kernelValue);
      const link = undoableLink(description, [], () => {
        map.deleteBytes(key);
      });
      map.beforeClose(link.close);
      return link;
    }
    fillOnce(map, kernelValue);
    const attachType = NewerAttachType.StructOps;
    const details = { kind: "plain" } as const;
    const fd = kernel.links.linkCreate({ program: map.fd, target: 0, attachType, flags: 0, details });
    return descriptorLink(kernel, description, [fd]);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new BpfkitError("LD093", `${map.name} could not be registered: ${error.message}`, {
      ...(error.errno === Errno.EEXIST ? { hint: "Something of the same name is registered already." } : {}),
      cause: error,
    });
  }
}

/** EBUSY: it was filled for an earlier link. */
function fillOnce(map: BpfMap, value: Uint8Array): void {
  try {
    map.updateBytes(key, value);
  } catch (error) {
    if (!(error instanceof SyscallError && error.errno === Errno.EBUSY)) throw error;
  }
}
