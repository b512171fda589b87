/** What is loaded in the guest's kernel, by ids: to see that nothing is left over. */
import type { BpfObjectKind, Kernel } from "@bpfkit/base/kernel";
import { until } from "./until.ts";

const kinds = ["program", "map", "link"] as const satisfies readonly BpfObjectKind[];

/** Ids of all objects of a kind. */
export function* eachId(kernel: Kernel, kind: BpfObjectKind): Generator<number> {
  for (let id = kernel.objects.nextId(kind, 0); id !== undefined; id = kernel.objects.nextId(kind, id))
    yield id;
}

/** Every program, map and link of the kernel, as `map 7`. Ids are not given twice. */
export function loadedObjects(kernel: Kernel): ReadonlySet<string> {
  const found = new Set<string>();
  for (const kind of kinds) for (const id of eachId(kernel, kind)) found.add(`${kind} ${id}`);
  return found;
}

/** What is loaded and was not before. What was there before may go meanwhile: the kernel frees late. */
export function loadedSince(kernel: Kernel, before: ReadonlySet<string>): string[] {
  return [...loadedObjects(kernel)].filter((one) => !before.has(one));
}

/** Waits until everything that came since is gone. @throws AssertionError naming what stays */
export async function untilUnloaded(kernel: Kernel, before: ReadonlySet<string>): Promise<void> {
  await until(
    () => `${loadedSince(kernel, before).join(", ")} to go`,
    () => loadedSince(kernel, before).length === 0,
  );
}
