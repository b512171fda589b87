/**
 * Sizes and alignments of types on BPF. Source: the data layout `e-m:e-p:64:64-i64:64-i128:128-n32:64-S128` that
 * clang gives the target (llvm/lib/Target/BPF/BPFTargetMachine.cpp).
 */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { StructType, Type } from "./type.ts";
import { printType } from "./type.ts";

/** Offsets of the fields of a struct, its size and its alignment, all in bytes. */
export interface StructLayout {
  readonly offsets: readonly number[];
  readonly size: number;
  readonly align: number;
}

const layouts = new WeakMap<StructType, StructLayout>();

/** Rounds up to a multiple of a power of two. */
export function alignTo(value: number, align: number): number {
  return Math.ceil(value / align) * align;
}

/** Bytes a store of the type writes: `i24` writes 3. @throws BpfkitError CG002 for types without a size. */
export function storeSize(type: Type): number {
  return type.kind === "integer" ? Math.ceil(type.bits / 8) : sizeOf(type);
}

/** Bytes from one array element to the next. @throws BpfkitError CG002 for types without a size. */
export function sizeOf(type: Type): number {
  switch (type.kind) {
    case "integer":
      return alignTo(Math.ceil(type.bits / 8), alignOf(type));
    case "pointer":
      return 8;
    case "array":
      return sizeOf(type.element) * type.count;
    case "vector":
      return Math.ceil((bitWidth(type.element) * type.count) / 8);
    case "struct":
      return structLayout(type).size;
    case "float":
      return floatBits(type.name) / 8;
    default:
      throw noSize(type);
  }
}

/** The ABI alignment in bytes, a power of two. @throws BpfkitError CG002 for types without a size. */
export function alignOf(type: Type): number {
  switch (type.kind) {
    case "integer": {
      const bytes = Math.ceil(type.bits / 8);
      if (bytes <= 1) return 1;
      if (bytes <= 2) return 2;
      if (bytes <= 4) return 4;
      return bytes <= 8 ? 8 : 16;
    }
    case "pointer":
      return 8;
    case "array":
      return alignOf(type.element);
    case "struct":
      return structLayout(type).align;
    case "vector":
      return Math.min(16, 2 ** Math.ceil(Math.log2(Math.max(1, sizeOf(type)))));
    case "float":
      return Math.min(16, sizeOf(type));
    default:
      throw noSize(type);
  }
}

/** Bits of a scalar: integers their width, pointers 64. @throws BpfkitError CG002 for other types. */
export function bitWidth(type: Type): number {
  if (type.kind === "integer") return type.bits;
  if (type.kind === "pointer") return 64;
  if (type.kind === "float") return floatBits(type.name);
  throw noSize(type);
}

/** Where the fields of a struct lie; computed once per type. */
export function structLayout(type: StructType): StructLayout {
  const known = layouts.get(type);
  if (known !== undefined) return known;
  if (type.opaque) throw noSize(type);
  const offsets: number[] = [];
  let offset = 0;
  let align = 1;
  for (const field of type.fields) {
    const fieldAlign = type.packed ? 1 : alignOf(field);
    offset = alignTo(offset, fieldAlign);
    offsets.push(offset);
    offset += sizeOf(field);
    align = Math.max(align, fieldAlign);
  }
  const layout = { offsets, size: alignTo(offset, align), align };
  layouts.set(type, layout);
  return layout;
}

function floatBits(name: string): number {
  switch (name) {
    case "half":
    case "bfloat":
      return 16;
    case "float":
      return 32;
    case "double":
      return 64;
    default:
      return 128;
  }
}

function noSize(type: Type): BpfkitError {
  return new BpfkitError("CG002", `the type ${printType(type)} has no size`);
}
