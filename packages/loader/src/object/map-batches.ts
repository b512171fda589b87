/** Entries of a map by many at a time, for kernels and map types that can (Linux 5.6; commit cb4d03ab499d). */
import { Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, Kernel, MapBatch } from "@bpfkit/base/kernel";

/** ENOTSUPP, of the kernel's inside. */
const notSupported = 524;
const unknownCall: ReadonlySet<number> = new Set([Errno.EINVAL, Errno.EOPNOTSUPP, notSupported]);

/** Bytes of values that one call asks for, about. */
const batchBytes = 1 << 20;
const mostEntries = 4096;
/** A bucket with more entries than this is no hash table. */
const largestBucket = 1 << 20;

/** A map as batches see it. Sizes in bytes. */
export interface BatchedMap {
  readonly fd: Fd;
  readonly keySize: number;
  /** All CPUs' values together. */
  readonly rawValueSize: number;
  readonly maxEntries: number;
}

/**
 * Walks a map, and empties it where `remove` is set. Entries that programs add or delete meanwhile may be missed.
 * @returns false, before anything was given, where the kernel cannot do it for this map
 */
export function* batchedEntries(
  kernel: Kernel,
  map: BatchedMap,
  remove: boolean,
): Generator<[key: Uint8Array, value: Uint8Array], boolean> {
  const { batches } = kernel;
  if (batches === undefined || map.keySize === 0) return false;
  let count = Math.max(1, Math.min(map.maxEntries, mostEntries, Math.floor(batchBytes / map.rawValueSize)));
  let from: Uint8Array | undefined;
  let isFirst = true;
  do {
    let batch: MapBatch;
    try {
      batch = batches.lookupBatch(map.fd, from, count, remove);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      if (isFirst && unknownCall.has(error.errno)) return false;
      // A bucket does not fit.
      if (error.errno !== Errno.ENOSPC || count >= largestBucket) throw error;
      count *= 2;
      continue;
    }
    isFirst = false;
    yield* entriesOf(batch, map);
    from = batch.next;
  } while (isFirst || from !== undefined);
  return true;
}

function* entriesOf(batch: MapBatch, map: BatchedMap): Generator<[key: Uint8Array, value: Uint8Array]> {
  const { keySize, rawValueSize } = map;
  for (let index = 0; index < batch.count; index++) {
    yield [
      batch.keys.slice(index * keySize, (index + 1) * keySize),
      batch.values.slice(index * rawValueSize, (index + 1) * rawValueSize),
    ];
  }
}
