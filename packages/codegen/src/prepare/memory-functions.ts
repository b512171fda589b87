/**
 * Calls of C's memory functions by name. There is no library to link: memcpy, memmove and memset become the intrinsics
 * that selection expands, memcmp and bcmp of constant length become loads and compares.
 */
import type { CallInstruction, IrFunction, IrModule, Type, Value } from "../ir/index.ts";
import { falseValue, i32, i64, integerType, intOf, operandsOf, voidType } from "../ir/index.ts";
import { Refusal, refusal } from "../select/refuse.ts";
import type { InstructionList } from "./build.ts";
import { expandInstructions } from "./expand.ts";
import { intrinsicDeclaration } from "./intrinsic-declaration.ts";

/** Longest memcmp that is expanded, in bytes: as many 8-byte loads as LLVM allows itself. */
const maxCompareBytes = 128 * 8;

/** Expands calls to external functions with the names of C's. */
export function expandMemoryFunctions(fn: IrFunction, module: IrModule): void {
  const compares = new Set<CallInstruction>();
  let found = false;
  for (const block of fn.blocks) {
    for (const instruction of block.instructions) {
      if (instruction.opcode !== "call" || !isExternal(instruction.callee)) continue;
      found = true;
      compares.add(instruction);
    }
  }
  if (!found) return;
  const ordered = orderedUses(fn, compares);
  expandInstructions(fn, (instruction, code) => {
    if (instruction.opcode !== "call" || !compares.has(instruction)) return undefined;
    const name = instruction.callee.kind === "function" ? instruction.callee.name : "";
    if (name === "memcmp" || name === "bcmp") {
      return expandCompare(instruction, code, name === "memcmp" && ordered.has(instruction), module);
    }
    return expandTransfer(instruction, code, name, module);
  });
}

function isExternal(callee: Value): boolean {
  if (callee.kind !== "function" || callee.blocks.length > 0) return false;
  switch (callee.name) {
    case "memcmp":
    case "bcmp":
    case "memcpy":
    case "memmove":
    case "memset":
      return callee.functionType.parameters.length === 3;
    default:
      return false;
  }
}

/** Calls whose result is used for more than a comparison with zero: which is smaller matters. */
function orderedUses(fn: IrFunction, calls: ReadonlySet<Value>): Set<Value> {
  const ordered = new Set<Value>();
  for (const block of fn.blocks) {
    for (const user of block.instructions) {
      const isEquality =
        user.opcode === "icmp" &&
        (user.predicate === "eq" || user.predicate === "ne") &&
        user.rhs.kind === "int" &&
        user.rhs.value === 0n;
      if (isEquality) continue;
      for (const operand of operandsOf(user)) if (calls.has(operand)) ordered.add(operand);
    }
  }
  return ordered;
}

/** `memcpy(...)` as `llvm.memcpy`; the result is the destination. */
function expandTransfer(call: CallInstruction, code: InstructionList, name: string, module: IrModule): Value {
  const [to, from, size] = call.args as [Value, Value, Value];
  const second = name === "memset" ? code.cast("trunc", from, integerType(8)) : from;
  const args = [to, second, size, falseValue];
  const types: Type[] = args.map((each) => each.type);
  const callee = intrinsicDeclaration(module, `llvm.${name}.p0.${name === "memset" ? "" : "p0."}i64`, types);
  const { functionType } = callee;
  const argumentAttributes = args.map((_, index) => call.argumentAttributes[index] ?? new Map());
  const { debugLocation } = call;
  code.list.push({
    ...call,
    type: voidType,
    name: "",
    debugLocation,
    callee,
    args,
    functionType,
    argumentAttributes,
  });
  return to;
}

function expandCompare(
  call: CallInstruction,
  code: InstructionList,
  ordered: boolean,
  module: IrModule,
): Value {
  const [left, right, length] = call.args as [Value, Value, Value];
  if (length.kind !== "int" || length.value > BigInt(maxCompareBytes)) {
    const message =
      length.kind === "int"
        ? `a memcmp of ${length.value} bytes is too long; the most is ${maxCompareBytes}`
        : "memcmp needs a length that is known at compile time";
    throw refusal(
      module.metadata,
      Refusal.MemoryFunction,
      message,
      call.debugLocation,
      "Compare in a bounded loop.",
    );
  }
  const size = Number(length.value);
  const aligns = [alignOf(call, 0), alignOf(call, 1)] as const;
  if (!ordered) return compareEqual(code, left, right, size, aligns);
  return compareOrder(code, left, right, size);
}

function alignOf(call: CallInstruction, index: number): number {
  const align = call.argumentAttributes[index]?.get("align");
  return typeof align === "number" ? align : 1;
}

/** Non-zero where any byte differs: differences of all words joined by or. */
function compareEqual(
  code: InstructionList,
  left: Value,
  right: Value,
  size: number,
  aligns: readonly [number, number],
): Value {
  let difference: Value | undefined;
  let offset = 0;
  for (let width = 8; width >= 1; width /= 2) {
    for (; size - offset >= width; offset += width) {
      const type = integerType(width * 8);
      const a = code.load(type, code.offset(left, offset), alignAt(aligns[0], offset));
      const b = code.load(type, code.offset(right, offset), alignAt(aligns[1], offset));
      const differs = code.binary("xor", a, b);
      const word = width === 8 ? differs : code.cast("zext", differs, i64);
      difference = difference === undefined ? word : code.binary("or", difference, word);
    }
  }
  if (difference === undefined) return intOf(32, 0);
  return code.cast("zext", code.compare("ne", difference, intOf(64, 0)), i32);
}

function alignAt(align: number, offset: number): number {
  return offset === 0 ? align : Math.min(align, offset & -offset);
}

/** The sign of the first difference, chosen from the last byte to the first. */
function compareOrder(code: InstructionList, left: Value, right: Value, size: number): Value {
  let result: Value = intOf(32, 0);
  for (let offset = size - 1; offset >= 0; offset--) {
    const byte = integerType(8);
    const a = code.cast("zext", code.load(byte, code.offset(left, offset), 1), i32);
    const b = code.cast("zext", code.load(byte, code.offset(right, offset), 1), i32);
    const difference = code.binary("sub", a, b);
    result = code.select(code.compare("eq", difference, intOf(32, 0)), result, difference);
  }
  return result;
}
