/** Walks the objects of a whole kernel. */
import { Errno } from "@bpfkit/base/abi";
import { BpfkitError, SyscallError } from "@bpfkit/base/diagnostics";
import type { BpfObjectKind, Fd, Kernel } from "@bpfkit/base/kernel";

/** `program`, in messages. */
export const nouns: Readonly<Record<BpfObjectKind, string>> = {
  program: "program",
  map: "map",
  btf: "BTF object",
  link: "link",
};

/** Whether an error is one of these answers of the kernel. */
export function isErrno(error: unknown, ...numbers: readonly number[]): boolean {
  return error instanceof SyscallError && numbers.includes(error.errno);
}

/**
 * Every id of a kind, ascending.
 * @throws BpfkitError LK003 where this user may not look, KO002 where the kernel cannot list (before Linux 4.13, links 5.8)
 */
export function* objectIds(kernel: Kernel, kind: BpfObjectKind): Generator<number> {
  const list = (id: number): number | undefined => {
    try {
      return kernel.objects.nextId(kind, id);
    } catch (error) {
      throw explained(error, kind);
    }
  };
  for (let id = list(0); id !== undefined; id = list(id)) yield id;
}

/** An object by its id; undefined where it is gone. @throws BpfkitError LK003 */
export function openObject(kernel: Kernel, kind: BpfObjectKind, id: number): Fd | undefined {
  try {
    return kernel.objects.openById(kind, id);
  } catch (error) {
    if (isErrno(error, Errno.ENOENT)) return undefined;
    throw explained(error, kind);
  }
}

function explained(error: unknown, kind: BpfObjectKind): unknown {
  const what = `${nouns[kind]}s of the whole kernel`;
  if (isErrno(error, Errno.EINVAL)) {
    return new BpfkitError("KO002", `this kernel cannot list ${what}`, {
      cause: error,
      hint: "Programs and maps can be listed since Linux 4.13, BTF since 5.1, links since 5.8.",
    });
  }
  return error;
}

/** Runs `use` on an object and closes its descriptor afterwards. */
export function withObject<T>(kernel: Kernel, fd: Fd, use: (fd: Fd) => T): T {
  try {
    return use(fd);
  } finally {
    kernel.close(fd);
  }
}

/** Runs `use` on every object of a kind; objects that vanish meanwhile are passed over. */
export function eachObject<T>(kernel: Kernel, kind: BpfObjectKind, use: (fd: Fd, id: number) => T): T[] {
  const results: T[] = [];
  for (const id of objectIds(kernel, kind)) {
    const fd = openObject(kernel, kind, id);
    if (fd !== undefined) results.push(withObject(kernel, fd, () => use(fd, id)));
  }
  return results;
}

/** Fields of /proc/self/fdinfo/FD: what a descriptor tells besides its info structure. Empty in the simulated kernel. */
export function descriptorFacts(kernel: Kernel, fd: Fd): ReadonlyMap<string, string> {
  const facts = new Map<string, string>();
  let text: string;
  try {
    text = new TextDecoder().decode(kernel.readKernelFile(`/proc/self/fdinfo/${fd}`));
  } catch (error) {
    if (error instanceof SyscallError || error instanceof BpfkitError) return facts;
    throw error;
  }
  for (const [, name = "", value = ""] of text.matchAll(/^(\w+):\s*(.*)$/gm)) facts.set(name, value);
  return facts;
}
