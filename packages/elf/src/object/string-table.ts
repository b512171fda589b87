/** String tables: NUL-terminated texts, named by offset. */
import { ByteWriter, decodeText } from "@bpfkit/base/bytes";
import { BpfkitError } from "@bpfkit/base/diagnostics";

/** No identifier comes near; keeps tables of overlapping strings from taking quadratic time. */
const longestString = 65_536;

/** Reads strings of a string table, each decoded once. */
export class StringTable {
  readonly #bytes: Uint8Array;
  readonly #owner: string;
  readonly #known = new Map<number, string>();
  #decoded = 0;

  /** `owner` names the table in messages. */
  constructor(bytes: Uint8Array, owner: string) {
    this.#bytes = bytes;
    this.#owner = owner;
  }

  /** @throws BpfkitError `EL006` where the offset is outside, the string has no end, or strings overlap absurdly. */
  at(offset: number): string {
    const known = this.#known.get(offset);
    if (known !== undefined) return known;
    const end = offset < this.#bytes.length ? this.#bytes.indexOf(0, offset) : -1;
    this.#decoded += Math.max(0, end - offset);
    if (end < 0 || end - offset > longestString || this.#decoded > 64 * this.#bytes.length) {
      throw new BpfkitError(
        "EL006",
        `${this.#owner}: no usable string at offset ${offset} of the string table`,
        {
          hint: "The file is damaged.",
        },
      );
    }
    const text = decodeText(this.#bytes, offset, end);
    this.#known.set(offset, text);
    return text;
  }
}

/** Writes a string table; equal strings are stored once. */
export class StringTableBuilder {
  readonly #writer = new ByteWriter().u8(0);
  readonly #known = new Map<string, number>([["", 0]]);

  /** The offset of a text. @throws BpfkitError `EL012` where it contains NUL. */
  add(text: string): number {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (text.includes("\0")) throw new BpfkitError("EL012", `the name ${JSON.stringify(text)} contains NUL`);
    const offset = this.#writer.length;
    this.#writer.cString(text);
    this.#known.set(text, offset);
    return offset;
  }

  /** The bytes of the table. */
  finish(): Uint8Array {
    return this.#writer.finish();
  }
}
