/** Type rules of instructions and constants, as far as later passes rely on them. */
import { sizeOf } from "./data-layout.ts";
import type { IrFunction } from "./function.ts";
import type { CallLike, Instruction } from "./instruction.ts";
import { castOpcodes } from "./instruction.ts";
import type { Type } from "./type.ts";
import { printType, sameType } from "./type.ts";
import type { Constant, Value } from "./value.ts";

const casts: ReadonlySet<string> = new Set(castOpcodes);

/** What is wrong with the types of an instruction; undefined where nothing is. */
export function checkTypes(instruction: Instruction, fn: IrFunction): string | undefined {
  switch (instruction.opcode) {
    case "phi":
      for (const { value } of instruction.incoming) {
        if (!sameType(value.type, instruction.type)) return mismatch(value.type, instruction.type);
      }
      return undefined;
    case "icmp":
      return isScalar(instruction.lhs.type)
        ? same(instruction.lhs, instruction.rhs)
        : notScalar(instruction.lhs);
    case "select":
      return isCondition(instruction.condition) ?? same(instruction.ifTrue, instruction.ifFalse);
    case "condbr":
      return isCondition(instruction.condition);
    case "switch":
      if (!isInteger(instruction.value.type)) return notScalar(instruction.value);
      for (const each of instruction.cases) {
        if (!sameType(each.value.type, instruction.value.type))
          return mismatch(each.value.type, instruction.value.type);
      }
      return undefined;
    case "ret":
      return checkReturn(instruction.value, fn.functionType.result);
    case "call":
    case "callbr":
      return checkCall(instruction);
    case "load":
      return isPointer(instruction.pointer) ?? sized(instruction.type) ?? checkAlign(instruction.align);
    case "store":
      return isPointer(instruction.pointer) ?? sized(instruction.value.type) ?? checkAlign(instruction.align);
    case "gep":
      return isPointer(instruction.pointer) ?? sized(instruction.sourceType) ?? integers(instruction.indices);
    case "alloca":
      return (
        sized(instruction.allocatedType) ?? integers([instruction.count]) ?? checkAlign(instruction.align)
      );
    case "freeze":
      return undefined;
    default:
      return checkArithmetic(instruction);
  }
}

function checkArithmetic(instruction: Instruction): string | undefined {
  switch (instruction.opcode) {
    case "atomicrmw":
      return (
        isPointer(instruction.pointer) ?? (isScalar(instruction.type) ? undefined : notScalar(instruction))
      );
    case "cmpxchg": {
      const { pointer, expected, replacement } = instruction;
      return (
        isPointer(pointer) ?? (isScalar(expected.type) ? same(expected, replacement) : notScalar(expected))
      );
    }
    case "insertvalue":
      return checkInsert(instruction.aggregate.type, instruction.indices, instruction.element);
    default:
      if ("lhs" in instruction) {
        const float = instruction.opcode.startsWith("f");
        if (!float && !isInteger(instruction.type)) return notScalar(instruction);
        return same(instruction.lhs, instruction.rhs);
      }
      return casts.has(instruction.opcode) && "value" in instruction
        ? checkCast(instruction.opcode, (instruction.value as Value).type, instruction.type)
        : undefined;
  }
}

function checkInsert(aggregate: Type, indices: readonly number[], element: Value): string | undefined {
  let type: Type | undefined = aggregate;
  for (const index of indices) {
    if (type?.kind === "struct") type = type.fields[index];
    else if (type?.kind === "array" && index < type.count) type = type.element;
    else type = undefined;
  }
  if (type === undefined) return "an index lies outside the aggregate";
  return sameType(type, element.type) ? undefined : mismatch(element.type, type);
}

function checkCast(opcode: string, from: Type, to: Type): string | undefined {
  const bits = (type: Type): number => (type.kind === "integer" ? type.bits : -1);
  const bad = `a ${printType(from)} cannot become a ${printType(to)}`;
  switch (opcode) {
    case "trunc":
      return isVector(from) || (bits(to) > 0 && bits(from) > bits(to)) ? undefined : bad;
    case "zext":
    case "sext":
      return isVector(from) || (bits(from) > 0 && bits(from) < bits(to)) ? undefined : bad;
    case "ptrtoint":
      return isVector(from) || (from.kind === "pointer" && bits(to) > 0) ? undefined : bad;
    case "inttoptr":
      return isVector(from) || (bits(from) > 0 && to.kind === "pointer") ? undefined : bad;
    case "addrspacecast":
      return isVector(from) || (from.kind === "pointer" && to.kind === "pointer") ? undefined : bad;
    default:
      return undefined;
  }
}

