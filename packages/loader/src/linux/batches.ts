/** BPF_MAP_*_BATCH on this machine's kernel. */
import { Command, Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { Fd, MapBatch, MapBatches } from "@bpfkit/base/kernel";
import { bpf } from "./bpf.ts";
import { addressOf } from "./ffi.ts";
import { batchAttr } from "./link-structs.ts";

/** Sizes of one entry as the kernel writes it. */
export interface EntrySizes {
  readonly keySize: number;
  readonly rawValueSize: number;
}

/** The facet of batches. */
export class LinuxMapBatches implements MapBatches {
  readonly #sizes: (map: Fd) => EntrySizes;

  constructor(sizes: (map: Fd) => EntrySizes) {
    this.#sizes = sizes;
  }

  lookupBatch(map: Fd, from: Uint8Array | undefined, count: number, remove: boolean): MapBatch {
    const { keySize, rawValueSize } = this.#sizes(map);
    const keys = new Uint8Array(keySize * count);
    const values = new Uint8Array(rawValueSize * count);
    // Hash maps write a 32-bit bucket number here, arrays and tries a key.
    const next = new Uint8Array(Math.max(keySize, 4));
    const attributes = batchAttr.encode(
      { inBatch: from, outBatch: next, keys, values, count, mapFd: map },
      addressOf,
    );
    const command = remove ? Command.MapLookupAndDeleteBatch : Command.MapLookupBatch;
    const result = bpf(command, attributes);
    const ended = result === -Errno.ENOENT;
    if (result < 0 && !ended) {
      const name = remove ? "BPF_MAP_LOOKUP_AND_DELETE_BATCH" : "BPF_MAP_LOOKUP_BATCH";
      throw new SyscallError(name, -result);
    }
    const found = Math.min(count, batchAttr.u32(attributes, "count"));
    return {
      count: found,
      keys: keys.subarray(0, found * keySize),
      values: values.subarray(0, found * rawValueSize),
      next: ended ? undefined : next,
    };
  }

  updateBatch(map: Fd, keys: Uint8Array, values: Uint8Array, count: number): void {
    this.#requireSizes(map, keys, count, values);
    const attributes = batchAttr.encode({ keys, values, count, mapFd: map }, addressOf);
    const result = bpf(Command.MapUpdateBatch, attributes);
    if (result < 0) throw new SyscallError("BPF_MAP_UPDATE_BATCH", -result);
  }

  deleteBatch(map: Fd, keys: Uint8Array, count: number): void {
    this.#requireSizes(map, keys, count);
    const attributes = batchAttr.encode({ keys, count, mapFd: map }, addressOf);
    const result = bpf(Command.MapDeleteBatch, attributes);
    if (result < 0) throw new SyscallError("BPF_MAP_DELETE_BATCH", -result);
  }

  /** The kernel takes the sizes on trust. */
  #requireSizes(map: Fd, keys: Uint8Array, count: number, values?: Uint8Array): void {
    const { keySize, rawValueSize } = this.#sizes(map);
    const wrong =
      keys.length !== count * keySize || (values !== undefined && values.length !== count * rawValueSize);
    if (wrong) {
      throw new SyscallError("BPF_MAP_UPDATE_BATCH", Errno.EINVAL, {
        detail: `keys or values are not those of ${count} entries`,
      });
    }
  }
}
