/** Structs and arrays as values: taken apart into their scalars. Clang makes them of small structs that are passed. */
import type { Constant, Instruction, IrModule, Type, Value } from "../ir/index.ts";
import { constantInt, sizeOf, structLayout } from "../ir/index.ts";
import type { InstructionList } from "./build.ts";
import type { Parts, SplitResult, Splitting } from "./split-values.ts";
import { splitValues } from "./split-values.ts";

/** Most scalars an aggregate value may have. */
const maxLeaves = 256;

/** A scalar in an aggregate. */
interface Leaf {
  readonly type: Type;
  /** Bytes from the start of the aggregate. */
  readonly offset: number;
}

function isAggregate(type: Type): boolean {
  return type.kind === "struct" || type.kind === "array";
}

/** Scalars of a type in order; at most one more than the limit. */
function leavesOf(type: Type, offset = 0, leaves: Leaf[] = []): Leaf[] {
  if (leaves.length > maxLeaves) return leaves;
  if (type.kind === "struct") {
    const { offsets } = structLayout(type);
    for (const [index, field] of type.fields.entries()) {
      leavesOf(field, offset + (offsets[index] as number), leaves);
    }
  } else if (type.kind === "array") {
    const step = sizeOf(type.element);
    for (let index = 0; index < type.count && leaves.length <= maxLeaves; index++) {
      leavesOf(type.element, offset + index * step, leaves);
    }
  } else leaves.push({ type, offset });
  return leaves;
}

/** Which of the leaves the element behind a path of indices has. */
function leafRange(type: Type, path: readonly number[]): { start: number; count: number } {
  let current = type;
  let start = 0;
  for (const index of path) {
    if (current.kind === "struct") {
      for (const field of current.fields.slice(0, index)) start += leavesOf(field).length;
      current = current.fields[index] as Type;
    } else if (current.kind === "array") {
      start += leavesOf(current.element).length * index;
      current = current.element;
    }
  }
  return { start, count: isAggregate(current) ? leavesOf(current).length : 1 };
}

/** The largest alignment that is sure at an offset from an aligned address. */
function alignAt(align: number, offset: number): number {
  return offset === 0 ? align : Math.min(align, offset & -offset);
}

function constantLeaves(constant: Constant): Value[] {
  const { type } = constant;
  if (!isAggregate(type)) return [constant];
  switch (constant.kind) {
    case "aggregate":
      return constant.elements.flatMap(constantLeaves);
    case "bytes": {
      const element = type.kind === "array" ? type.element : type;
      if (element.kind !== "integer") return [];
      return [...constant.bytes].map((byte) => constantInt(element, byte));
    }
    default:
      return leavesOf(type).map((leaf) => simpleLeaf(constant, leaf.type));
  }
}

function simpleLeaf(constant: Constant, type: Type): Value {
  if (constant.kind === "undef" || constant.kind === "poison") return { kind: constant.kind, type };
  if (type.kind === "integer") return constantInt(type, 0);
  return { kind: type.kind === "pointer" ? "null" : "zero", type };
}

/** The exchange is known to selection; only uses other than extractvalue need its parts. */
function isKeptWhole(value: Value): boolean {
  if (value.kind !== "instruction") return false;
  return value.opcode === "cmpxchg" || isAssembly(value);
}

function isAssembly(value: Instruction): boolean {
  return (value.opcode === "call" || value.opcode === "callbr") && value.callee.kind === "asm";
}

function expand(instruction: Instruction, code: InstructionList, parts: Parts): SplitResult {
  switch (instruction.opcode) {
    case "load":
      if (leavesOf(instruction.type).length > maxLeaves) return undefined;
      return leavesOf(instruction.type).map(({ type, offset }) => {
        const align = alignAt(instruction.align, offset);
        return code.load(type, code.offset(instruction.pointer, offset), align, instruction.volatile);
      });
    case "store": {
      const values = parts(instruction.value);
      for (const [index, { offset }] of leavesOf(instruction.value.type).entries()) {
        const pointer = code.offset(instruction.pointer, offset);
        const align = alignAt(instruction.align, offset);
        code.store(values[index] as Value, pointer, align, instruction.volatile);
      }
      return "removed";
    }
    case "insertvalue": {
      const { start, count } = leafRange(instruction.type, instruction.indices);
      const { element } = instruction;
      const inserted = isAggregate(element.type) ? parts(element) : [element];
      const whole = parts(instruction.aggregate);
      return [...whole.slice(0, start), ...inserted, ...whole.slice(start + count)];
    }
    case "extractvalue": {
      if (isKeptWhole(instruction.aggregate)) {
        code.list.push(instruction);
        return isAggregate(instruction.type) ? undefined : instruction;
      }
      const { start, count } = leafRange(instruction.aggregate.type, instruction.indices);
      const found = parts(instruction.aggregate).slice(start, start + count);
      return isAggregate(instruction.type) ? found : (found[0] as Value);
    }
    case "callbr":
      if (!isKeptWhole(instruction)) return undefined;
      // Behind a terminator nothing can take it apart: its users do, one part at a time.
      code.list.push(instruction);
      return [];
    case "cmpxchg":
    case "call": {
      if (!isKeptWhole(instruction) || !isAggregate(instruction.type)) return undefined;
      code.list.push(instruction);
      return leavesOf(instruction.type).map((leaf, index) => code.extract(leaf.type, instruction, [index]));
    }
    default:
      return undefined;
  }
}

const splitting: Splitting = {
  partTypes: (type) => (isAggregate(type) ? leavesOf(type).map((leaf) => leaf.type) : undefined),
  constantParts: constantLeaves,
  expand,
  describe: (instruction) =>
    instruction.opcode === "ret" || instruction.opcode === "call"
      ? "a function returns a struct by value, which BPF has no registers for"
      : `a struct or array as the operand of "${instruction.opcode}" is not supported`,
};

/** Takes apart the aggregates of a module. @throws BpfkitError CG101 with the line of C where one cannot be. */
export function splitAggregates(module: IrModule): void {
  splitValues(module, splitting);
}
