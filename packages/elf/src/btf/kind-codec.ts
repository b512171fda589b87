/** One row per BTF kind: its number, the size of what follows the record, decode, encode, and the types it refers to. */
import type { ByteWriter } from "@bpfkit/base/bytes";
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type {
  BtfConst,
  BtfKind,
  BtfLinkage,
  BtfMember,
  BtfPtr,
  BtfRestrict,
  BtfStruct,
  BtfType,
  BtfUnion,
  BtfVolatile,
} from "./type.ts";

/** A type record as it lies in the section. */
export interface RawType {
  readonly view: DataView;
  readonly littleEndian: boolean;
  /** Offset in `view` of what follows the twelve bytes of the record. */
  readonly trailer: number;
  readonly name: string;
  /** Number of members, values, parameters; linkage for func. */
  readonly vlen: number;
  readonly kindFlag: boolean;
  /** The third word: a size in bytes or a type id, by kind. */
  readonly sizeOrType: number;
  readonly stringAt: (offset: number) => string;
}

/** Where encoders write. */
export interface TypeSink {
  readonly writer: ByteWriter;
  /** Offset of a string in the string table, adding it. */
  readonly string: (text: string) => number;
}

type TypeOf<K extends BtfKind> = Extract<BtfType, { kind: K }>;

/** All that must be known about a kind. */
export interface KindRow<K extends BtfKind> {
  /** BTF_KIND_*. */
  readonly number: number;
  /** Bytes after the record for a given vlen. */
  readonly trailerSize: (vlen: number) => number;
  readonly decode: (raw: RawType) => TypeOf<K>;
  readonly encode: (type: TypeOf<K>, sink: TypeSink) => void;
  /** Ids of the types it names, in order, 0 (void) included. */
  readonly references: (type: TypeOf<K>) => number[];
}

