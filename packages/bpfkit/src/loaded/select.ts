/** Finds the objects that a user names. */
import { Errno } from "@bpfkit/base/abi";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { BpfObjectKind, Fd, Kernel } from "@bpfkit/base/kernel";
import { describeLoadedProgram } from "./programs.ts";
import { LoadedTypes } from "./types.ts";
import { isErrno, nouns, objectIds, openObject, withObject } from "./walk.ts";

/** How a user names objects: bpftool's four ways. A name or tag may fit several. */
export type Selector =
  | { readonly by: "id"; readonly id: number }
  | { readonly by: "name"; readonly name: string }
  | { readonly by: "tag"; readonly tag: string }
  | { readonly by: "pinned"; readonly path: string };

/** Names in the kernel are cut off after this many characters (BPF_OBJ_NAME_LEN). */
const longestName = 15;

/**
 * Runs `use` on the objects that the selector fits.
 * @throws BpfkitError KO001 where there is none, KO003 where a pinned file is no such object
 */
export function selectedObjects<T>(
  kernel: Kernel,
  kind: BpfObjectKind,
  selector: Selector,
  use: (fd: Fd) => T,
): T[] {
  switch (selector.by) {
    case "id": {
      const fd = openObject(kernel, kind, selector.id);
      if (fd === undefined) throw nothing(kind, `id ${selector.id}`);
      return [withObject(kernel, fd, use)];
    }
    case "pinned":
      return [withObject(kernel, openPinned(kernel, kind, selector.path), use)];
    default: {
      const found: T[] = [];
      for (const id of objectIds(kernel, kind)) {
        const fd = openObject(kernel, kind, id);
        if (fd === undefined) continue;
        withObject(kernel, fd, () => {
          if (fits(kernel, kind, fd, selector)) found.push(use(fd));
        });
      }
      const wanted = selector.by === "tag" ? `tag ${selector.tag}` : `name ${selector.name}`;
      if (found.length === 0) throw nothing(kind, wanted);
      return found;
    }
  }
}

/** Like {@link selectedObjects}, for what can be done to one object only. @throws BpfkitError KO004 for several */
export function selectedObject<T>(
  kernel: Kernel,
  kind: BpfObjectKind,
  selector: Selector,
  use: (fd: Fd) => T,
): T {
  if (selector.by === "name" || selector.by === "tag") {
    const ids = selectedObjects(kernel, kind, selector, (fd) => idOf(kernel, kind, fd));
    if (ids.length > 1) {
      throw new BpfkitError("KO004", `several ${nouns[kind]}s fit: ids ${ids.join(", ")}`, {
        hint: "Name one by its id.",
      });
    }
    return selectedObject(kernel, kind, { by: "id", id: ids[0] ?? 0 }, use);
  }
  const [result] = selectedObjects(kernel, kind, selector, (fd) => ({ value: use(fd) }));
  if (result === undefined) throw nothing(kind, "that name");
  return result.value;
}

function idOf(kernel: Kernel, kind: BpfObjectKind, fd: Fd): number {
  switch (kind) {
    case "program":
      return kernel.objects.programInfo(fd).id;
    case "map":
      return kernel.mapInfo(fd).id;
    case "btf":
      return kernel.objects.btfInfo(fd).id;
    default:
      return kernel.objects.linkInfo(fd).id;
  }
}

function fits(kernel: Kernel, kind: BpfObjectKind, fd: Fd, selector: Selector): boolean {
  if (selector.by === "tag") return kernel.objects.programInfo(fd).tag === selector.tag;
  if (selector.by !== "name") return false;
  const wanted = selector.name.slice(0, longestName);
  if (kind === "map") return kernel.mapInfo(fd).name === wanted;
  if (kernel.objects.programInfo(fd).name !== wanted) return false;
  // A whole name that the kernel has cut off tells programs with one beginning apart.
  if (selector.name.length <= longestName) return true;
  const whole = describeLoadedProgram(kernel, new LoadedTypes(kernel), fd).name;
  return whole === wanted || whole === selector.name;
}

function openPinned(kernel: Kernel, kind: BpfObjectKind, path: string): Fd {
  let fd: Fd;
  try {
    fd = kernel.objects.openPinned(path);
  } catch (error) {
    const why = isErrno(error, Errno.ENOENT)
      ? "there is no such file"
      : isErrno(error, Errno.EACCES, Errno.EPERM)
        ? "it is in no BPF file system, or may not be read"
        : error instanceof Error
          ? error.message
          : String(error);
    throw new BpfkitError("KO003", `nothing is pinned at ${path}: ${why}`, {
      cause: error,
      hint: "Pins are files below a mount of type bpf, usually /sys/fs/bpf.",
    });
  }
  const found = kernel.objects.kindOf(fd);
  if (found === kind) return fd;
  kernel.close(fd);
  throw new BpfkitError(
    "KO003",
    `${path} is a ${found === undefined ? "different object" : nouns[found]}, not a ${nouns[kind]}`,
  );
}

function nothing(kind: BpfObjectKind, wanted: string): BpfkitError {
  const command = kind === "program" ? "prog" : kind;
  return new BpfkitError("KO001", `no ${nouns[kind]} with ${wanted} is loaded`, {
    hint: `\`bpfkit ${command} list\` shows what there is.`,
  });
}
