/** What is loaded in the guest's kernel, by ids: to see that nothing is left over. */
import type { BpfObjectKind, Kernel } from "@bpfkit/base/kernel";

const kinds = ["program", "map", "link"] as const satisfies readonly BpfObjectKind[];

/** Ids of every program, map and link of the kernel. */
export function loadedObjects(kernel: Kernel): string {
  const ids = (kind: BpfObjectKind): number[] => {
    const found: number[] = [];
    for (let id = kernel.objects.nextId(kind, 0); id !== undefined; id = kernel.objects.nextId(kind, id))
      found.push(id);
    return found;
  };
  return kinds.map((kind) => `${kind}s ${ids(kind).join(" ")}`).join("; ");
}
