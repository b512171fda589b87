/** Memory that the kernel writes events into and the reader consumes: perf buffers and BPF ring buffers. */
import type { Fd } from "./kernel.ts";

/** One mapped ring. Positions count bytes since creation and never wrap; index `data` with `position & (size - 1)`. */
export interface RingMemory {
  /** Size in bytes of the data area, a power of two. */
  readonly sizeBytes: number;
  /**
   * True where samples of this perf ring begin with their time (PERF_SAMPLE_TIME): 64 bits, nanoseconds of
   * `KernelClock.monotonicNs`. Rings of several CPUs can then be read in order.
   */
  readonly timestamped?: boolean;
  /**
   * A live view of the data area. Bytes from `consumer` to `producer` are stable until consumed. Take a new view after
   * every wait: the memory behind it may have grown and the old view is then detached.
   */
  data(): Uint8Array;
  /** What was written before the producer's position is read by whatever is read after this call. */
  readProducer(): number;
  readConsumer(): number;
  /**
   * What is read after this call is read after what was read before it. For ring buffers, where the header of a record
   * says whether it is finished, and not the producer's position alone. Absent where nobody writes at the same time.
   */
  orderReads?(): void;
  /** Publishes that everything before `position` has been read: no read before this call happens after it. */
  writeConsumer(position: number): void;
  unmap(): void;
}

/** The ring of a BPF_MAP_TYPE_USER_RINGBUF map (Linux 6.1), which this process writes and programs drain. */
export interface WritableRing {
  /** Size in bytes of the data area, a power of two. */
  readonly sizeBytes: number;
  /** Live; empty after {@link unmap}. */
  data(): Uint8Array;
  readProducer(): number;
  /** Everything before it has been drained, and may be written over. */
  readConsumer(): number;
  /** Publishes that everything before `position` has been written. */
  writeProducer(position: number): void;
  unmap(): void;
}

/** The value of a BPF_F_MMAPABLE array, shared with the kernel. */
export interface SharedMemory {
  /** Live; empty after {@link unmap}. */
  bytes(): Uint8Array;
  unmap(): void;
}

/** The mmap facet. */
export interface RingMapper {
  /** The data pages of a `bpf-output` perf event; `pageCount` is a power of two. Records are `struct perf_event_header` framed. */
  mapPerfRing(event: Fd, pageCount: number): RingMemory;
  /** The data area of a BPF_MAP_TYPE_RINGBUF map; its size is the map's max_entries. Records have the 8-byte BPF header. */
  mapRingBuffer(map: Fd): RingMemory;
  /** The data area of a BPF_MAP_TYPE_USER_RINGBUF map. */
  mapUserRing(map: Fd): WritableRing;
  /** The elements of an array map that was created with BPF_F_MMAPABLE (Linux 5.5); read-only for frozen maps. */
  mapArray(map: Fd, sizeBytes: number, writable: boolean): SharedMemory;
  /** Bytes of a page, in which arenas are counted. */
  readonly pageSizeBytes: number;
  /**
   * A whole arena (Linux 6.9) of `sizeBytes`, at `address` unless that is 0; the first `usedBytes` of it are to be seen.
   * @throws SyscallError EEXIST where something is at the address, EBUSY where the arena is mapped already
   */
  mapArena(map: Fd, sizeBytes: number, address: bigint, usedBytes: number): SharedMemory;
}