function checkReturn(value: Value | undefined, result: Type): string | undefined {
  if (value === undefined) return result.kind === "void" ? undefined : "a value is missing";
  return sameType(value.type, result) ? undefined : mismatch(value.type, result);
}

function checkCall(call: CallLike): string | undefined {
  const { parameters, variadic } = call.functionType;
  if (call.callee.kind === "int" || call.callee.kind === "metadata") return "what is called is no function";
  if (call.args.length < parameters.length || (!variadic && call.args.length > parameters.length)) {
    return "the number of arguments is wrong";
  }
  for (const [index, parameter] of parameters.entries()) {
    const argument = call.args[index] as Value;
    if (!sameType(argument.type, parameter)) return mismatch(argument.type, parameter);
  }
  const { callee } = call;
  if (callee.kind !== "function" || !callee.name.startsWith("llvm.")) return undefined;
  const declared = callee.functionType.parameters.length;
  return callee.functionType.variadic || declared === call.args.length
    ? undefined
    : "the number of arguments of an intrinsic is wrong";
}

function isVector(type: Type): boolean {
  return type.kind === "vector";
}

function isInteger(type: Type): boolean {
  return type.kind === "integer" || type.kind === "vector";
}

function isScalar(type: Type): boolean {
  return isInteger(type) || type.kind === "pointer" || type.kind === "float";
}

function isPointer(value: Value): string | undefined {
  return value.type.kind === "pointer" ? undefined : `a pointer is needed, not a ${printType(value.type)}`;
}

function isCondition(value: Value): string | undefined {
  const { type } = value;
  if (type.kind === "vector" || (type.kind === "integer" && type.bits === 1)) return undefined;
  return `a condition is needed, not a ${printType(type)}`;
}

function integers(values: readonly Value[]): string | undefined {
  const wrong = values.find((each) => !isInteger(each.type));
  return wrong === undefined ? undefined : notScalar(wrong);
}

function notScalar(value: Value): string {
  return `an operand of type ${printType(value.type)} does not fit`;
}

function same(left: Value, right: Value): string | undefined {
  return sameType(left.type, right.type) ? undefined : mismatch(left.type, right.type);
}

function mismatch(left: Type, right: Type): string {
  return `${printType(left)} where ${printType(right)} is needed`;
}

function sized(type: Type): string | undefined {
  const pending: Type[] = [type];
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (part.kind === "array" || part.kind === "vector") pending.push(part.element);
    else if (part.kind === "struct") {
      if (part.opaque) return `${printType(part)} has no size`;
      pending.push(...part.fields);
    } else if (part.kind !== "integer" && part.kind !== "pointer" && part.kind !== "float") {
      return `${printType(part)} has no size`;
    }
  }
  return undefined;
}

/** Largest alignment in bytes; no BPF map value or section comes near. */
const maxAlign = 1 << 20;

/** What is wrong with an alignment in bytes. */
export function checkAlign(align: number): string | undefined {
  const good = align > 0 && align <= maxAlign && (align & (align - 1)) === 0;
  return good ? undefined : "an alignment is too large or no power of two";
}

/** What is wrong with a constant of a type. Nesting is bounded by the parser. */
export function checkConstant(constant: Constant, type: Type, maxBytes: number): string | undefined {
  const problem = sized(type);
  if (problem !== undefined) return problem;
  if (!(sizeOf(type) <= maxBytes)) return "it is too large";
  return checkShape(constant, type);
}

function checkShape(constant: Constant, type: Type): string | undefined {
  if (constant.kind === "global" || constant.kind === "function" || constant.kind === "alias") {
    return type.kind === "pointer" ? undefined : mismatch(constant.type, type);
  }
  if (!sameType(constant.type, type)) return mismatch(constant.type, type);
  if (constant.kind !== "aggregate") return undefined;
  const elements = elementTypes(type, constant.elements.length);
  if (elements === undefined) return "the number of its elements is wrong";
  for (const [index, element] of constant.elements.entries()) {
    const problem = checkShape(element, elements(index));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function elementTypes(type: Type, count: number): ((index: number) => Type) | undefined {
  if (type.kind === "struct") {
    return type.fields.length === count ? (index) => type.fields[index] as Type : undefined;
  }
  if (type.kind === "array" || type.kind === "vector") {
    return type.count === count ? () => type.element : undefined;
  }
  return undefined;
}
