/** BPF_MAP_*_BATCH: many entries in one call (Linux 5.6). */
import type { Fd } from "./kernel.ts";

/** What one call gave. */
export interface MapBatch {
  /** Entries, keys and values one after the other, each of the map's (raw) sizes. */
  readonly count: number;
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  /** Where the next call goes on; undefined: this was the last. */
  readonly next: Uint8Array | undefined;
}

/** The facet of batches. */
export interface MapBatches {
  /**
   * The next entries, removed where `remove` is set.
   * @throws SyscallError ENOSPC where a hash bucket has more than `count` entries; EINVAL and ENOTSUPP where the kernel or
   *   the map's type has no batches
   */
  lookupBatch(map: Fd, from: Uint8Array | undefined, count: number, remove: boolean): MapBatch;
  /** @throws SyscallError as single updates; entries before the failing one are written */
  updateBatch(map: Fd, keys: Uint8Array, values: Uint8Array, count: number): void;
  deleteBatch(map: Fd, keys: Uint8Array, count: number): void;
}
