/** Filters by cgroup and mount namespace: the ids are in hash maps that somebody has pinned. */
import { BpfkitError, type Kernel, SyscallError, UsageError } from "bpfkit/tracing";
import type { OptionSpec, Options } from "../options/options.ts";

/** The two options. */
export const containerOptions: readonly OptionSpec[] = [
  { long: "cgroupmap", value: "PATH", help: "only the cgroups in the BPF map that is pinned there" },
  { long: "mntnsmap", value: "PATH", help: "only the mount namespaces in the BPF map that is pinned there" },
];

const macros = [
  ["cgroupmap", "CGROUP_MAP"],
  ["mntnsmap", "MNTNS_MAP"],
] as const;

/** Macros with the paths as C strings. @throws UsageError for paths that cannot be written as one */
export function containerMacros(options: Options): string[] {
  return macros.flatMap(([long, macro]) => {
    const path = options.text(long);
    if (path === undefined) return [];
    if (!/^\/[\x20-\x21\x23-\x5b\x5d-\x7e]*$/.test(path)) {
      throw new UsageError(
        `--${long} takes the whole path of a pinned map, such as /sys/fs/bpf/NAME, not '${path}'`,
      );
    }
    return [`${macro}="${path}"`];
  });
}

/**
 * Makes sure that the maps are there: a program that names an absent one would make it, empty, and see nothing.
 * @throws BpfkitError TL002
 */
export function requirePinnedMaps(options: Options, kernel: Kernel): void {
  for (const [long] of macros) {
    const path = options.text(long);
    if (path === undefined) continue;
    try {
      kernel.close(kernel.objects.openPinned(path));
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      throw new BpfkitError("TL002", `--${long}: there is no BPF map at ${path}`, {
        cause: error,
        hint: "Pin a hash map with the ids there first, for example with bpftool map create.",
      });
    }
  }
}
