/** What an operand can be: an instruction, a parameter, a global or a constant. Values are object references. */
import type { IrFunction } from "./function.ts";
import type { Instruction } from "./instruction.ts";
import type { MetadataField } from "./metadata.ts";
import type { IrAlias, IrGlobal } from "./module.ts";
import type { IntegerType, Type } from "./type.ts";
import { i1, integerType } from "./type.ts";

/** An attribute of a parameter, a call or a function: a flag is `true`, others carry text, a number or a type. */
export type AttributeValue = true | string | number | Type;

/** Attributes by name, string attributes without their quotes: `noinline`, `btf_ama`, `byval`, `align`. */
export type Attributes = ReadonlyMap<string, AttributeValue>;

/** A formal parameter of a function. */
export interface Parameter {
  readonly kind: "parameter";
  readonly type: Type;
  /** The IR name without `%`; a number where the parameter has none. */
  name: string;
  readonly index: number;
  attributes: Attributes;
}

/** An integer; `value` is held unsigned, in `[0, 2 ** bits)`. */
export interface ConstantInt {
  readonly kind: "int";
  readonly type: IntegerType;
  readonly value: bigint;
}

/** `null`, `undef`, `poison` or `zeroinitializer` of a type. */
export interface ConstantSimple {
  readonly kind: "null" | "undef" | "poison" | "zero";
  readonly type: Type;
}

/** A floating point literal, kept as text. */
export interface ConstantFloat {
  readonly kind: "float";
  readonly type: Type;
  readonly text: string;
}

/** An array, struct or vector by its elements. */
export interface ConstantAggregate {
  readonly kind: "aggregate";
  readonly type: Type;
  readonly elements: readonly Constant[];
}

/** `c"..."`: an array of i8 by its bytes. */
export interface ConstantBytes {
  readonly kind: "bytes";
  readonly type: Type;
  readonly bytes: Uint8Array;
}

/** A constant expression. `sourceType` and `inbounds` belong to getelementptr. */
export interface ConstantExpression {
  readonly kind: "expression";
  readonly type: Type;
  /** The opcode as in Instruction: "gep", "inttoptr", "add"... */
  readonly opcode: string;
  readonly operands: readonly Constant[];
  readonly sourceType: Type | undefined;
  readonly inbounds: boolean;
}

/** `blockaddress(@function, %block)`. */
export interface ConstantBlockAddress {
  readonly kind: "blockaddress";
  readonly type: Type;
  readonly functionName: string;
  readonly blockName: string;
}

/** `asm sideeffect "text", "constraints"`; only ever a callee. */
export interface InlineAssembly {
  readonly kind: "asm";
  readonly type: Type;
  readonly text: string;
  readonly constraints: string;
  readonly sideEffects: boolean;
}

/** `metadata !n` and the like, an argument of some intrinsics. */
export interface MetadataOperand {
  readonly kind: "metadata";
  readonly type: Type;
  readonly field: MetadataField;
}

/** A value known at compile time. Globals and functions stand for their own addresses (type `ptr`). */
export type Constant =
  | ConstantInt
  | ConstantSimple
  | ConstantFloat
  | ConstantAggregate
  | ConstantBytes
  | ConstantExpression
  | ConstantBlockAddress
  | IrGlobal
  | IrFunction
  | IrAlias;

/** Anything that can be an operand. Blocks are not values: terminators refer to them directly. */
export type Value = Constant | Parameter | Instruction | InlineAssembly | MetadataOperand;

/** An integer constant; the value is wrapped to the width. */
export function constantInt(type: IntegerType, value: bigint | number): ConstantInt {
  return { kind: "int", type, value: BigInt.asUintN(type.bits, BigInt(value)) };
}

/** An integer constant of a width in bits. */
export function intOf(bits: number, value: bigint | number): ConstantInt {
  return constantInt(integerType(bits), value);
}

/** `i1 true`. */
export const trueValue: ConstantInt = { kind: "int", type: i1, value: 1n };
/** `i1 false`. */
export const falseValue: ConstantInt = { kind: "int", type: i1, value: 0n };

/** The value of an integer constant read as signed. */
export function signedValue(constant: ConstantInt): bigint {
  return BigInt.asIntN(constant.type.bits, constant.value);
}

/** True for values known at compile time, addresses included. */
export function isConstant(value: Value): value is Constant {
  return (
    value.kind !== "parameter" &&
    value.kind !== "instruction" &&
    value.kind !== "asm" &&
    value.kind !== "metadata"
  );
}
