/** The JavaScript values that BTF types become, and what a codec offers. */

/**
 * A decoded value: integers and enumerators of up to 32 bits are numbers, wider ones and pointers bigints, `_Bool` is
 * a boolean, `char[n]` a string up to its NUL, other arrays are arrays, structs and unions are objects.
 */
export type BtfValue =
  | number
  | bigint
  | boolean
  | string
  | readonly BtfValue[]
  | { readonly [name: string]: BtfValue };

/** One named part of a struct or union, anonymous members already dissolved into their parent. */
export interface CodecMember {
  readonly name: string;
  /** From the start of the whole type. */
  readonly bitOffset: number;
  /** 0 where the member is not a bit-field. */
  readonly bitSize: number;
  readonly codec: TypeCodec;
}

/** Reads and writes values of one BTF type. Built once per type; the layout is little-endian. */
export interface TypeCodec {
  /** As C spells it: `struct event`, `u64`, `char[16]`. */
  readonly typeName: string;
  readonly shape:
    | "int"
    | "bool"
    | "enum"
    | "float"
    | "pointer"
    | "string"
    | "array"
    | "struct"
    | "union"
    | "void";
  /** In bytes. */
  readonly size: number;
  readonly signed: boolean;
  /** How many scalars one value holds; bounds the work of decoding it. */
  readonly leaves: number;
  /** Of structs and unions, in order of declaration. */
  readonly members: readonly CodecMember[];
  /** Of arrays and strings: the codec of one element and how many there are. */
  readonly element: { readonly codec: TypeCodec; readonly count: number } | undefined;
  /** Of enums: value -> enumerator. */
  readonly enumerators: ReadonlyMap<bigint, string> | undefined;
  /** @throws BpfkitError LD060 where fewer than `offset + size` bytes are given. */
  decode(bytes: Uint8Array, offset?: number): BtfValue;
  /** As {@link decode}, for who has checked that `offset + size` bytes are in the view. */
  decodeFrom(view: DataView, offset: number): BtfValue;
  /**
   * Writes `value` at `offset`. Members that are absent from an object become zero.
   * @throws BpfkitError LD061 where the value does not fit the type.
   */
  encodeInto(value: BtfValue, bytes: Uint8Array, offset?: number): void;
  /** A new array of `size` bytes. */
  encode(value: BtfValue): Uint8Array;
}