/** The table. A kind without a row does not compile. */
export const kindCodec: { readonly [K in BtfKind]: KindRow<K> } = {
  void: {
    number: 0,
    trailerSize: () => 0,
    decode: () => ({ kind: "void" }),
    encode: () => {
      throw new BpfkitError("EL109", "void has id 0 in every table and is not written");
    },
    references: () => [],
  },
  int: {
    number: 1,
    trailerSize: () => 4,
    decode: (raw) => {
      const word = u32(raw, 0);
      const flags = word >>> 24;
      return {
        kind: "int",
        name: raw.name,
        size: raw.sizeOrType,
        bits: word & 0xff,
        bitOffset: (word >>> 16) & 0xff,
        signed: (flags & 1) !== 0,
        char: (flags & 2) !== 0,
        bool: (flags & 4) !== 0,
      };
    },
    encode: (type, sink) => {
      const flags = (type.signed ? 1 : 0) | (type.char ? 2 : 0) | (type.bool ? 4 : 0);
      record(sink, 1, type.name, 0, false, type.size);
      sink.writer.u32((flags << 24) | ((type.bitOffset & 0xff) << 16) | (type.bits & 0xff));
    },
    references: () => [],
  },
  ptr: reference("ptr", 2),
  array: {
    number: 3,
    trailerSize: () => 12,
    decode: (raw) => ({
      kind: "array",
      elementType: u32(raw, 0),
      indexType: u32(raw, 4),
      count: u32(raw, 8),
    }),
    encode: (type, sink) => {
      record(sink, 3, "", 0, false, 0);
      sink.writer.u32(type.elementType).u32(type.indexType).u32(type.count);
    },
    references: (type) => [type.elementType, type.indexType],
  },
  struct: aggregate("struct", 4),
  union: aggregate("union", 5),
  enum: {
    number: 6,
    trailerSize: (vlen) => vlen * 8,
    decode: (raw) => ({
      kind: "enum",
      name: raw.name,
      size: raw.sizeOrType,
      signed: raw.kindFlag,
      values: times(raw.vlen, (index) => {
        const value = u32(raw, index * 8 + 4);
        return { name: raw.stringAt(u32(raw, index * 8)), value: raw.kindFlag ? value | 0 : value };
      }),
    }),
    encode: (type, sink) => {
      record(sink, 6, type.name, type.values.length, type.signed, type.size);
      for (const { name, value } of type.values) sink.writer.u32(sink.string(name)).u32(value);
    },
    references: () => [],
  },
  fwd: {
    number: 7,
    trailerSize: () => 0,
    decode: (raw) => ({ kind: "fwd", name: raw.name, isUnion: raw.kindFlag }),
    encode: (type, sink) => record(sink, 7, type.name, 0, type.isUnion, 0),
    references: () => [],
  },
  typedef: {
    number: 8,
    trailerSize: () => 0,
    decode: (raw) => ({ kind: "typedef", name: raw.name, type: raw.sizeOrType }),
    encode: (type, sink) => record(sink, 8, type.name, 0, false, type.type),
    references: (type) => [type.type],
  },
  volatile: reference("volatile", 9),
  const: reference("const", 10),
  restrict: reference("restrict", 11),
  func: {
    number: 12,
    trailerSize: () => 0,
    decode: (raw) => ({ kind: "func", name: raw.name, type: raw.sizeOrType, linkage: linkageName(raw.vlen) }),
    encode: (type, sink) => record(sink, 12, type.name, linkageNumber(type.linkage), false, type.type),
    references: (type) => [type.type],
  },
  func_proto: {
    number: 13,
    trailerSize: (vlen) => vlen * 8,
    decode: (raw) => ({
      kind: "func_proto",
      returnType: raw.sizeOrType,
      params: times(raw.vlen, (index) => ({
        name: raw.stringAt(u32(raw, index * 8)),
        type: u32(raw, index * 8 + 4),
      })),
    }),
    encode: (type, sink) => {
      record(sink, 13, "", type.params.length, false, type.returnType);
      for (const param of type.params) sink.writer.u32(sink.string(param.name)).u32(param.type);
    },
    references: (type) => [type.returnType, ...type.params.map((param) => param.type)],
  },
  var: {
    number: 14,
    trailerSize: () => 4,
    decode: (raw) => ({
      kind: "var",
      name: raw.name,
      type: raw.sizeOrType,
      linkage: linkageName(u32(raw, 0)),
    }),
    encode: (type, sink) => {
      record(sink, 14, type.name, 0, false, type.type);
      sink.writer.u32(linkageNumber(type.linkage));
    },
    references: (type) => [type.type],
  },
  datasec: {
    number: 15,
    trailerSize: (vlen) => vlen * 12,
    decode: (raw) => ({
      kind: "datasec",
      name: raw.name,
      size: raw.sizeOrType,
      entries: times(raw.vlen, (index) => ({
        type: u32(raw, index * 12),
        offset: u32(raw, index * 12 + 4),
        size: u32(raw, index * 12 + 8),
      })),
    }),
    encode: (type, sink) => {
      record(sink, 15, type.name, type.entries.length, false, type.size);
      for (const entry of type.entries) sink.writer.u32(entry.type).u32(entry.offset).u32(entry.size);
    },
    references: (type) => type.entries.map((entry) => entry.type),
  },
  float: {
    number: 16,
    trailerSize: () => 0,
    decode: (raw) => ({ kind: "float", name: raw.name, size: raw.sizeOrType }),
    encode: (type, sink) => record(sink, 16, type.name, 0, false, type.size),
    references: () => [],
  },
  decl_tag: {
    number: 17,
    trailerSize: () => 4,
    decode: (raw) => ({
      kind: "decl_tag",
      name: raw.name,
      type: raw.sizeOrType,
      componentIndex: u32(raw, 0) | 0,
      ...(raw.kindFlag ? { attribute: true as const } : {}),
    }),
    encode: (type, sink) => {
      record(sink, 17, type.name, 0, type.attribute === true, type.type);
      sink.writer.i32(type.componentIndex);
    },
    references: (type) => [type.type],
  },
  type_tag: {
    number: 18,
    trailerSize: () => 0,
    decode: (raw) => ({
      kind: "type_tag",
      name: raw.name,
      type: raw.sizeOrType,
      ...(raw.kindFlag ? { attribute: true as const } : {}),
    }),
    encode: (type, sink) => record(sink, 18, type.name, 0, type.attribute === true, type.type),
    references: (type) => [type.type],
  },
  enum64: {
    number: 19,
    trailerSize: (vlen) => vlen * 12,
    decode: (raw) => ({
      kind: "enum64",
      name: raw.name,
      size: raw.sizeOrType,
      signed: raw.kindFlag,
      values: times(raw.vlen, (index) => {
        const low = BigInt(u32(raw, index * 12 + 4));
        const value = (BigInt(u32(raw, index * 12 + 8)) << 32n) | low;
        return {
          name: raw.stringAt(u32(raw, index * 12)),
          value: raw.kindFlag ? BigInt.asIntN(64, value) : value,
        };
      }),
    }),
    encode: (type, sink) => {
      record(sink, 19, type.name, type.values.length, type.signed, type.size);
      for (const { name, value } of type.values) {
        const bits = BigInt.asUintN(64, value);
        sink.writer
          .u32(sink.string(name))
          .u32(Number(bits & 0xffff_ffffn))
          .u32(Number(bits >> 32n));
      }
    },
    references: () => [],
  },
};

