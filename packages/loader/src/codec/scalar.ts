/** Codecs of scalars: integers of 1 to 16 bytes, bit-fields, booleans, enums, floats, pointers. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { BtfValue, TypeCodec } from "./value.ts";

/**
 * Where small values are decoded. Asking an array of up to 64 bytes for its buffer makes the engine move it to memory of its
 * own, which costs more than decoding it; and one view for all values is one less object for each.
 */
const scratch = new Uint8Array(512);
const scratchView = new DataView(scratch.buffer);
/** Up to here a loop is faster than a call. */
const shortCopy = 64;

function inScratch(bytes: Uint8Array, offset: number, size: number): DataView {
  if (size <= shortCopy) {
    for (let at = 0; at < size; at += 1) scratch[at] = bytes[offset + at] ?? 0;
  } else {
    scratch.set(offset === 0 && bytes.length === size ? bytes : bytes.subarray(offset, offset + size));
  }
  return scratchView;
}

/** What every codec shares; makes the bounds check and the copying `encode`. */
export function makeCodec(
  facts: Pick<TypeCodec, "typeName" | "shape" | "size"> &
    Partial<Pick<TypeCodec, "signed" | "leaves" | "members" | "element" | "enumerators">>,
  read: (view: DataView, offset: number) => BtfValue,
  write: (value: BtfValue, view: DataView, offset: number) => void,
): TypeCodec {
  const { typeName, size } = facts;
  const check = (bytes: Uint8Array, offset: number): void => {
    if (offset >= 0 && offset + size <= bytes.length) return;
    throw new BpfkitError(
      "LD060",
      `${typeName} has ${size} bytes, but only ${Math.max(0, bytes.length - offset)} are there`,
    );
  };
  const target = (bytes: Uint8Array, offset: number): DataView => {
    check(bytes, offset);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
  return {
    signed: false,
    leaves: 1,
    members: [],
    element: undefined,
    enumerators: undefined,
    ...facts,
    decode: (bytes, offset = 0) => {
      check(bytes, offset);
      return size > scratch.length
        ? read(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset)
        : read(inScratch(bytes, offset, size), 0);
    },
    decodeFrom: read,
    encodeInto: (value, bytes, offset = 0) => write(value, target(bytes, offset), offset),
    encode(value) {
      const bytes = new Uint8Array(size);
      write(value, target(bytes, 0), 0);
      return bytes;
    },
  };
}

/** Of integers of the usual sizes, one function each: what to do is decided once for a type. */
const integerReaders: Readonly<Record<string, (view: DataView, offset: number) => number | bigint>> = {
  u1: (view, offset) => view.getUint8(offset),
  s1: (view, offset) => view.getInt8(offset),
  u2: (view, offset) => view.getUint16(offset, true),
  s2: (view, offset) => view.getInt16(offset, true),
  u4: (view, offset) => view.getUint32(offset, true),
  s4: (view, offset) => view.getInt32(offset, true),
  u8: (view, offset) => view.getBigUint64(offset, true),
  s8: (view, offset) => view.getBigInt64(offset, true),
};

/** What reads little-endian integers of a size, up to 16 bytes. */
export function integerReader(
  size: number,
  signed: boolean,
): (view: DataView, offset: number) => number | bigint {
  return (
    integerReaders[`${signed ? "s" : "u"}${size}`] ??
    ((view, offset) => {
      let value = 0n;
      for (let index = size - 1; index >= 0; index -= 1) {
        value = (value << 8n) | BigInt(view.getUint8(offset + index));
      }
      if (signed) value = BigInt.asIntN(size * 8, value);
      return size < 4 ? Number(value) : value;
    })
  );
}

/** Writes the low `size` bytes of an integer. */
export function writeInteger(view: DataView, offset: number, size: number, value: bigint): void {
  switch (size) {
    case 1:
      view.setUint8(offset, Number(value & 0xffn));
      return;
    case 2:
      view.setUint16(offset, Number(value & 0xffffn), true);
      return;
    case 4:
      view.setUint32(offset, Number(value & 0xffffffffn), true);
      return;
    case 8:
      view.setBigUint64(offset, BigInt.asUintN(64, value), true);
      return;
    default:
      for (let index = 0; index < size; index += 1) {
        view.setUint8(offset + index, Number((value >> BigInt(index * 8)) & 0xffn));
      }
  }
}

/**
 * A scalar given by a user as an integer that fits `bits`. `-1` is accepted for an unsigned type: it is how C programs
 * write "all ones".
 */
export function integerOf(value: BtfValue, typeName: string, bits: number, signed: boolean): bigint {
  let integer: bigint;
  if (typeof value === "bigint") integer = value;
  else if (typeof value === "boolean") integer = value ? 1n : 0n;
  else if (typeof value === "number" && Number.isInteger(value)) integer = BigInt(value);
  else throw new BpfkitError("LD061", `${describe(value)} is not a value of ${typeName}`);
  const low = -(1n << BigInt(bits - 1));
  const end = 1n << BigInt(signed ? bits - 1 : bits);
  if (integer < low || integer >= end) {
    throw new BpfkitError("LD061", `${integer} does not fit ${typeName} (${bits} bits)`);
  }
  return integer;
}

/** A value in words, for errors. */
export function describe(value: BtfValue): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 32));
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  return String(value);
}

