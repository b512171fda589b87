/** Filters by cgroup and mount namespace: the ids are in hash maps that somebody has pinned. */
import { UsageError } from "bpfkit";
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
