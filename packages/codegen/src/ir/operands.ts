/** The operands of any instruction, to be listed or replaced, without a switch in every pass. */
import type { IrFunction } from "./function.ts";
import type { Instruction } from "./instruction.ts";
import type { Value } from "./value.ts";

/**
 * Calls `change` with each operand of the instruction, in order, and stores what it returns.
 * Blocks are not operands.
 */
export function mapOperands(instruction: Instruction, change: (operand: Value) => Value): void {
  switch (instruction.opcode) {
    case "select":
      instruction.condition = change(instruction.condition);
      instruction.ifTrue = change(instruction.ifTrue);
      instruction.ifFalse = change(instruction.ifFalse);
      return;
    case "phi":
      for (const incoming of instruction.incoming) incoming.value = change(incoming.value);
      return;
    case "freeze":
      instruction.value = change(instruction.value);
      return;
    case "condbr":
      instruction.condition = change(instruction.condition);
      return;
    case "switch":
      instruction.value = change(instruction.value);
      return;
    case "indirectbr":
      instruction.address = change(instruction.address);
      return;
    case "ret":
      if (instruction.value !== undefined) instruction.value = change(instruction.value);
      return;
    case "load":
      instruction.pointer = change(instruction.pointer);
      return;
    case "store":
      instruction.value = change(instruction.value);
      instruction.pointer = change(instruction.pointer);
      return;
    case "gep":
      instruction.pointer = change(instruction.pointer);
      mapList(instruction.indices, change);
      return;
    case "alloca":
      instruction.count = change(instruction.count);
      return;
    case "call":
    case "callbr":
      mapList(instruction.args, change);
      instruction.callee = change(instruction.callee);
      return;
    default:
      mapOtherOperands(instruction, change);
  }
}

function mapList(list: Value[], change: (operand: Value) => Value): void {
  for (let index = 0; index < list.length; index++) list[index] = change(list[index] as Value);
}

function mapOtherOperands(instruction: Instruction, change: (operand: Value) => Value): void {
  switch (instruction.opcode) {
    case "atomicrmw":
      instruction.pointer = change(instruction.pointer);
      instruction.value = change(instruction.value);
      return;
    case "cmpxchg":
      instruction.pointer = change(instruction.pointer);
      instruction.expected = change(instruction.expected);
      instruction.replacement = change(instruction.replacement);
      return;
    case "extractvalue":
      instruction.aggregate = change(instruction.aggregate);
      return;
    case "insertvalue":
      instruction.aggregate = change(instruction.aggregate);
      instruction.element = change(instruction.element);
      return;
    default:
      if ("lhs" in instruction) {
        instruction.lhs = change(instruction.lhs);
        instruction.rhs = change(instruction.rhs);
      } else if ("value" in instruction && instruction.value !== undefined) {
        (instruction as { value: Value }).value = change(instruction.value as Value);
      }
  }
}

/** The operands of an instruction in order, callee last, blocks left out. */
export function operandsOf(instruction: Instruction): Value[] {
  const operands: Value[] = [];
  mapOperands(instruction, (operand) => {
    operands.push(operand);
    return operand;
  });
  return operands;
}

/**
 * Replaces values all over a function in one pass over its instructions. Chains are followed: where a is
 * replaced by b and b by c, uses of a become c.
 */
export function replaceValues(fn: IrFunction, replacements: ReadonlyMap<Value, Value>): void {
  if (replacements.size === 0) return;
  for (const block of fn.blocks) replaceOperands(block.instructions, replacements);
}

/** The same in a list of instructions. */
export function replaceOperands(
  instructions: Iterable<Instruction>,
  replacements: ReadonlyMap<Value, Value>,
): void {
  const lookup = (operand: Value): Value => {
    let value = operand;
    for (;;) {
      const next = replacements.get(value);
      if (next === undefined || next === value) return value;
      value = next;
    }
  };
  for (const instruction of instructions) mapOperands(instruction, lookup);
}
