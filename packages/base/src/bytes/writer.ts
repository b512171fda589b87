/** A growing byte array that is written from front to back, with patching of what was written. */
import { BpfkitError } from "../diagnostics/errors.ts";

/** How a {@link ByteWriter} writes. */
export interface ByteWriterOptions {
  /** Byte order of numbers; little-endian unless told otherwise. */
  readonly littleEndian?: boolean;
}

const encoder = new TextEncoder();

/** Collects bytes. Numbers are cut to their width, as in C. */
export class ByteWriter {
  readonly littleEndian: boolean;
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  constructor(options: ByteWriterOptions = {}) {
    this.littleEndian = options.littleEndian ?? true;
  }

  /** Bytes written so far, which is the offset of the next write. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, this.littleEndian);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, this.littleEndian);
    return this;
  }

  i32(value: number): this {
    const at = this.#grow(4);
    this.#view.setInt32(at, value, this.littleEndian);
    return this;
  }

  /** Negative values are written in two's complement. */
  u64(value: bigint | number): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), this.littleEndian);
    return this;
  }

  /** Copies `bytes` in. */
  bytes(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** `count` zero bytes. */
  zeros(count: number): this {
    this.#grow(count);
    return this;
  }

  /** The text in UTF-8 and a NUL. */
  cString(text: string): this {
    this.bytes(encoder.encode(text));
    return this.u8(0);
  }

  /** Zero bytes up to a multiple of `alignment`. */
  align(alignment: number): this {
    const rest = this.#length % alignment;
    if (rest !== 0) this.#grow(alignment - rest);
    return this;
  }

  /** Replaces four bytes that were written before. @throws BpfkitError `BY001` where they were not. */
  patchU32(offset: number, value: number): void {
    if (!Number.isInteger(offset) || offset < 0 || offset + 4 > this.#length) {
      throw new BpfkitError("BY001", `cannot patch 4 bytes at offset ${offset} of ${this.#length} written`);
    }
    this.#view.setUint32(offset, value, this.littleEndian);
  }

  /** A copy of everything written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(size: number): number {
    const start = this.#length;
    const end = start + size;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, start));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#length = end;
    return start;
  }
}
