/** What readers of a BPF ring buffer map see; BpfMap objects of type ringbuf also have this interface. */

/** The reader's side of a ring buffer map. Positions count bytes since creation and never wrap. */
export interface RingReadSide {
  /** Size in bytes of the data area, a power of two (max_entries). */
  readonly sizeBytes: number;
  /** A live view of the data area; detached when guest memory grows. */
  data(): Uint8Array;
  producerPosition(): number;
  consumerPosition(): number;
  setConsumerPosition(position: number): void;
}
