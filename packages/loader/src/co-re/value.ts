/** The number a relocation asks for, computed for one access: offsets, sizes, shifts, existence, ids, enumerators. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { type BtfTable, CoreRelocationKind as Kind } from "@bpfkit/elf/btf";
import { type AccessSpec, accessSpelling } from "./access-spec.ts";
import { kindFamily } from "./kinds.ts";

/** The field behind a field offset, which decides whether the width of a load must change. */
export interface FieldShape {
  readonly size: number;
  readonly pointer: boolean;
  readonly unsignedInteger: boolean;
}

/** An answer. */
export interface RelocationValue {
  readonly value: bigint;
  /** Whether the instruction must hold the local answer before it is patched. */
  readonly validate: boolean;
  readonly field: FieldShape | undefined;
}

function answer(value: number | bigint | boolean, validate = true, field?: FieldShape): RelocationValue {
  const big = typeof value === "bigint" ? value : BigInt(value);
  return { value: big, validate, field };
}

/** The answer for an access that exists. */
export function relocationValue(spec: AccessSpec): RelocationValue {
  switch (kindFamily(spec.kind)) {
    case "type":
      return typeValue(spec);
    case "enum":
      return enumValue(spec);
    default:
      return fieldValue(spec);
  }
}

/** The answer where the target has no such thing; undefined: the instruction cannot be made right. */
export function valueOfMissing(kind: number): RelocationValue | undefined {
  switch (kind) {
    case Kind.FieldExists:
    case Kind.EnumValueExists:
    case Kind.TypeIdTarget:
    case Kind.TypeExists:
    case Kind.TypeSize:
    case Kind.TypeMatches:
      return answer(0);
    default:
      return undefined;
  }
}

function typeValue(spec: AccessSpec): RelocationValue {
  switch (spec.kind) {
    case Kind.TypeIdLocal:
    case Kind.TypeIdTarget:
      // LLVM may write the id of a typedef or of what it stands for: not comparable.
      return answer(spec.rootTypeId, false);
    case Kind.TypeSize:
      return answer(spec.btf.sizeOf(spec.rootTypeId));
    default:
      return answer(1);
  }
}

function enumValue(spec: AccessSpec): RelocationValue {
  if (spec.kind === Kind.EnumValueExists) return answer(1);
  const accessor = spec.accessors[0];
  const type = spec.btf.type(spec.btf.resolve(accessor?.typeId ?? 0));
  const entry =
    type.kind === "enum" || type.kind === "enum64" ? type.values[accessor?.index ?? -1] : undefined;
  return answer(BigInt.asUintN(64, BigInt(entry?.value ?? 0)));
}

function fieldValue(spec: AccessSpec): RelocationValue {
  if (spec.kind === Kind.FieldExists) return answer(1);
  const last = spec.accessors.at(-1);
  if (last === undefined) throw unanswerable(spec);
  if (last.name === undefined) {
    // An array element or the root itself: never a bit-field.
    const size = spec.btf.sizeOf(last.typeId);
    if (spec.kind === Kind.FieldByteOffset) {
      return answer(byteOffsetOf(spec), true, fieldShape(spec.btf, last.typeId, size));
    }
    if (spec.kind === Kind.FieldByteSize) return answer(size);
    throw unanswerable(spec);
  }
  const owner = spec.btf.type(last.typeId);
  const member = owner.kind === "struct" || owner.kind === "union" ? owner.members[last.index] : undefined;
  if (member === undefined) throw unanswerable(spec);
  return memberValue(spec, member.type, member.bitSize);
}

/** Only damaged BTF places a member that is no bit-field inside a byte; rounded down, as libbpf does. */
function byteOffsetOf(spec: AccessSpec): number {
  return Math.floor(spec.bitOffset / 8);
}

function memberValue(spec: AccessSpec, typeId: number, bitSize: number): RelocationValue {
  const place = bitSize === 0 ? undefined : bitFieldPlace(spec, typeId, bitSize);
  const size = place?.size ?? spec.btf.sizeOf(typeId);
  const byteOffset = place?.byteOffset ?? byteOffsetOf(spec);
  const bits = bitSize === 0 ? size * 8 : bitSize;
  // Compilers choose the container of a bit-field as they like, so their guess is not checked.
  const validate = place === undefined;
  switch (spec.kind) {
    case Kind.FieldByteOffset:
      return answer(byteOffset, validate, validate ? fieldShape(spec.btf, typeId, size) : undefined);
    case Kind.FieldByteSize:
      return answer(size, validate);
    case Kind.FieldSigned:
      return answer(isSigned(spec.btf, typeId));
    case Kind.FieldLeftShiftU64:
      return answer(64 - (spec.bitOffset + bits - byteOffset * 8), validate);
    case Kind.FieldRightShiftU64:
      return answer(64 - bits);
    default:
      throw unanswerable(spec);
  }
}

function unanswerable(spec: AccessSpec): BpfkitError {
  return new BpfkitError(
    "LD041",
    `${accessSpelling(spec)} is no field that this CO-RE relocation could ask about`,
  );
}

/** The smallest aligned load that holds the whole bit-field. */
function bitFieldPlace(
  spec: AccessSpec,
  typeId: number,
  bitSize: number,
): { size: number; byteOffset: number } {
  let size = spec.btf.sizeOf(typeId);
  for (; size >= 1 && size <= 8; size *= 2) {
    const byteOffset = Math.floor(spec.bitOffset / 8 / size) * size;
    if (spec.bitOffset + bitSize - byteOffset * 8 <= size * 8) return { size, byteOffset };
  }
  throw new BpfkitError("LD041", `bit-field ${accessSpelling(spec)} does not fit 64 bits`);
}

function isSigned(btf: BtfTable, typeId: number): boolean {
  const type = btf.type(btf.resolve(typeId));
  return (type.kind === "int" || type.kind === "enum" || type.kind === "enum64") && type.signed;
}

function fieldShape(btf: BtfTable, typeId: number, size: number): FieldShape {
  const type = btf.type(btf.resolve(typeId));
  return { size, pointer: type.kind === "ptr", unsignedInteger: type.kind === "int" && !type.signed };
}
