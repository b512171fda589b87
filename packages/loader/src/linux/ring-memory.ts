/** Rings that the kernel writes, mapped into this process and read in place. */
import type { RingMemory, SharedMemory, WritableRing } from "@bpfkit/base/kernel";
import { rawSyscall, syscall, viewOf } from "./ffi.ts";

/** uapi asm-generic/mman-common.h. */
const protRead = 1;
const protWrite = 2;
const mapShared = 1;
/** Linux 4.17: EEXIST where something is at the address. */
const mapFixedNoReplace = 0x100000;

/** One mapping. */
class Mapping {
  readonly #address: number;
  readonly #sizeBytes: number;
  readonly bytes: ArrayBuffer;

  constructor(fd: number, sizeBytes: number, offset: number, writable: boolean) {
    const protection = writable ? protRead | protWrite : protRead;
    this.#address = syscall("mmap", "mmap", 0, sizeBytes, protection, mapShared, fd, offset);
    this.#sizeBytes = sizeBytes;
    this.bytes = viewOf(this.#address, sizeBytes);
  }

  unmap(): void {
    rawSyscall("munmap", this.#address, this.#sizeBytes);
  }
}

/** A ring with two positions and something to read between them. */
export interface ReadableRing extends RingMemory {
  /** True where the reader would find a finished record. */
  hasRecords(): boolean;
}

/**
 * A position: 64 bits that one side writes and the other reads. The kernel's side is a release of what it wrote before the
 * producer moves (perf_output_put_handle in kernel/events/ring_buffer.c, __bpf_ringbuf_reserve in kernel/bpf/ringbuf.c) and
 * an acquire of the consumer. Ours is Atomics, whose accesses are sequentially consistent, in memory that is shared with
 * the kernel as with another thread: V8 makes of them a plain load and an exchange on x86-64, which orders loads with loads
 * and loads with later stores anyway, and LDAR and STLR on arm64. So no record is read before the producer's position is,
 * and none after the consumer's is published.
 */
class Position {
  readonly #word: BigUint64Array;

  constructor(buffer: ArrayBuffer, offset: number) {
    this.#word = new BigUint64Array(buffer, offset, 1);
  }

  get(): number {
    return Number(Atomics.load(this.#word, 0));
  }
  set(value: number): void {
    Atomics.store(this.#word, 0, BigInt(value));
  }
}

/** The mapped state of a ring; gone after unmapping, so that nobody touches memory that is not there. */
interface Mapped {
  readonly data: Uint8Array;
  readonly producer: Position;
  readonly consumer: Position;
  readonly mappings: readonly Mapping[];
}

/** Data between two positions, from mapping to unmapping. */
abstract class MappedMemory {
  #mapped: Mapped | undefined;
  readonly #unmapped: () => void;

  constructor(mapped: Mapped, unmapped: () => void) {
    this.#mapped = mapped;
    this.#unmapped = unmapped;
  }

  protected get mapped(): Mapped | undefined {
    return this.#mapped;
  }

  data(): Uint8Array {
    return this.#mapped?.data ?? new Uint8Array(0);
  }
  readProducer(): number {
    return this.#mapped?.producer.get() ?? 0;
  }
  readConsumer(): number {
    return this.#mapped?.consumer.get() ?? 0;
  }
  unmap(): void {
    const mapped = this.#mapped;
    if (mapped === undefined) return;
    this.#mapped = undefined;
    for (const mapping of mapped.mappings) mapping.unmap();
    this.#unmapped();
  }
}

/** A ring that this process reads. */
abstract class MappedRing extends MappedMemory implements ReadableRing {
  abstract readonly sizeBytes: number;

  writeConsumer(position: number): void {
    this.mapped?.consumer.set(position);
  }
  hasRecords(): boolean {
    return this.readProducer() > this.readConsumer();
  }
}

/**
 * Maps a BPF ring: the consumer's page, and behind it the producer's and the data. The kernel lets one side be written.
 * @throws SyscallError of mmap(2)
 */
function mapHalves(map: number, sizeBytes: number, pageSize: number, ours: "producer" | "consumer"): Mapped {
  const consumer = new Mapping(map, pageSize, 0, ours === "consumer");
  let producer: Mapping;
  try {
    producer = new Mapping(map, pageSize + sizeBytes, pageSize, ours === "producer");
  } catch (error) {
    consumer.unmap();
    throw error;
  }
  return {
    data: new Uint8Array(producer.bytes, pageSize, sizeBytes),
    producer: new Position(producer.bytes, 0),
    consumer: new Position(consumer.bytes, 0),
    mappings: [consumer, producer],
  };
}

/** `data_head` and `data_tail` of struct perf_event_mmap_page (uapi linux/perf_event.h). */
const perfHead = 1024;
const perfTail = 1032;

/** A perf buffer: one control page, then the data. */
export class PerfRing extends MappedRing {
  readonly sizeBytes: number;
  readonly timestamped = true;

  /** `sizeBytes` is a power of two of pages. `unmapped` is called once. @throws SyscallError of mmap(2) */
  constructor(event: number, sizeBytes: number, pageSize: number, unmapped: () => void) {
    const mapping = new Mapping(event, pageSize + sizeBytes, 0, true);
    super(
      {
        data: new Uint8Array(mapping.bytes, pageSize, sizeBytes),
        producer: new Position(mapping.bytes, perfHead),
        consumer: new Position(mapping.bytes, perfTail),
        mappings: [mapping],
      },
      unmapped,
    );
    this.sizeBytes = sizeBytes;
  }
}

/** The elements of an mmapable array. */
export class ArrayMemory implements SharedMemory {
  #mapping: Mapping | undefined;
  readonly #sizeBytes: number;
  readonly #unmapped: () => void;

  /** `unmapped` is called once. @throws SyscallError of mmap(2): EPERM for frozen maps, ENOTSUPP for other types */
  constructor(
    map: number,
    sizeBytes: number,
    page: { size: number; writable: boolean },
    unmapped: () => void,
  ) {
    const whole = Math.ceil(sizeBytes / page.size) * page.size;
    this.#mapping = new Mapping(map, whole, 0, page.writable);
    this.#sizeBytes = sizeBytes;
    this.#unmapped = unmapped;
  }

  bytes(): Uint8Array {
    return this.#mapping === undefined
      ? new Uint8Array(0)
      : new Uint8Array(this.#mapping.bytes, 0, this.#sizeBytes);
  }

  unmap(): void {
    if (this.#mapping === undefined) return;
    this.#mapping.unmap();
    this.#mapping = undefined;
    this.#unmapped();
  }
}

/** A ring that this process writes: the consumer's page is read-only. */
export class UserRing extends MappedMemory implements WritableRing {
  readonly sizeBytes: number;

  /** `unmapped` is called once. @throws SyscallError of mmap(2) */
  constructor(map: number, sizeBytes: number, pageSize: number, unmapped: () => void) {
    super(mapHalves(map, sizeBytes, pageSize, "producer"), unmapped);
    this.sizeBytes = sizeBytes;
  }

  writeProducer(position: number): void {
    this.mapped?.producer.set(position);
  }
}

/** BPF_RINGBUF_BUSY_BIT, in the fourth byte of a record's header. */
const busyByte = 3;
const busyBit = 0x80;

/** An arena: whole it can have 4 GiB, so only its used start becomes a view. */
export class ArenaMemory implements SharedMemory {
  readonly #address: number;
  readonly #sizeBytes: number;
  readonly #unmapped: () => void;
  #bytes: Uint8Array;
  #isMapped = true;

  /** `unmapped` is called once. @throws SyscallError of mmap(2): EEXIST, EBUSY */
  constructor(
    map: number,
    place: { sizeBytes: number; address: bigint; usedBytes: number },
    unmapped: () => void,
  ) {
    const { sizeBytes, address, usedBytes } = place;
    const flags = address === 0n ? mapShared : mapShared | mapFixedNoReplace;
    this.#address = syscall("mmap", "mmap", address, sizeBytes, protRead | protWrite, flags, map, 0);
    this.#sizeBytes = sizeBytes;
    this.#unmapped = unmapped;
    this.#bytes = usedBytes === 0 ? new Uint8Array(0) : new Uint8Array(viewOf(this.#address, usedBytes));
  }

  bytes(): Uint8Array {
    return this.#bytes;
  }

  unmap(): void {
    if (!this.#isMapped) return;
    this.#isMapped = false;
    this.#bytes = new Uint8Array(0);
    rawSyscall("munmap", this.#address, this.#sizeBytes);
    this.#unmapped();
  }
}

const fence = new Int32Array(1);

/** A BPF ring buffer: only the consumer's page is ours to write. */
export class BpfRing extends MappedRing {
  readonly sizeBytes: number;

  /** `unmapped` is called once. @throws SyscallError of mmap(2): EPERM or EINVAL for other maps */
  constructor(map: number, sizeBytes: number, pageSize: number, unmapped: () => void) {
    super(mapHalves(map, sizeBytes, pageSize, "consumer"), unmapped);
    this.sizeBytes = sizeBytes;
  }

  /**
   * The kernel reserves a record by moving the producer, and finishes it by an exchange of its header: our plain read of that
   * header does not order what is read next where loads may overtake each other, as on arm64. STLR waits for all reads
   * before it, the LDAR after it does not overtake it, and nothing overtakes the LDAR. Any word will do.
   */
  orderReads(): void {
    Atomics.store(fence, 0, 0);
    Atomics.load(fence, 0);
  }

  override hasRecords(): boolean {
    const position = this.readConsumer();
    if (this.readProducer() <= position) return false;
    const header = this.data()[(position % this.sizeBytes) + busyByte] ?? 0;
    return (header & busyBit) === 0;
  }
}
