/**
 * Integers of more than 64 bits as a low word of 64 bits and a high part with the rest, which may be wide again. Those
 * of up to 128 bits are C's; longer ones hold bit-fields.
 */
import type {
  BinaryInstruction,
  BinaryOpcode,
  Constant,
  Instruction,
  IrModule,
  Type,
  Value,
} from "../ir/index.ts";
import { bitWidth, i64, integerType, intOf, operandsOf } from "../ir/index.ts";
import type { InstructionList } from "./build.ts";
import { intrinsicName } from "./intrinsics.ts";
import type { Parts, SplitResult, Splitting } from "./split-values.ts";
import { splitValues } from "./split-values.ts";
import { multiplyWide, shiftWide } from "./wide-arithmetic.ts";

/** The longest integer that is split: each 64 bits of it take a round. */
const maxBits = 4096;

function isWide(type: Type): boolean {
  return type.kind === "integer" && type.bits > 64 && type.bits <= maxBits;
}

function highType(type: Type): Type {
  return integerType(bitWidth(type) - 64);
}

function constantParts(constant: Constant): Value[] {
  const bits = bitWidth(constant.type);
  switch (constant.kind) {
    case "int":
      return [intOf(64, constant.value), intOf(bits - 64, constant.value >> 64n)];
    case "undef":
    case "poison":
      return [
        { kind: constant.kind, type: i64 },
        { kind: constant.kind, type: highType(constant.type) },
      ];
    default:
      return [intOf(64, 0), intOf(bits - 64, 0)];
  }
}

/** A value of at most 64 bits in another width of at most 64 bits. */
function resize(code: InstructionList, value: Value, type: Type, extend: "zext" | "sext"): Value {
  const from = bitWidth(value.type);
  const to = bitWidth(type);
  if (from === to) return value;
  return code.cast(from > to ? "trunc" : extend, value, type);
}

function expand(instruction: Instruction, code: InstructionList, parts: Parts): SplitResult {
  switch (instruction.opcode) {
    case "add":
    case "sub":
      return addOrSubtract(instruction, instruction.opcode, code, parts);
    case "and":
    case "or":
    case "xor": {
      const a = parts(instruction.lhs);
      const b = parts(instruction.rhs);
      return a.map((part, index) => code.binary(instruction.opcode, part, b[index] as Value));
    }
    case "mul":
      if (bitWidth(instruction.type) > 128) return undefined;
      return multiplyWide(code, parts(instruction.lhs), parts(instruction.rhs));
    case "shl":
    case "lshr":
    case "ashr":
      if (bitWidth(instruction.type) > 128) return shiftLong(instruction, code, parts);
      return shiftWide(code, instruction.opcode, parts(instruction.lhs), parts(instruction.rhs));
    case "icmp":
      return compare(instruction, code, parts);
    case "load":
    case "store":
      return access(instruction, code, parts);
    case "call":
      return expandIntrinsic(instruction, code, parts);
    default:
      return expandCast(instruction, code, parts);
  }
}

function addOrSubtract(
  instruction: BinaryInstruction,
  opcode: "add" | "sub",
  code: InstructionList,
  parts: Parts,
): SplitResult {
  const [aLow, aHigh] = parts(instruction.lhs) as [Value, Value];
  const [bLow, bHigh] = parts(instruction.rhs) as [Value, Value];
  const low = code.binary(opcode, aLow, bLow);
  const carry = opcode === "add" ? code.compare("ult", low, aLow) : code.compare("ult", aLow, bLow);
  const carried = bitWidth(aHigh.type) === 1 ? carry : code.cast("zext", carry, aHigh.type);
  return [low, code.binary(opcode, code.binary(opcode, aHigh, bHigh), carried)];
}

function compare(
  instruction: Extract<Instruction, { opcode: "icmp" }>,
  code: InstructionList,
  parts: Parts,
): Value {
  const [aLow, aHigh] = parts(instruction.lhs) as [Value, Value];
  const [bLow, bHigh] = parts(instruction.rhs) as [Value, Value];
  const { predicate } = instruction;
  if (predicate === "eq" || predicate === "ne") {
    if (bitWidth(aHigh.type) > 64) {
      const low = code.compare(predicate, aLow, bLow);
      return code.binary(predicate === "eq" ? "and" : "or", low, code.compare(predicate, aHigh, bHigh));
    }
    const high = resize(code, code.binary("xor", aHigh, bHigh), i64, "zext");
    return code.compare(predicate, code.binary("or", code.binary("xor", aLow, bLow), high), intOf(64, 0));
  }
  const unsigned = predicate.replace("s", "u") as typeof predicate;
  const strict = predicate.slice(0, 2) as "ug" | "ul" | "sg" | "sl";
  const low = code.compare(unsigned, aLow, bLow);
  const high = code.compare(`${strict}t` as typeof predicate, aHigh, bHigh);
  return code.select(code.compare("eq", aHigh, bHigh), low, high);
}

