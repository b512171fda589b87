/** A cursor that reads numbers, bytes and C strings from a byte array, with bounds checked. */
import { BpfkitError } from "../diagnostics/errors.ts";

/** How a {@link ByteReader} reads. */
export interface ByteReaderOptions {
  /** Byte order of numbers; little-endian unless told otherwise. */
  readonly littleEndian?: boolean;
  /** What the bytes are, for error messages: `.BTF section of a.o`. */
  readonly name?: string;
}

/**
 * Reads forward from an offset. Every read that would pass the end throws BpfkitError `BY001` that names the offset and
 * the wanted size, and leaves the offset where it was.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly name: string;
  readonly littleEndian: boolean;
  readonly #view: DataView;
  #offset = 0;

  /** Does not copy `bytes`: do not modify them while reading. */
  constructor(bytes: Uint8Array, options: ByteReaderOptions = {}) {
    this.#bytes = bytes;
    this.name = options.name ?? "input";
    this.littleEndian = options.littleEndian ?? true;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Offset in bytes of the next read. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes from the offset to the end. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Moves to an absolute offset; the end itself is allowed. */
  seek(offset: number): void {
    if (!Number.isInteger(offset) || offset < 0 || offset > this.#bytes.length) {
      throw new BpfkitError(
        "BY001",
        `${this.name}: offset ${offset} is outside its ${this.#bytes.length} bytes`,
      );
    }
    this.#offset = offset;
  }

  /** Moves forward to a multiple of `alignment` (counted from the start of the bytes). */
  align(alignment: number): void {
    const rest = this.#offset % alignment;
    if (rest !== 0) this.#advance(alignment - rest);
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), this.littleEndian);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), this.littleEndian);
  }

  i8(): number {
    return this.#view.getInt8(this.#advance(1));
  }

  i16(): number {
    return this.#view.getInt16(this.#advance(2), this.littleEndian);
  }

  i32(): number {
    return this.#view.getInt32(this.#advance(4), this.littleEndian);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), this.littleEndian);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#advance(8), this.littleEndian);
  }

  /** A 64-bit unsigned number that must fit a double exactly. @throws BpfkitError `BY001` at 2^53 and above. */
  u64Number(): number {
    const at = this.#offset;
    const value = this.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      this.#offset = at;
      throw new BpfkitError("BY001", `${this.name}: the number ${value} at offset ${at} is too large`);
    }
    return Number(value);
  }

  /** The next `length` bytes as a view, not a copy. */
  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** A NUL-terminated UTF-8 string; the offset ends up after the NUL. */
  cString(): string {
    const end = this.#bytes.indexOf(0, this.#offset);
    if (end < 0) {
      throw new BpfkitError("BY001", `${this.name}: the string at offset ${this.#offset} has no end`);
    }
    const text = decodeText(this.#bytes, this.#offset, end);
    this.#offset = end + 1;
    return text;
  }

  #advance(size: number): number {
    const start = this.#offset;
    if (!Number.isInteger(size) || size < 0 || size > this.#bytes.length - start) {
      throw new BpfkitError(
        "BY001",
        `${this.name} ends too early: wanted ${size} bytes at offset ${start}, it has ${this.#bytes.length}`,
      );
    }
    this.#offset = start + size;
    return start;
  }
}

const decoder = new TextDecoder();

/** Texts longer than this are left to TextDecoder, which has a fixed cost but is quicker by the byte. */
const longestLoop = 64;

/** The bytes from `start` to before `end` as text: UTF-8, with replacement characters for what is none. */
export function decodeText(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const length = end - start;
  if (length > longestLoop || !isAscii(bytes, start, end)) return decoder.decode(bytes.subarray(start, end));
  let text = "";
  let at = start;
  // Eight at a time: every += leaves garbage behind, and tables have a hundred thousand names.
  for (; at + 8 <= end; at += 8) {
    text += String.fromCharCode(
      bytes[at] ?? 0,
      bytes[at + 1] ?? 0,
      bytes[at + 2] ?? 0,
      bytes[at + 3] ?? 0,
      bytes[at + 4] ?? 0,
      bytes[at + 5] ?? 0,
      bytes[at + 6] ?? 0,
      bytes[at + 7] ?? 0,
    );
  }
  for (; at < end; at++) text += String.fromCharCode(bytes[at] ?? 0);
  return text;
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if ((bytes[at] ?? 0) > 0x7f) return false;
  return true;
}