/** Kind names by BTF_KIND number. */
export const kindsByNumber: readonly BtfKind[] = (Object.keys(kindCodec) as BtfKind[]).sort(
  (a, b) => kindCodec[a].number - kindCodec[b].number,
);

/** The row of a type's kind, typed for that type. */
export function rowOf<T extends BtfType>(type: T): KindRow<T["kind"]> {
  return kindCodec[type.kind] as unknown as KindRow<T["kind"]>;
}

/** Ids of the types that a type names, 0 (void) included. */
export function references(type: BtfType): number[] {
  return (rowOf(type) as KindRow<BtfKind>).references(type);
}

type Reference = BtfPtr | BtfConst | BtfVolatile | BtfRestrict;

function reference<K extends Reference["kind"]>(kind: K, number: number): KindRow<K> {
  const row = {
    number,
    trailerSize: () => 0,
    decode: (raw: RawType) => ({ kind, type: raw.sizeOrType }),
    encode: (type: Reference, sink: TypeSink) => record(sink, number, "", 0, false, type.type),
    references: (type: Reference) => [type.type],
  };
  return row as unknown as KindRow<K>;
}

type Aggregate = BtfStruct | BtfUnion;

function aggregate<K extends Aggregate["kind"]>(kind: K, number: number): KindRow<K> {
  const row = {
    number,
    trailerSize: (vlen: number) => vlen * 12,
    decode: (raw: RawType) => ({ kind, name: raw.name, size: raw.sizeOrType, members: decodeMembers(raw) }),
    encode: (type: Aggregate, sink: TypeSink) => encodeMembers(type, number, sink),
    references: (type: Aggregate) => type.members.map((member) => member.type),
  };
  return row as unknown as KindRow<K>;
}

function decodeMembers(raw: RawType): BtfMember[] {
  return times(raw.vlen, (index) => {
    const word = u32(raw, index * 12 + 8);
    return {
      name: raw.stringAt(u32(raw, index * 12)),
      type: u32(raw, index * 12 + 4),
      bitOffset: raw.kindFlag ? word & 0xff_ffff : word,
      bitSize: raw.kindFlag ? word >>> 24 : 0,
    };
  });
}

function encodeMembers(type: Aggregate, number: number, sink: TypeSink): void {
  const bitFields = type.members.some((member) => member.bitSize !== 0);
  record(sink, number, type.name, type.members.length, bitFields, type.size);
  for (const member of type.members) {
    const { bitOffset, bitSize } = member;
    if (bitSize > 0xff || bitOffset > (bitFields ? 0xff_ffff : 0xffff_ffff)) {
      throw new BpfkitError(
        "EL109",
        `${type.kind} ${type.name}: member ${member.name} lies too far out for BTF`,
      );
    }
    const word = bitFields ? (bitSize << 24) | bitOffset : bitOffset;
    sink.writer.u32(sink.string(member.name)).u32(member.type).u32(word);
  }
}

function record(
  sink: TypeSink,
  kind: number,
  name: string,
  vlen: number,
  flag: boolean,
  third: number,
): void {
  if (vlen > 0xffff) throw new BpfkitError("EL109", `BTF type ${name} has ${vlen} members; BTF allows 65535`);
  sink.writer
    .u32(sink.string(name))
    .u32((flag ? 0x8000_0000 : 0) | (kind << 24) | vlen)
    .u32(third);
}

function u32(raw: RawType, offset: number): number {
  return raw.view.getUint32(raw.trailer + offset, raw.littleEndian);
}

function times<T>(count: number, make: (index: number) => T): T[] {
  const list: T[] = [];
  for (let index = 0; index < count; index++) list.push(make(index));
  return list;
}

const linkages: readonly BtfLinkage[] = ["static", "global", "extern"];

function linkageName(number: number): BtfLinkage {
  const name = linkages[number];
  if (name === undefined) throw new BpfkitError("EL104", `BTF linkage ${number} is not known`);
  return name;
}

function linkageNumber(linkage: BtfLinkage): number {
  return linkages.indexOf(linkage);
}
