/** BPF_MAP_TYPE_RINGBUF: one ring for all CPUs, records reserved and committed by programs, read in order. */
import { Errno } from "@bpfkit/base/abi";
import { PAGE_SIZE } from "../memory/layout.ts";
import { BaseMap, refuseCreation, roundUp8 } from "./base-map.ts";
import { CreateFlag } from "./flags.ts";
import type { MapDefinition, MapHost } from "./map.ts";
import type { RingReadSide } from "./ring.ts";

/** Bits of a record's length word (uapi BPF_RINGBUF_*_BIT). */
const BUSY = 1 << 31;
const DISCARD = 1 << 30;

/** BPF_RINGBUF_HDR_SZ. */
const HEADER = 8;

/** Longest record the length word can express (RINGBUF_MAX_RECORD_SZ). */
const RECORD_LIMIT = 0x3fff_ffff;

/** Flags of bpf_ringbuf_submit, discard and output. */
export const RingFlag = { NoWakeup: 1, ForceWakeup: 2 } as const;

/** Questions that bpf_ringbuf_query answers. */
export const RingQuery = { AvailableData: 0, RingSize: 1, ConsumerPosition: 2, ProducerPosition: 3 } as const;

/** A record that was reserved and not committed yet. */
interface Reservation {
  readonly position: number;
  readonly size: number;
}

/**
 * The ring. The kernel maps its pages twice in a row so that every record is contiguous; here the memory is twice as
 * long and the part of a record beyond the end is copied to the start when it is committed.
 */
export class RingBufferMap extends BaseMap implements RingReadSide {
  readonly sizeBytes: number;
  readonly #data: number;
  readonly #reserved = new Map<number, Reservation>();
  #producer = 0;
  #consumer = 0;

  constructor(definition: MapDefinition, id: number, host: MapHost) {
    const { keySize, valueSize, maxEntries, flags } = definition;
    if (keySize !== 0 || valueSize !== 0) {
      refuseCreation(Errno.EINVAL, definition, "ring buffers have no keys and values");
    }
    if ((flags & ~CreateFlag.NumaNode) !== 0)
      refuseCreation(Errno.EINVAL, definition, "flags are not allowed");
    if (maxEntries < PAGE_SIZE || (maxEntries & (maxEntries - 1)) !== 0) {
      refuseCreation(Errno.EINVAL, definition, "max_entries must be a power of two of at least one page");
    }
    super(definition, id, host);
    this.sizeBytes = maxEntries;
    this.#data = host.memory.allocateOffset(maxEntries * 2, PAGE_SIZE, "program");
  }

  /** Offset of the new record's data, writable by programs; 0 when it does not fit. */
  reserve(size: number): number {
    const length = roundUp8(size + HEADER);
    if (size < 0 || size > RECORD_LIMIT || length > this.sizeBytes) return 0;
    if (this.#producer + length - this.#consumer > this.sizeBytes - 1) return 0;
    const position = this.#producer;
    const header = this.#data + this.#wrap(position);
    const { memory } = this.host;
    memory.view.setUint32(header, size | BUSY, true);
    memory.view.setUint32(header + 4, this.#wrap(position) >>> 12, true);
    this.#producer += length;
    const sample = header + HEADER;
    memory.grant(sample, size, "write");
    this.#reserved.set(sample, { position, size });
    return sample;
  }

  /** Publishes or discards the record whose data is at `sample`; false where there is none. */
  commit(sample: number, discard: boolean, flags: number): boolean {
    const reservation = this.#reserved.get(sample);
    if (reservation === undefined) return false;
    this.#reserved.delete(sample);
    const { position, size } = reservation;
    const { memory } = this.host;
    memory.grant(sample, size, "none");
    memory.view.setUint32(sample - HEADER, discard ? size | DISCARD : size, true);
    const beyond = sample + size - (this.#data + this.sizeBytes);
    if (beyond > 0) {
      const end = this.#data + this.sizeBytes;
      // The header never wraps, so at most all of the data is beyond the end.
      memory.copy(this.#data, end, beyond);
    }
    const readerWaits = this.#consumer === position;
    if ((flags & RingFlag.ForceWakeup) !== 0 || (readerWaits && (flags & RingFlag.NoWakeup) === 0)) {
      this.host.notifyReadable(this.id);
    }
    return true;
  }

  /** bpf_ringbuf_output: 0, -EINVAL for unknown flags, -EAGAIN when it does not fit. */
  output(from: number, size: number, flags: number): number {
    if ((flags & ~(RingFlag.NoWakeup | RingFlag.ForceWakeup)) !== 0) return -Errno.EINVAL;
    const sample = this.reserve(size);
    if (sample === 0) return -Errno.EAGAIN;
    this.host.memory.copy(sample, from, size);
    this.commit(sample, false, flags);
    return 0;
  }

  /** bpf_ringbuf_query; 0 for an unknown question. */
  query(question: number): number {
    switch (question) {
      case RingQuery.AvailableData:
        return this.#producer - this.#consumer;
      case RingQuery.RingSize:
        return this.sizeBytes;
      case RingQuery.ConsumerPosition:
        return this.#consumer;
      case RingQuery.ProducerPosition:
        return this.#producer;
      default:
        return 0;
    }
  }

  data(): Uint8Array {
    return this.host.memory.u8.subarray(this.#data, this.#data + this.sizeBytes);
  }
  producerPosition(): number {
    return this.#producer;
  }
  consumerPosition(): number {
    return this.#consumer;
  }
  setConsumerPosition(position: number): void {
    if (position >= this.#consumer && position <= this.#producer) this.#consumer = position;
  }

  override read(): Uint8Array | undefined {
    return this.fail("BPF_MAP_LOOKUP_ELEM", Errno.ENOTSUPP);
  }
  override write(): void {
    this.fail("BPF_MAP_UPDATE_ELEM", Errno.ENOTSUPP);
  }
  override erase(): boolean {
    return this.fail("BPF_MAP_DELETE_ELEM", Errno.ENOTSUPP);
  }
  override destroy(): void {
    this.host.memory.releaseOffset(this.#data);
    super.destroy();
  }

  /** Position within the data area; positions may exceed 2^31. */
  #wrap(position: number): number {
    return position % this.sizeBytes;
  }
}
