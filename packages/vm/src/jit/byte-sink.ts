/** A growing byte array with the integer encodings of WebAssembly (LEB128). */

/** Appends bytes. Reusable: {@link clear} keeps the memory. */
export class ByteSink {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = 0;
  }

  /** A view of what was written; valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
  }

  byte2(first: number, second: number): void {
    this.byte(first);
    this.byte(second);
  }

  bytes(source: Uint8Array): void {
    if (this.#length + source.length > this.#bytes.length) this.#grow(source.length);
    this.#bytes.set(source, this.#length);
    this.#length += source.length;
  }

  /** Unsigned LEB128 of a 32-bit number. */
  u32(value: number): void {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** Signed LEB128 of a 32-bit number. */
  s32(value: number): void {
    this.s64(value | 0, value >> 31);
  }

  /** Signed LEB128 of a 64-bit number in two words. */
  s64(low: number, high: number): void {
    let lo = low | 0;
    let hi = high | 0;
    for (;;) {
      const part = lo & 0x7f;
      lo = (lo >>> 7) | (hi << 25);
      hi >>= 7;
      const sign = (part & 0x40) !== 0;
      if ((lo === 0 && hi === 0 && !sign) || (lo === -1 && hi === -1 && sign)) {
        this.byte(part);
        return;
      }
      this.byte(part | 0x80);
    }
  }

  /** A name: length and ASCII bytes. */
  name(text: string): void {
    this.u32(text.length);
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i));
  }

  #grow(needed: number): void {
    const bigger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + needed));
    bigger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bigger;
  }
}
