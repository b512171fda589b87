/** C structs from a table of their fields: naturally aligned, little-endian, padded at the end. */
import { InternalError } from "@bpfkit/base/diagnostics";

/** `ptr` is a 64-bit address, given as bytes; `char16` a NUL-terminated name of at most 15 characters. */
export type FieldType = "u32" | "i32" | "u64" | "ptr" | "char16";

/** Fields in the order of the C declaration. */
export type FieldTable = Readonly<Record<string, FieldType>>;

/** What each field may be given; fields that are left out are zero. */
export type FieldValues<Fields extends FieldTable> = {
  readonly [Name in keyof Fields]?:
    | (Fields[Name] extends "ptr"
        ? Uint8Array
        : Fields[Name] extends "char16"
          ? string
          : Fields[Name] extends "u64"
            ? number | bigint
            : number)
    | undefined;
};

/** One struct. */
export interface StructLayout<Fields extends FieldTable> {
  readonly sizeBytes: number;
  offsetOf(name: keyof Fields & string): number;
  /** @param addressOf where bytes are in memory, for `ptr` fields */
  encode(values: FieldValues<Fields>, addressOf: (bytes: Uint8Array) => bigint): Uint8Array;
  /** A field of 32 bits. */
  u32(bytes: Uint8Array, name: keyof Fields & string): number;
  /** A field of 64 bits. */
  u64(bytes: Uint8Array, name: keyof Fields & string): bigint;
  /** A name up to its NUL. */
  text(bytes: Uint8Array, name: keyof Fields & string): string;
}

const sizes = { u32: 4, i32: 4, u64: 8, ptr: 8, char16: 16 } as const;
const alignments = { u32: 4, i32: 4, u64: 8, ptr: 8, char16: 1 } as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");

/** Lays a struct out. */
export function structLayout<const Fields extends FieldTable>(fields: Fields): StructLayout<Fields> {
  const offsets = new Map<string, number>();
  let end = 0;
  for (const [name, type] of Object.entries(fields)) {
    const alignment = alignments[type];
    end = Math.ceil(end / alignment) * alignment;
    offsets.set(name, end);
    end += sizes[type];
  }
  const sizeBytes = Math.ceil(end / 8) * 8;
  const offsetOf = (name: string): number => {
    const offset = offsets.get(name);
    if (offset === undefined) throw new InternalError(`the struct has no field ${name}`);
    return offset;
  };
  const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    sizeBytes,
    offsetOf,
    encode(values, addressOf) {
      const bytes = new Uint8Array(sizeBytes);
      const view = viewOf(bytes);
      for (const [name, value] of Object.entries(values)) {
        if (value !== undefined) put(view, offsetOf(name), value as FieldValue, fields[name], addressOf);
      }
      return bytes;
    },
    u32: (bytes, name) => viewOf(bytes).getUint32(offsetOf(name), true),
    u64: (bytes, name) => viewOf(bytes).getBigUint64(offsetOf(name), true),
    text(bytes, name) {
      const field = bytes.subarray(offsetOf(name), offsetOf(name) + sizes.char16);
      const length = field.indexOf(0);
      return decoder.decode(length === -1 ? field : field.subarray(0, length));
    },
  };
}

type FieldValue = number | bigint | string | Uint8Array;

function put(
  view: DataView,
  offset: number,
  value: FieldValue,
  type: FieldType | undefined,
  addressOf: (bytes: Uint8Array) => bigint,
): void {
  if (value instanceof Uint8Array) view.setBigUint64(offset, addressOf(value), true);
  else if (typeof value === "string") {
    const name = encoder.encode(value).subarray(0, sizes.char16 - 1);
    new Uint8Array(view.buffer, offset, sizes.char16).set(name);
  } else if (type === "u64") view.setBigUint64(offset, BigInt(value), true);
  else view.setUint32(offset, Number(value), true);
}
