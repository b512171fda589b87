/** BTF type -> codec, built once per type and bounded against hostile type graphs. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { BtfTable, BtfType } from "@bpfkit/elf/btf";
import { aggregateCodec, arrayCodec, stringCodec } from "./aggregate.ts";
import { boolCodec, floatCodec, integerCodec, makeCodec } from "./scalar.ts";
import type { CodecMember, TypeCodec } from "./value.ts";

/** Types nest no deeper than this in any real program; BTF that does is refused. */
const maxDepth = 64;
/** One value never holds more scalars than this. */
const maxLeaves = 1 << 20;

const caches = new WeakMap<BtfTable, Map<number, TypeCodec>>();

/**
 * The codec of a type.
 * @throws BpfkitError LD062 where the type has no values: functions, incomplete structs, cyclic or absurdly big types.
 */
export function codecFor(table: BtfTable, typeId: number): TypeCodec {
  return build(table, typeId, 0);
}

/** The codec of plain bytes, for values without a type. */
export function bytesCodec(size: number): TypeCodec {
  return arrayCodec(`u8[${size}]`, integerCodec("u8", "int", 1, false), size);
}

function build(table: BtfTable, typeId: number, depth: number): TypeCodec {
  let cache = caches.get(table);
  if (cache === undefined) {
    cache = new Map();
    caches.set(table, cache);
  }
  const known = cache.get(typeId);
  if (known !== undefined) return known;
  if (depth > maxDepth)
    throw new BpfkitError("LD062", `BTF type ${typeId} contains itself or nests too deep`);
  const codec = make(table, typeId, depth);
  if (codec.leaves > maxLeaves) {
    throw new BpfkitError("LD062", `${codec.typeName} is too big to decode: ${codec.leaves} scalars`);
  }
  cache.set(typeId, codec);
  return codec;
}

function make(table: BtfTable, typeId: number, depth: number): TypeCodec {
  const type = table.type(typeId);
  switch (type.kind) {
    case "void":
      return makeCodec(
        { typeName: "void", shape: "void", size: 0, leaves: 0 },
        () => 0,
        () => {},
      );
    case "int":
      return intCodec(type);
    case "float":
      if (type.size !== 4 && type.size !== 8) break;
      return floatCodec(type.name, type.size);
    case "ptr":
      return integerCodec("void *", "pointer", 8, false);
    case "enum":
    case "enum64": {
      const names = new Map<bigint, string>();
      for (const entry of type.values) {
        const value = BigInt(entry.value);
        if (!names.has(value)) names.set(value, entry.name);
      }
      return integerCodec(`enum ${type.name}`.trimEnd(), "enum", checkedSize(type), type.signed, names);
    }
    case "array": {
      const element = build(table, type.elementType, depth + 1);
      const typeName = `${element.typeName}[${type.count}]`;
      const isText = element.shape === "int" && element.size === 1 && isPlainChar(table, type.elementType);
      if (isText && type.count > 0) return stringCodec(typeName, element, type.count);
      return arrayCodec(typeName, element, type.count);
    }
    case "struct":
    case "union":
      return makeAggregate(table, type, depth);
    case "typedef":
    case "type_tag":
    case "volatile":
    case "const":
    case "restrict": {
      const target = build(table, type.type, depth + 1);
      return type.kind === "typedef" ? { ...target, typeName: type.name } : target;
    }
    case "fwd":
    case "func":
    case "func_proto":
    case "var":
    case "datasec":
    case "decl_tag":
      break;
  }
  throw new BpfkitError("LD062", `BTF type ${typeId} (${type.kind}) has no values`);
}

function intCodec(type: Extract<BtfType, { kind: "int" }>): TypeCodec {
  const size = checkedSize(type);
  return type.bool ? boolCodec(type.name, size) : integerCodec(type.name, "int", size, type.signed);
}

function checkedSize(type: { readonly name: string; readonly size: number }): number {
  if (type.size >= 1 && type.size <= 16) return type.size;
  throw new BpfkitError(
    "LD062",
    `BTF gives ${type.name || "an enum"} an impossible size of ${type.size} bytes`,
  );
}

/** C's `char`, not `u8`: an array of it is text. */
function isPlainChar(table: BtfTable, typeId: number): boolean {
  const type = table.type(table.resolve(typeId));
  return type.kind === "int" && (type.name === "char" || type.char);
}

function makeAggregate(
  table: BtfTable,
  type: Extract<BtfType, { kind: "struct" | "union" }>,
  depth: number,
): TypeCodec {
  const typeName = `${type.kind} ${type.name}`.trimEnd();
  const members: CodecMember[] = [];
  for (const member of type.members) {
    const codec = build(table, member.type, depth + 1);
    const bits = member.bitSize === 0 ? codec.size * 8 : member.bitSize;
    const misplaced = member.bitSize === 0 ? member.bitOffset % 8 !== 0 : member.bitSize > codec.size * 8;
    if (misplaced || member.bitOffset + bits > type.size * 8) {
      throw new BpfkitError("LD062", `BTF puts member ${member.name} outside of ${typeName}`);
    }
    if (member.name !== "") {
      members.push({ name: member.name, bitOffset: member.bitOffset, bitSize: member.bitSize, codec });
      continue;
    }
    // Unnamed: members of anonymous structs become ours; unnamed bit-fields are padding.
    for (const inner of codec.members) {
      members.push({ ...inner, bitOffset: inner.bitOffset + member.bitOffset });
    }
    if (members.length > maxLeaves) throw new BpfkitError("LD062", `${typeName} has too many members`);
  }
  return aggregateCodec(typeName, type.kind, type.size, members);
}
