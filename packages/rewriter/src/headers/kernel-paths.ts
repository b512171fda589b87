/** Which header paths the kernel has; all of them are answered by the same types. */
import { kernelHeaderPaths } from "./kernel-header-paths.gen.ts";

let known: ReadonlyMap<string, ReadonlySet<string>> | undefined;

function folders(): ReadonlyMap<string, ReadonlySet<string>> {
  if (known === undefined) {
    known = new Map(
      kernelHeaderPaths.split("\n").map((line) => {
        const [folder = "", names = ""] = line.split(": ");
        return [folder, new Set(names.split(" "))];
      }),
    );
  }
  return known;
}

function split(path: string): readonly [folder: string, name: string] {
  const slash = path.lastIndexOf("/");
  return [path.slice(0, Math.max(0, slash)), path.slice(slash + 1).replace(/\.h$/, "")];
}

/** Headers that other kernels have and 6.1 has not: what they declare is in BTF all the same. */
const elsewhere = new Set(
  [
    // Up to 5.17, 5.15, 5.8 and 5.15.
    "linux/genhd.h linux/elevator.h linux/cryptohash.h scsi/scsi_request.h",
    // Since 6.4 to 6.6.
    "linux/rcuref.h linux/cleanup.h linux/sprintf.h net/tcx.h net/page_pool/types.h net/page_pool/helpers.h",
    // Since 6.7 and 6.8.
    "net/netkit.h net/netmem.h linux/pid_types.h linux/mutex_types.h linux/seqlock_types.h linux/hrtimer_types.h",
    "linux/workqueue_types.h linux/plist_types.h linux/sem_types.h linux/seccomp_types.h linux/uidgid_types.h",
    "linux/syscall_user_dispatch_types.h uapi/linux/lsm.h",
    // Since 6.9 to 6.12.
    "net/hotdata.h net/rps.h net/proto_memory.h linux/timer_types.h linux/unaligned.h linux/sched/ext.h",
    "asm/unaligned.h uapi/linux/netdev.h",
  ]
    .join(" ")
    .split(" "),
);

/** True for a header of a kernel's `include`, mostly Linux 6.1's (x86 and arm64 for `asm`), with or without `uapi/`. */
export function isKernelHeader(path: string): boolean {
  if (elsewhere.has(path)) return true;
  const [folder, name] = split(path);
  return folders().get(folder)?.has(name) ?? false;
}

/** True where the folder is one of the kernel's, so that an unknown name in it is likely a slip. */
export function isKernelFolder(path: string): boolean {
  return folders().has(split(path)[0]);
}

/** Names in the same folder, for suggestions. */
export function headersBeside(path: string): readonly string[] {
  const [folder] = split(path);
  return [...(folders().get(folder) ?? [])].map((name) => `${folder}/${name}.h`);
}
