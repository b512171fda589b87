/** What real kernels do and the simulated one does not: refused by name. */
import { NotSupportedError } from "@bpfkit/base/diagnostics";
import type { BpfObjects } from "@bpfkit/base/kernel";

function refuse(what: string): () => never {
  return () => {
    throw new NotSupportedError(`${what} in the simulated kernel`, { hint: "Use --target kernel on Linux." });
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
