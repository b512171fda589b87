/** Records for programs: a user ring buffer (Linux 6.1), which programs drain with bpf_user_ringbuf_drain. */
/// <reference lib="esnext.disposable" preserve="true" />
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Kernel, WritableRing } from "@bpfkit/base/kernel";
import type { BpfMap } from "../object/bpf-map.ts";

/** BPF_RINGBUF_HDR_SZ: the record's length, and 32 bits that are not used. */
const headerSize = 8;
/** The upper two bits of a length say that a record is not finished, or to be skipped. */
const longestRecord = 0x3fff_ffff;

const aligned = (size: number): number => Math.ceil(size / 8) * 8;

/** Writes records. One writer may be open at a time: the kernel does not keep several apart. */
export class RingWriter {
  readonly #name: string;
  readonly #ring: WritableRing;
  #open = true;

  /** @throws SyscallError where the map is no user ring buffer */
  constructor(kernel: Kernel, map: BpfMap) {
    this.#name = map.name;
    this.#ring = kernel.mapUserRing(map.fd);
  }

  /**
   * Writes one record, which programs see at their next drain.
   * @returns false where the ring has no room for it before programs have drained more
   * @throws BpfkitError LD096 for a record that never fits, or after {@link close}
   */
  write(record: Uint8Array): boolean {
    const { sizeBytes } = this.#ring;
    const needed = headerSize + aligned(record.length);
    if (!this.#open) throw new BpfkitError("LD096", `user ring buffer ${this.#name} is closed`);
    if (needed > sizeBytes || record.length > longestRecord) {
      throw new BpfkitError(
        "LD096",
        `a record of ${record.length} bytes does not fit into user ring buffer ${this.#name} of ${sizeBytes} bytes`,
        { hint: "Raise its max_entries, which counts bytes: a power of two of pages." },
      );
    }
    const position = this.#ring.readProducer();
    if (position + needed - this.#ring.readConsumer() > sizeBytes) return false;
    const data = this.#ring.data();
    const start = position % sizeBytes;
    // Records begin at multiples of eight bytes, so that headers are whole.
    const header = new DataView(data.buffer, data.byteOffset + start, headerSize);
    header.setUint32(0, record.length, true);
    header.setUint32(4, 0, true);
    const at = (start + headerSize) % sizeBytes;
    const first = Math.min(record.length, sizeBytes - at);
    data.set(record.subarray(0, first), at);
    data.set(record.subarray(first), 0);
    this.#ring.writeProducer(position + needed);
    return true;
  }

  /** Unmaps the ring; what was written stays for programs. A second call does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#ring.unmap();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
