/** RLIMIT_MEMLOCK: before Linux 5.11 it bounds what maps and programs may take. */
import { compareReleases } from "@bpfkit/base/abi";
import { addressOf, rawSyscall } from "./ffi.ts";
import { resourceLimit } from "./structs.ts";

/** uapi asm-generic/resource.h. */
const memlock = 8;
const infinity = 0xffff_ffff_ffff_ffffn;

/** Since then memory is accounted to the cgroup (commit d5299b67dd59). */
const accountedSince = "5.11";

/** Whether the limit bounds BPF in a kernel. */
export function isMemoryLimited(release: string): boolean {
  return compareReleases(release, accountedSince) < 0;
}

/** Lifts the limit where there is one; a failure shows when a map does not fit. */
export function liftMemoryLimit(release: string): void {
  if (!isMemoryLimited(release)) return;
  rawSyscall("prlimit", 0, memlock, resourceLimit.encode({ soft: infinity, hard: infinity }, addressOf), 0);
}
