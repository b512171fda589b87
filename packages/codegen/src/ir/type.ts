/** The types of LLVM IR, and constructors that share one object per simple type. */

import { quoteText } from "./escape.ts";

/** An integer of any width, `i1` to `i128` and the odd ones between. */
export interface IntegerType {
  readonly kind: "integer";
  readonly bits: number;
}

/** An opaque pointer. BPF has address space 0, and 1 for arenas. */
export interface PointerType {
  readonly kind: "pointer";
  readonly addressSpace: number;
}

/** `[count x element]`. */
export interface ArrayType {
  readonly kind: "array";
  readonly element: Type;
  readonly count: number;
}

/** `<count x element>`: parsed, so that it can be refused with the line of C. */
export interface VectorType {
  readonly kind: "vector";
  readonly element: Type;
  readonly count: number;
}

/**
 * A struct. A literal one has `name` undefined and is compared by its fields; a named one is compared by
 * identity and its fields are filled in once, when the parser meets the definition.
 */
export interface StructType {
  readonly kind: "struct";
  readonly name: string | undefined;
  packed: boolean;
  /** True for `type opaque`, and for a name that is used but never defined. */
  opaque: boolean;
  fields: readonly Type[];
}

/** `result (parameters, ...)`. */
export interface FunctionType {
  readonly kind: "function";
  readonly result: Type;
  readonly parameters: readonly Type[];
  readonly variadic: boolean;
}

/** `half`, `float`, `double` and the rest: BPF has no floating point, so these are only ever refused. */
export interface FloatType {
  readonly kind: "float";
  readonly name: string;
}

/** Types with no size: `void`, `label`, `metadata`, `token`, and target types ("opaque"). */
export interface SizelessType {
  readonly kind: "void" | "label" | "metadata" | "token" | "opaque";
}

/** Any LLVM type. */
export type Type =
  | IntegerType
  | PointerType
  | ArrayType
  | VectorType
  | StructType
  | FunctionType
  | FloatType
  | SizelessType;

const integers = new Map<number, IntegerType>();
const pointers = new Map<number, PointerType>();

/** The type `i<bits>`; the same object for the same width. */
export function integerType(bits: number): IntegerType {
  let type = integers.get(bits);
  if (type === undefined) {
    type = { kind: "integer", bits };
    integers.set(bits, type);
  }
  return type;
}

/** The type `ptr` or `ptr addrspace(n)`; the same object for the same space. */
export function pointerType(addressSpace = 0): PointerType {
  let type = pointers.get(addressSpace);
  if (type === undefined) {
    type = { kind: "pointer", addressSpace };
    pointers.set(addressSpace, type);
  }
  return type;
}

/** Of what has no result; it has no size. */
export const voidType: SizelessType = { kind: "void" };
/** Of blocks where they stand as operands. */
export const labelType: SizelessType = { kind: "label" };
/** Of the metadata that debug intrinsics take. */
export const metadataType: SizelessType = { kind: "metadata" };
/** Of values that only intrinsics make and take. */
export const tokenType: SizelessType = { kind: "token" };
/** Truth values: what `icmp` gives and branches take. */
export const i1 = integerType(1);
/** Bytes. */
export const i8 = integerType(8);
/** 16 bits. */
export const i16 = integerType(16);
/** 32 bits: BPF's subregisters. */
export const i32 = integerType(32);
/** 64 bits: BPF's registers. */
export const i64 = integerType(64);
/** 128 bits: split into two `i64` before selection. */
export const i128 = integerType(128);
/** 64-bit addresses in address space 0. */
export const ptr = pointerType(0);

/** `[count x element]`. */
export function arrayType(element: Type, count: number): ArrayType {
  return { kind: "array", element, count };
}

/** An unnamed struct. */
export function literalStruct(fields: readonly Type[], packed = false): StructType {
  return { kind: "struct", name: undefined, packed, opaque: false, fields };
}

/** The type as LLVM writes it; a named struct by its name. Bounded by the nesting limit of the parser. */
export function printType(type: Type): string {
  switch (type.kind) {
    case "integer":
      return `i${type.bits}`;
    case "pointer":
      return type.addressSpace === 0 ? "ptr" : `ptr addrspace(${type.addressSpace})`;
    case "array":
      return `[${type.count} x ${printType(type.element)}]`;
    case "vector":
      return `<${type.count} x ${printType(type.element)}>`;
    case "struct":
      return type.name === undefined ? printStructBody(type) : `%${quoteName(type.name)}`;
    case "function": {
      const parameters = type.parameters.map(printType);
      if (type.variadic) parameters.push("...");
      return `${printType(type.result)} (${parameters.join(", ")})`;
    }
    case "float":
      return type.name;
    default:
      return type.kind;
  }
}

/** The body of a struct type, `{ i32, ptr }` or `<{ ... }>`. */
export function printStructBody(type: StructType): string {
  if (type.opaque) return "opaque";
  const inner = type.fields.length === 0 ? "{}" : `{ ${type.fields.map(printType).join(", ")} }`;
  return type.packed ? `<${inner}>` : inner;
}

/** A name as LLVM writes it after `%` or `@`: bare, or quoted with `\xx` escapes. */
export function quoteName(name: string): string {
  if (/^[-a-zA-Z$._][-a-zA-Z$._0-9]*$/.test(name) || /^[0-9]+$/.test(name)) return name;
  return quoteText(name);
}

/** True where both describe the same type: structurally, except that named structs are themselves only. */
export function sameType(left: Type, right: Type): boolean {
  if (left === right) return true;
  if (left.kind !== right.kind) return false;
  switch (left.kind) {
    case "integer":
    case "pointer":
      return false;
    case "struct":
      if (left.name !== undefined || (right as StructType).name !== undefined) return false;
      return printType(left) === printType(right);
    default:
      return printType(left) === printType(right);
  }
}
