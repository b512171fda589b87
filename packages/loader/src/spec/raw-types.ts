/** `.BTF` type by type without understanding each: for patches that must keep ids and strings as they are. */
import { ByteReader, ByteWriter } from "@bpfkit/base/bytes";
import { BpfkitError } from "@bpfkit/base/diagnostics";

/** Kinds of types by number (uapi linux/btf.h). */
export const RawKind = {
  Int: 1,
  Struct: 4,
  Union: 5,
  Enum: 6,
  Typedef: 8,
  Const: 10,
  Func: 12,
  FuncProto: 13,
  Var: 14,
  Datasec: 15,
  Float: 16,
  DeclTag: 17,
  TypeTag: 18,
  Enum64: 19,
} as const;

/** struct btf_type and what follows it. */
export interface RawType {
  /** Offset in the strings. */
  readonly name: number;
  readonly kind: number;
  /** Number of members, or the linkage of a function. */
  readonly count: number;
  readonly flag: boolean;
  /** Size in bytes, or the id of another type. */
  readonly sizeOrType: number;
  readonly tail: Uint8Array;
}

/** Bytes that follow `struct btf_type`, by kind: fixed part and part for each element (Documentation/bpf/btf.rst). */
const tailSizes: readonly (readonly [number, number])[] = [
  [0, 0], // void
  [4, 0], // int
  [0, 0], // ptr
  [12, 0], // array
  [0, 12], // struct
  [0, 12], // union
  [0, 8], // enum
  [0, 0], // fwd
  [0, 0], // typedef
  [0, 0], // volatile
  [0, 0], // const
  [0, 0], // restrict
  [0, 0], // func
  [0, 8], // func_proto
  [4, 0], // var
  [0, 12], // datasec
  [0, 0], // float
  [4, 0], // decl_tag
  [0, 0], // type_tag
  [0, 12], // enum64
];

/** What a patch may ask. */
export interface RawContext {
  readonly id: number;
  nameAt(offset: number): string;
}

/**
 * Copies types with changes; the numbers of types and the strings stay.
 * @throws BpfkitError LD014 for a kind that is not known, BY0xx for cut bytes
 */
export function rewriteTypes(
  btf: Uint8Array,
  change: (type: RawType, context: RawContext) => RawType,
): Uint8Array {
  const reader = new ByteReader(btf, { name: ".BTF" });
  reader.seek(4);
  const headerSize = reader.u32();
  const typeStart = headerSize + reader.u32();
  const typeEnd = typeStart + reader.u32();
  const stringStart = headerSize + reader.u32();
  const stringSize = reader.u32();
  const nameAt = (offset: number): string => {
    reader.seek(stringStart + offset);
    return reader.cString();
  };
  const types = new ByteWriter();
  let at = typeStart;
  for (let id = 1; at < typeEnd; id += 1) {
    const type = readType(reader, at);
    at += 12 + type.tail.length;
    writeType(types, change(type, { id, nameAt }));
  }
  const out = new ByteWriter();
  reader.seek(0);
  out.bytes(reader.bytes(headerSize));
  out.patchU32(8, 0);
  out.patchU32(12, types.length);
  out.patchU32(16, types.length);
  out.bytes(types.finish());
  reader.seek(stringStart);
  out.bytes(reader.bytes(stringSize));
  return out.finish();
}

function readType(reader: ByteReader, at: number): RawType {
  reader.seek(at);
  const name = reader.u32();
  const info = reader.u32();
  const sizeOrType = reader.u32();
  const kind = (info >>> 24) & 0x1f;
  const count = info & 0xffff;
  const sizes = tailSizes[kind];
  if (sizes === undefined) throw new BpfkitError("LD014", `.BTF has a type of unknown kind ${kind}`);
  const elements = kind === RawKind.Func ? 0 : count;
  const tail = reader.bytes(sizes[0] + sizes[1] * elements);
  return { name, kind, count, flag: info >>> 31 === 1, sizeOrType, tail };
}

function writeType(writer: ByteWriter, type: RawType): void {
  writer.u32(type.name);
  writer.u32(((type.flag ? 0x8000_0000 : 0) | (type.kind << 24) | type.count) >>> 0);
  writer.u32(type.sizeOrType);
  writer.bytes(type.tail);
}
