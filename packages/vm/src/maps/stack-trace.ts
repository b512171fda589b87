/** BPF_MAP_TYPE_STACK_TRACE: call stacks by a number derived from their content. */
import { Errno } from "@bpfkit/base/abi";
import { BaseMap, refuseCreation } from "./base-map.ts";
import { CreateFlag } from "./flags.ts";
import type { MapDefinition, MapHost } from "./map.ts";

/** Default of /proc/sys/kernel/perf_event_max_stack. */
export const MAXIMUM_STACK_DEPTH = 127;

/** Flags of bpf_get_stackid and bpf_get_stack. */
export const StackFlag = {
  SkipMask: 0xff,
  User: 1 << 8,
  FastCompare: 1 << 9,
  ReuseId: 1 << 10,
  UserBuildId: 1 << 11,
} as const;

interface Bucket {
  readonly hash: number;
  readonly addresses: readonly bigint[];
}

/** The map. Ids are the low bits of a hash over the addresses, as in the kernel (whose hash function differs). */
export class StackTraceMap extends BaseMap {
  readonly #buckets: (Bucket | undefined)[] = [];
  readonly #bucketCount: number;
  #used = 0;

  constructor(definition: MapDefinition, id: number, host: MapHost) {
    const { keySize, valueSize, maxEntries, flags } = definition;
    if (flags !== 0 && (flags & ~(CreateFlag.NumaNode | CreateFlag.ReadOnly | CreateFlag.WriteOnly)) !== 0) {
      refuseCreation(Errno.EINVAL, definition, "these flags are not for stack trace maps");
    }
    if (maxEntries === 0 || keySize !== 4 || valueSize < 8 || valueSize % 8 !== 0) {
      refuseCreation(Errno.EINVAL, definition, "keys have 4 bytes and values a multiple of 8");
    }
    if (valueSize / 8 > MAXIMUM_STACK_DEPTH) {
      refuseCreation(Errno.EINVAL, definition, `stacks have at most ${MAXIMUM_STACK_DEPTH} frames`);
    }
    super(definition, id, host);
    this.#bucketCount = 2 ** Math.ceil(Math.log2(maxEntries));
  }

  /** bpf_get_stackid for a stack, innermost first: its id, or -EFAULT, -EEXIST, -ENOMEM. */
  idOf(stack: readonly bigint[], flags: number): number {
    const skip = flags & StackFlag.SkipMask;
    if (stack.length <= skip) return -Errno.EFAULT;
    const addresses = stack.slice(skip, Math.min(stack.length, skip + this.valueSize / 8));
    const hash = hashAddresses(addresses);
    const id = hash & (this.#bucketCount - 1);
    const bucket = this.#buckets[id];
    const sameHash = bucket !== undefined && bucket.hash === hash;
    if (sameHash && (flags & StackFlag.FastCompare) !== 0) return id;
    if (sameHash && equal(bucket.addresses, addresses)) return id;
    if (bucket !== undefined && (flags & StackFlag.ReuseId) === 0) return -Errno.EEXIST;
    if (bucket === undefined) {
      if (this.#used >= this.maxEntries) return -Errno.ENOMEM;
      this.#used++;
    }
    this.#buckets[id] = { hash, addresses };
    return id;
  }

  override write(): void {
    this.fail("BPF_MAP_UPDATE_ELEM", Errno.EINVAL);
  }

  override erase(key: Uint8Array): boolean {
    const command = "BPF_MAP_DELETE_ELEM";
    this.checkWrite(command);
    const id = this.host.memory.view.getUint32(this.putKey(command, key), true);
    if (id >= this.#bucketCount) this.fail(command, Errno.E2BIG);
    return this.#drop(id);
  }

  override remove(key: number): number {
    const id = this.host.memory.view.getUint32(key, true);
    if (id >= this.#bucketCount) return -Errno.E2BIG;
    return this.#drop(id) ? 0 : -Errno.ENOENT;
  }

  protected override copyOut(key: number): Uint8Array | undefined {
    const bucket = this.#buckets[this.host.memory.view.getUint32(key, true)];
    if (bucket === undefined) return undefined;
    const out = new Uint8Array(this.valueSize);
    const view = new DataView(out.buffer);
    bucket.addresses.forEach((address, i) => {
      view.setBigUint64(i * 8, address, true);
    });
    return out;
  }

  protected override keyAfter(key: number): number {
    const { view } = this.host.memory;
    const current = key === 0 ? -1 : view.getUint32(key, true);
    const present = this.#buckets[current] !== undefined;
    for (let id = present ? current + 1 : 0; id < this.#buckets.length; id++) {
      if (this.#buckets[id] === undefined) continue;
      view.setUint32(this.scratchKey, id, true);
      return this.scratchKey;
    }
    return 0;
  }

  #drop(id: number): boolean {
    if (this.#buckets[id] === undefined) return false;
    this.#buckets[id] = undefined;
    this.#used--;
    return true;
  }
}

function equal(a: readonly bigint[], b: readonly bigint[]): boolean {
  return a.length === b.length && a.every((address, i) => address === b[i]);
}

/** A 32-bit hash of addresses, unsigned. */
function hashAddresses(addresses: readonly bigint[]): number {
  let hash = addresses.length;
  for (const address of addresses) {
    for (const word of [Number(address & 0xffff_ffffn), Number((address >> 32n) & 0xffff_ffffn)]) {
      hash = Math.imul(hash ^ word, 0x9e37_79b1);
      hash ^= hash >>> 15;
    }
  }
  return hash >>> 0;
}
