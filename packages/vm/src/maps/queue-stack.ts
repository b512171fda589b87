/** BPF_MAP_TYPE_QUEUE and BPF_MAP_TYPE_STACK: values without keys. */
import { Errno } from "@bpfkit/base/abi";
import { BaseMap, refuseCreation, roundUp8 } from "./base-map.ts";
import { ACCESS_FLAGS, accessFlagsAreSane, CreateFlag, ELEMENT_LIMIT, UpdateFlag } from "./flags.ts";
import type { MapDefinition, MapHost } from "./map.ts";

/** Both types: a ring of slots in guest memory. */
export class QueueStackMap extends BaseMap {
  readonly #lastInFirstOut: boolean;
  readonly #slots: number;
  readonly #stride: number;
  /** Slot of the oldest element. */
  #tail = 0;
  #count = 0;

  constructor(definition: MapDefinition, id: number, host: MapHost, kind: { lastInFirstOut: boolean }) {
    const { keySize, valueSize, maxEntries, flags } = definition;
    if (maxEntries === 0 || keySize !== 0 || valueSize === 0) {
      refuseCreation(Errno.EINVAL, definition, "queues and stacks have values but no keys");
    }
    if ((flags & ~(CreateFlag.NumaNode | ACCESS_FLAGS)) !== 0 || !accessFlagsAreSane(flags)) {
      refuseCreation(Errno.EINVAL, definition, "these flags are not for queues and stacks");
    }
    if (valueSize > ELEMENT_LIMIT) refuseCreation(Errno.E2BIG, definition, "value_size is too large");
    super(definition, id, host);
    this.#lastInFirstOut = kind.lastInFirstOut;
    this.#stride = roundUp8(valueSize);
    this.#slots = host.memory.allocateOffset(this.#stride * maxEntries, 8, "kernel");
  }

  override push(value: number, flags: number): number {
    if ((flags & UpdateFlag.NoExist) !== 0 || flags > UpdateFlag.Exist || flags < 0) return -Errno.EINVAL;
    if (this.#count === this.maxEntries) {
      if (flags !== UpdateFlag.Exist) return -Errno.E2BIG;
      this.#tail = (this.#tail + 1) % this.maxEntries;
      this.#count--;
    }
    this.host.memory.copy(this.#slot(this.#count), value, this.valueSize);
    this.#count++;
    return 0;
  }

  override peek(value: number): number {
    const { u8 } = this.host.memory;
    if (this.#count === 0) {
      u8.fill(0, value, value + this.valueSize);
      return -Errno.ENOENT;
    }
    const slot = this.#slot(this.#lastInFirstOut ? this.#count - 1 : 0);
    u8.copyWithin(value, slot, slot + this.valueSize);
    return 0;
  }

  override pop(value: number): number {
    const result = this.peek(value);
    if (result !== 0) return result;
    if (!this.#lastInFirstOut) this.#tail = (this.#tail + 1) % this.maxEntries;
    this.#count--;
    return 0;
  }

  override read(key: Uint8Array): Uint8Array | undefined {
    this.checkRead("BPF_MAP_LOOKUP_ELEM");
    this.checkLength("BPF_MAP_LOOKUP_ELEM", "key", key, 0);
    return this.#copy(this.peek(this.scratchValue));
  }

  override write(key: Uint8Array, value: Uint8Array, flags: number): void {
    const command = "BPF_MAP_UPDATE_ELEM";
    this.checkWrite(command);
    this.checkLength(command, "key", key, 0);
    this.checkLength(command, "value", value, this.valueSize);
    this.host.memory.u8.set(value, this.scratchValue);
    this.check(command, this.push(this.scratchValue, flags));
  }

  override readAndErase(key: Uint8Array): Uint8Array | undefined {
    const command = "BPF_MAP_LOOKUP_AND_DELETE_ELEM";
    this.checkRead(command);
    this.checkWrite(command);
    this.checkLength(command, "key", key, 0);
    return this.#copy(this.pop(this.scratchValue));
  }

  override nextKey(): Uint8Array | undefined {
    return this.fail("BPF_MAP_GET_NEXT_KEY", Errno.EINVAL);
  }

  override destroy(): void {
    this.host.memory.releaseOffset(this.#slots);
    super.destroy();
  }

  /** Offset of the element that is `index` after the oldest. */
  #slot(index: number): number {
    return this.#slots + ((this.#tail + index) % this.maxEntries) * this.#stride;
  }

  #copy(result: number): Uint8Array | undefined {
    if (result !== 0) return undefined;
    return this.host.memory.u8.slice(this.scratchValue, this.scratchValue + this.valueSize);
  }
}