/** Integers, enums and pointers, which differ in shape and name only. */
export function integerCodec(
  typeName: string,
  shape: "int" | "enum" | "pointer",
  size: number,
  signed: boolean,
  enumerators?: ReadonlyMap<bigint, string>,
): TypeCodec {
  return makeCodec(
    { typeName, shape, size, signed, ...(enumerators === undefined ? {} : { enumerators }) },
    integerReader(size, signed),
    (value, view, offset) => writeInteger(view, offset, size, integerOf(value, typeName, size * 8, signed)),
  );
}

/** `_Bool`: anything but zero is true. */
export function boolCodec(typeName: string, size: number): TypeCodec {
  const read = integerReader(size, false);
  return makeCodec(
    { typeName, shape: "bool", size },
    (view, offset) => BigInt(read(view, offset)) !== 0n,
    (value, view, offset) =>
      writeInteger(view, offset, size, integerOf(value, typeName, size * 8, false) === 0n ? 0n : 1n),
  );
}

/** `float` and `double`; other sizes read as zero bytes would be a lie, so they are refused by the caller. */
export function floatCodec(typeName: string, size: 4 | 8): TypeCodec {
  return makeCodec(
    { typeName, shape: "float", size, signed: true },
    (view, offset) => (size === 4 ? view.getFloat32(offset, true) : view.getFloat64(offset, true)),
    (value, view, offset) => {
      if (typeof value !== "number" && typeof value !== "bigint") {
        throw new BpfkitError("LD061", `${describe(value)} is not a value of ${typeName}`);
      }
      if (size === 4) view.setFloat32(offset, Number(value), true);
      else view.setFloat64(offset, Number(value), true);
    },
  );
}

/** Reads `bitSize` bits that start `bitOffset` bits after the start of the view's value. */
export function readBits(
  view: DataView,
  bitOffset: number,
  bitSize: number,
  signed: boolean,
): number | bigint {
  const first = Math.floor(bitOffset / 8);
  const last = Math.floor((bitOffset + bitSize - 1) / 8);
  if (last - first < 3) {
    // At most 24 bits, so that numbers do.
    let small = 0;
    for (let index = last; index >= first; index -= 1) small = (small << 8) | view.getUint8(index);
    small = (small >>> (bitOffset - first * 8)) & ((1 << bitSize) - 1);
    return signed ? (small << (32 - bitSize)) >> (32 - bitSize) : small;
  }
  let word = 0n;
  for (let index = last; index >= first; index -= 1) word = (word << 8n) | BigInt(view.getUint8(index));
  word = (word >> BigInt(bitOffset - first * 8)) & ((1n << BigInt(bitSize)) - 1n);
  if (signed) word = BigInt.asIntN(bitSize, word);
  return bitSize <= 32 ? Number(word) : word;
}

/** Writes `bitSize` bits and leaves their neighbours alone. */
export function writeBits(view: DataView, bitOffset: number, bitSize: number, value: bigint): void {
  for (let bit = 0; bit < bitSize; bit += 1) {
    const at = bitOffset + bit;
    const byte = Math.floor(at / 8);
    const mask = 1 << (at % 8);
    const set = (value >> BigInt(bit)) & 1n;
    const old = view.getUint8(byte);
    view.setUint8(byte, set === 1n ? old | mask : old & ~mask);
  }
}
