/** Computations that a block repeats: the optimiser's last passes leave some behind. */
import type { IrFunction } from "../ir/function.ts";
import type { Instruction } from "../ir/instruction.ts";
import { mapOperands, operandsOf, replaceValues } from "../ir/operands.ts";
import { printType } from "../ir/type.ts";
import type { Value } from "../ir/value.ts";

/** Replaces pure instructions by equal earlier ones of the same block. */
export function shareCommonValues(fn: IrFunction): void {
  const replacements = new Map<Value, Value>();
  const names = new Names();
  const current = (operand: Value): Value => replacements.get(operand) ?? operand;
  for (const block of fn.blocks) {
    const seen = new Map<string, Instruction>();
    const kept: Instruction[] = [];
    for (const insn of block.instructions) {
      if (replacements.size > 0 && insn.opcode !== "phi") mapOperands(insn, current);
      const key = keyOf(insn, names);
      const same = key === undefined ? undefined : seen.get(key);
      if (same !== undefined) {
        replacements.set(insn, same);
        continue;
      }
      if (key !== undefined) seen.set(key, insn);
      kept.push(insn);
    }
    block.instructions = kept;
  }
  replaceValues(fn, replacements);
}

/** Numbers for values, equal for equal constants. */
class Names {
  readonly #numbers = new Map<Value, number>();

  of(value: Value): string {
    if (value.kind === "int") return `${value.type.bits}:${value.value}`;
    if (value.kind === "null") return "null";
    let number = this.#numbers.get(value);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(value, number);
    }
    return `#${number}`;
  }
}

/** Text that is equal for instructions that compute the same; undefined for those that may not be shared. */
function keyOf(insn: Instruction, names: Names): string | undefined {
  switch (insn.opcode) {
    case "select":
    case "icmp":
    case "gep":
    case "trunc":
    case "zext":
    case "sext":
    case "ptrtoint":
    case "inttoptr":
    case "add":
    case "sub":
    case "mul":
    case "udiv":
    case "urem":
    case "shl":
    case "lshr":
    case "ashr":
    case "and":
    case "or":
    case "xor":
      break;
    default:
      return undefined;
  }
  const operands = operandsOf(insn).map((operand) => names.of(operand));
  const detail =
    insn.opcode === "gep" ? printType(insn.sourceType) : insn.opcode === "icmp" ? insn.predicate : "";
  return `${insn.opcode} ${printType(insn.type)} ${detail} ${operands.join(" ")}`;
}
