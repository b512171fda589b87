/**
 * The value a CO-RE field relocation has for the types at compile time ("patch immediate").
 * Facts: llvm/lib/Target/BPF/BPFAbstractMemberAccess.cpp and the kernel's include/uapi/linux/bpf.h, enum bpf_core_relo_kind.
 */
import { CoreRelocationKind } from "@bpfkit/elf/btf";
import type { DebugNode, DebugNodes } from "../ir/index.ts";
import { arrayElements, isBitField, memberAt, stripQualifiers, typeBytes, typeTag } from "./debug-types.ts";

/** One step into a type: the composite, the index of the member or element, the alignment of the IR type in bytes. */
export interface AccessStep {
  readonly composite: DebugNode;
  readonly index: number;
  readonly recordAlign: number;
}

/** Why a value cannot be computed; the caller adds the place. */
export class FieldInfoError extends Error {}

/**
 * The value for relocation `kind` after one more step; `offset` is the byte offset so far.
 * @throws FieldInfoError where C asks for something that has no answer.
 */
export function fieldInfo(types: DebugNodes, kind: number, step: AccessStep, offset: number): number {
  switch (kind) {
    case CoreRelocationKind.FieldExists:
      return 1;
    case CoreRelocationKind.FieldByteOffset:
      return offset + stepOffset(types, step);
    case CoreRelocationKind.FieldByteSize:
      return byteSize(types, step);
    case CoreRelocationKind.FieldSigned:
      return isSigned(types, step) ? 1 : 0;
    case CoreRelocationKind.FieldLeftShiftU64:
      return shiftLeft(types, step);
    case CoreRelocationKind.FieldRightShiftU64:
      return 64 - sizeInBits(types, step);
    default:
      throw new FieldInfoError(`field information of unknown kind ${kind}`);
  }
}

function isArray(types: DebugNodes, step: AccessStep): boolean {
  return typeTag(types, step.composite) === "DW_TAG_array_type";
}

function memberOf(types: DebugNodes, step: AccessStep): DebugNode {
  const member = memberAt(types, step.composite, step.index);
  if (member === undefined) throw new FieldInfoError(`access to a member that the type does not have`);
  return member;
}

function elementBytes(types: DebugNodes, step: AccessStep): number {
  const element = stripQualifiers(types, types.reference(step.composite, "baseType"));
  return arrayElements(types, step.composite, 1) * typeBytes(types, element);
}

function stepOffset(types: DebugNodes, step: AccessStep): number {
  if (isArray(types, step)) return step.index * elementBytes(types, step);
  if (typeTag(types, step.composite) !== "DW_TAG_structure_type") return 0;
  const member = memberOf(types, step);
  if (isBitField(types, member)) return Math.floor(storageUnit(types, member, step.recordAlign).start / 8);
  return Math.floor(types.number(member, "offset") / 8);
}

function byteSize(types: DebugNodes, step: AccessStep): number {
  if (isArray(types, step)) return elementBytes(types, step);
  const member = memberOf(types, step);
  if (!isBitField(types, member)) return typeBytes(types, member);
  const unit = storageUnit(types, member, step.recordAlign);
  return (unit.end - unit.start) / 8;
}

function isSigned(types: DebugNodes, step: AccessStep): boolean {
  let type: DebugNode | undefined;
  if (isArray(types, step)) {
    if (types.tuple(step.composite, "elements").length !== 1) {
      throw new FieldInfoError("signedness of an array that has more than one dimension");
    }
    type = types.reference(step.composite, "baseType");
  } else type = types.reference(memberOf(types, step), "baseType");
  for (let depth = 0; depth < 100; depth++) {
    type = stripQualifiers(types, type);
    if (type?.tag === "DIBasicType") {
      const encoding = types.keyword(type, "encoding");
      return encoding === "DW_ATE_signed" || encoding === "DW_ATE_signed_char";
    }
    if (type === undefined || typeTag(types, type) !== "DW_TAG_enumeration_type") break;
    type = types.reference(type, "baseType");
  }
  throw new FieldInfoError("signedness of a field that is neither an integer nor an enum");
}

function sizeInBits(types: DebugNodes, step: AccessStep): number {
  const array = isArray(types, step);
  const bits = array ? elementBytes(types, step) * 8 : types.number(memberOf(types, step), "size");
  if (bits > 64) throw new FieldInfoError("shift of a field larger than 8 bytes");
  return bits;
}

function shiftLeft(types: DebugNodes, step: AccessStep): number {
  const bits = sizeInBits(types, step);
  if (isArray(types, step)) return 64 - bits;
  const member = memberOf(types, step);
  if (!isBitField(types, member)) return 64 - bits;
  const unit = storageUnit(types, member, step.recordAlign);
  return unit.start + 64 - types.number(member, "offset") - bits;
}

/** The bits that are loaded to read a bit-field: an aligned run as wide as the record's alignment, at most 64. */
function storageUnit(
  types: DebugNodes,
  member: DebugNode,
  recordAlign: number,
): { start: number; end: number } {
  const size = types.number(member, "size");
  const offset = types.number(member, "offset");
  const width = Math.min(recordAlign, 8) * 8;
  if (size > width) throw new FieldInfoError("bit-field wider than the alignment of its struct");
  const start = Math.floor(offset / width) * width;
  if (start + width < offset + size) {
    throw new FieldInfoError("bit-field that crosses the alignment of its struct");
  }
  return { start, end: start + width };
}