function access(
  instruction: Extract<Instruction, { opcode: "load" | "store" }>,
  code: InstructionList,
  parts: Parts,
): SplitResult {
  const { pointer, align, volatile } = instruction;
  if (instruction.ordering !== "notatomic") return undefined;
  const highPointer = code.offset(pointer, 8);
  const highAlign = Math.min(align, 8);
  if (instruction.opcode === "load") {
    const low = code.load(i64, pointer, align, volatile);
    return [low, code.load(highType(instruction.type), highPointer, highAlign, volatile)];
  }
  const [low, high] = parts(instruction.value) as [Value, Value];
  code.store(low, pointer, align, volatile);
  code.store(high, highPointer, highAlign, volatile);
  return "removed";
}

function expandIntrinsic(
  instruction: Extract<Instruction, { opcode: "call" }>,
  code: InstructionList,
  parts: Parts,
): SplitResult {
  if (instruction.callee.kind !== "function") return undefined;
  if (intrinsicName(instruction.callee.name) !== "bswap" || bitWidth(instruction.type) !== 128) {
    return undefined;
  }
  const [low, high] = parts(instruction.args[0] as Value) as [Value, Value];
  return [code.byteSwap(instruction.callee, high), code.byteSwap(instruction.callee, low)];
}

/** More than two words: by constants only, as bit-fields are taken out of their storage. */
function shiftLong(instruction: BinaryInstruction, code: InstructionList, parts: Parts): SplitResult {
  const { opcode, rhs } = instruction;
  const [low, high] = parts(instruction.lhs) as [Value, Value];
  const bits = bitWidth(high.type);
  if (rhs.kind !== "int" || rhs.value >= BigInt(bits + 64)) return undefined;
  const by = Number(rhs.value);
  const shift = (op: BinaryOpcode, value: Value, amount: number): Value =>
    amount === 0 ? value : code.binaryConstant(op, value, amount);
  const zero = intOf(64, 0);
  if (by === 0) return [low, high];
  if (opcode === "shl") {
    if (by >= 64)
      return [
        zero,
        by - 64 < bits ? shift("shl", code.cast("zext", low, high.type), by - 64) : intOf(bits, 0),
      ];
    const carried = code.cast("zext", shift("lshr", low, 64 - by), high.type);
    return [shift("shl", low, by), code.binary("or", shift("shl", high, by), carried)];
  }
  if (by < 64) {
    const carried = code.cast("trunc", shift("shl", high, 64 - by), i64);
    return [code.binary("or", shift("lshr", low, by), carried), shift(opcode, high, by)];
  }
  const down = shift(opcode, high, by - 64);
  const rest =
    opcode === "ashr"
      ? shift("ashr", high, Math.min(bits - 1, by))
      : by < bits
        ? shift("lshr", high, by)
        : intOf(bits, 0);
  return [code.cast("trunc", down, i64), rest];
}

function expandCast(instruction: Instruction, code: InstructionList, parts: Parts): SplitResult {
  switch (instruction.opcode) {
    case "trunc": {
      const [low, high] = parts(instruction.value) as [Value, Value];
      if (!isWide(instruction.type)) return resize(code, low, instruction.type, "zext");
      return [low, code.cast("trunc", high, highType(instruction.type))];
    }
    case "zext":
    case "sext": {
      const { opcode, value, type } = instruction;
      if (isWide(value.type)) {
        const [low, high] = parts(value) as [Value, Value];
        return [low, resize(code, high, highType(type), opcode)];
      }
      const low = resize(code, value, i64, opcode);
      if (opcode === "zext") return [low, intOf(bitWidth(type) - 64, 0)];
      return [low, resize(code, code.binaryConstant("ashr", low, 63), highType(type), "sext")];
    }
    case "ptrtoint": {
      const low = code.cast("ptrtoint", instruction.value, i64);
      return [low, intOf(bitWidth(instruction.type) - 64, 0)];
    }
    case "inttoptr":
      return code.cast("inttoptr", parts(instruction.value)[0] as Value, instruction.type);
    case "gep":
      instruction.indices = instruction.indices.map((each) =>
        isWide(each.type) ? (parts(each)[0] as Value) : each,
      );
      code.list.push(instruction);
      return instruction;
    default:
      return undefined;
  }
}

const splitting: Splitting = {
  partTypes: (type) => (isWide(type) ? [i64, highType(type)] : undefined),
  constantParts,
  expand,
  describe: (instruction) => {
    if (["udiv", "urem", "sdiv", "srem"].includes(instruction.opcode)) {
      return "BPF has no division of integers with more than 64 bits";
    }
    const what = instruction.opcode === "call" ? "a call" : `"${instruction.opcode}"`;
    return `integers of more than 64 bits as operands of ${what} are not supported`;
  },
};

/** Splits the wide integers of a module. @throws BpfkitError CG101 with the line of C for divisions and the like. */
export function splitWideIntegers(module: IrModule): void {
  // The high part of a long integer is wide itself, and goes in the next round.
  for (let bits = longest(module); bits > 64; bits -= 64) splitValues(module, splitting);
}

/** Bits of the longest integer that is split. */
function longest(module: IrModule): number {
  let bits = 0;
  const look = (type: Type): void => {
    if (type.kind === "integer" && isWide(type)) bits = Math.max(bits, type.bits);
  };
  for (const fn of module.functions) {
    look(fn.functionType.result);
    for (const parameter of fn.parameters) look(parameter.type);
    for (const block of fn.blocks) {
      for (const instruction of block.instructions) {
        look(instruction.type);
        for (const operand of operandsOf(instruction)) look(operand.type);
      }
    }
  }
  return bits;
}
