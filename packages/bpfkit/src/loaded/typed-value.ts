/** Bytes of a map as values of their BTF type, spelled as bpftool does: bit-fields in hexadecimal, enumerators by name. */
import type { BtfTable } from "@bpfkit/elf/btf";
import { Fields, type JsonNode, RawText } from "./json-text.ts";

/** How to spell. */
export interface TypedValueOptions {
  /** For people: hexadecimal numbers without quotes, `(nil)`. Otherwise JSON that machines can read. */
  readonly plain?: boolean;
}

/** Deeper than C programs nest. */
const deepest = 64;

/** Reads one value. Bytes that are missing at the end read as zero. */
export function typedValue(
  btf: BtfTable,
  typeId: number,
  bytes: Uint8Array,
  options: TypedValueOptions = {},
): JsonNode {
  return new Reader(btf, bytes, options.plain === true).read(typeId, 0, 0);
}

class Reader {
  readonly #btf: BtfTable;
  readonly #bytes: Uint8Array;
  readonly #plain: boolean;

  constructor(btf: BtfTable, bytes: Uint8Array, plain: boolean) {
    this.#btf = btf;
    this.#bytes = bytes;
    this.#plain = plain;
  }

  read(typeId: number, offset: number, depth: number): JsonNode {
    if (depth > deepest) return "...";
    const type = this.#btf.type(this.#btf.resolve(typeId));
    switch (type.kind) {
      case "int":
        return this.#int(type, offset);
      case "ptr":
        return this.#pointer(this.#unsigned(offset, 8));
      case "enum":
      case "enum64": {
        const value = this.#number(offset, type.size, type.signed);
        const found = type.values.find((each) => BigInt(each.value) === value);
        return found?.name ?? value;
      }
      case "array":
        return this.#array(type, offset, depth);
      case "struct":
      case "union":
        return new Fields(
          type.members.map(({ name, type: member, bitOffset, bitSize }) => [
            name,
            bitSize === 0
              ? this.read(member, offset + Math.floor(bitOffset / 8), depth + 1)
              : this.#bits(offset * 8 + bitOffset, bitSize),
          ]),
        );
      case "var":
        return this.read(type.type, offset, depth + 1);
      case "datasec":
        return {
          [type.name]: type.entries.map((entry) => ({
            [this.#btf.nameOf(entry.type)]: this.read(entry.type, offset + entry.offset, depth + 1),
          })),
        };
      case "float":
        return this.#float(type.size, offset);
      default:
        return `(${type.kind})`;
    }
  }

  #int(
    type: { size: number; bits: number; bitOffset: number; signed: boolean; char: boolean; bool: boolean },
    offset: number,
  ): JsonNode {
    const { size, bits, bitOffset } = type;
    if (bits !== size * 8 || bitOffset !== 0 || bits > 64) return this.#bits(offset * 8 + bitOffset, bits);
    const value = this.#number(offset, size, type.signed);
    if (type.bool) return value !== 0n;
    if (!type.char) return value;
    if (value >= 0x20n && value < 0x7fn) return String.fromCharCode(Number(value));
    return this.#hex(value & 0xffn);
  }

  /** An array of char with text in it is text; the NUL has to be there. */
  #array(type: { elementType: number; count: number }, offset: number, depth: number): JsonNode {
    const text = this.#text(type, offset);
    if (text !== undefined) return text;
    const size = this.#btf.sizeOf(type.elementType);
    return Array.from({ length: type.count }, (_, index) =>
      this.read(type.elementType, offset + index * size, depth + 1),
    );
  }

  #text(type: { elementType: number; count: number }, offset: number): string | undefined {
    let element = this.#btf.type(type.elementType);
    while (element.kind === "const" || element.kind === "volatile" || element.kind === "restrict") {
      element = this.#btf.type(element.type);
    }
    if (element.kind !== "int" || element.size !== 1 || (!element.char && element.name !== "char"))
      return undefined;
    const bytes = this.#bytes.subarray(offset, offset + type.count);
    const end = bytes.indexOf(0);
    const text = bytes.subarray(0, end === -1 ? 0 : end);
    if (end === -1 || text.some((byte) => byte < 0x20 || byte >= 0x7f)) return undefined;
    return String.fromCharCode(...text);
  }

  #bits(bitOffset: number, bits: number): JsonNode {
    let value = 0n;
    const first = Math.floor(bitOffset / 8);
    const last = Math.floor((bitOffset + bits - 1) / 8);
    for (let at = last; at >= first; at--) value = (value << 8n) | BigInt(this.#bytes[at] ?? 0);
    return this.#hex(BigInt.asUintN(bits, value >> BigInt(bitOffset % 8)));
  }

  #pointer(value: bigint): JsonNode {
    if (!this.#plain) return value;
    return value === 0n ? new RawText("(nil)") : this.#hex(value);
  }

  #float(size: number, offset: number): JsonNode {
    const bytes = new Uint8Array(8);
    bytes.set(this.#bytes.subarray(offset, offset + Math.min(size, 8)));
    const view = new DataView(bytes.buffer);
    const value = size === 4 ? view.getFloat32(0, true) : size === 8 ? view.getFloat64(0, true) : Number.NaN;
    return Number.isFinite(value) ? value : String(value);
  }

  #hex(value: bigint): JsonNode {
    const text = `0x${value.toString(16)}`;
    return this.#plain ? new RawText(text) : text;
  }

  #number(offset: number, size: number, signed: boolean): bigint {
    const value = this.#unsigned(offset, size);
    return signed ? BigInt.asIntN(size * 8, value) : value;
  }

  #unsigned(offset: number, size: number): bigint {
    let value = 0n;
    for (let at = offset + size - 1; at >= offset; at--) value = (value << 8n) | BigInt(this.#bytes[at] ?? 0);
    return value;
  }
}
