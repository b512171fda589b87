/** Inline assembly to instructions: operands are put into the template, and the assembler reads the text. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import { loadImm64Opcode } from "@bpfkit/elf/isa";
import type { AsmItem, AsmProgram } from "../assembly/index.ts";
import { parseAssembly } from "../assembly/index.ts";
import type { MachineFunction } from "../machine/machine-function.ts";
import type { Assembly, AssemblyOperand } from "../machine/machine-instruction.ts";
import { labelIndex } from "../machine/machine-instruction.ts";
import { framePointer } from "../machine/register.ts";
import type { Encoded } from "./encoded.ts";

/**
 * Assembles a block of inline assembly whose registers are known.
 * @param unique a number that no other block of the module has, for `%=`
 * @throws BpfkitError EL205, EL206 for text that is no assembly
 */
export function assembleInline(fn: MachineFunction, assembly: Assembly, unique: number): Encoded[] {
  const program = parseAssembly(substitute(fn, assembly, unique));
  const slots: number[] = [];
  let slot = 0;
  for (const { insn } of program.items) {
    slots.push(slot);
    slot += insn.opcode === loadImm64Opcode ? 2 : 1;
  }
  slots.push(slot);
  return program.items.map((item, index) => encode(item, index, program, slots, assembly));
}

function encode(
  item: AsmItem,
  index: number,
  program: AsmProgram,
  slots: readonly number[],
  assembly: Assembly,
): Encoded {
  const { insn, jump, symbol } = item;
  if (symbol !== undefined) return { insn, relocation: { ...symbol, symbol: symbol.name } };
  if (jump === undefined) return { insn };
  const way = labelIndex(jump.label);
  if (way !== undefined) {
    const target = assembly.targets[way];
    if (target !== undefined) return { insn, target, field: jump.field };
  }
  const place = placeOf(jump.label, index, program.labels);
  if (place === undefined) {
    throw new BpfkitError("EL206", `line ${item.line ?? 1}: there is no label ${jump.label}`);
  }
  const distance = (slots[place] as number) - (slots[index] as number) - 1;
  return { insn: { ...insn, [jump.field]: distance } };
}

/** The item a label stands before; `1b` is the last `1:` before, `1f` the next one. */
function placeOf(name: string, from: number, labels: AsmProgram["labels"]): number | undefined {
  const local = /^(\d+)([bf])$/.exec(name);
  if (local === null) return labels.get(name)?.[0];
  const places = labels.get(local[1] as string) ?? [];
  return local[2] === "b" ? places.findLast((one) => one <= from) : places.find((one) => one > from);
}

/** Replaces `$0`, `${0:w}`, `${:uid}`, `$$`, and takes the first of `$(a$|b$)`. */
function substitute(fn: MachineFunction, assembly: Assembly, unique: number): string {
  const chosen = assembly.template.replace(/\$\(((?:[^$]|\$[^)|])*)(?:\$\|(?:[^$]|\$[^)])*)?\$\)/g, "$1");
  return chosen.replace(/\$(?:\$|(\d+)|\{(\d*)(?::(\w+))?\})/g, (match, plain, braced, modifier) => {
    if (match === "$$") return "$";
    if (modifier === "uid") return `${unique}`;
    const operand = assembly.operands[Number(plain ?? braced)];
    if (operand === undefined || (plain ?? braced) === "") {
      throw new BpfkitError("EL205", `inline assembly has no operand ${match}`);
    }
    return operandText(fn, operand, modifier);
  });
}

function operandText(fn: MachineFunction, operand: AssemblyOperand, modifier: string | undefined): string {
  if (operand.text !== undefined) {
    if (modifier !== "n") return operand.text;
    return operand.text.startsWith("-") ? operand.text.slice(1) : `-${operand.text}`;
  }
  if (operand.isMemory) {
    const slot = operand.slot >= 0 ? fn.slots[operand.slot]!.offset : 0;
    const base = operand.slot >= 0 ? framePointer : operand.register;
    const offset = slot + operand.offset;
    return `(r${base} ${offset < 0 ? "-" : "+"} ${Math.abs(offset)})`;
  }
  return `${operand.narrow || modifier === "w" ? "w" : "r"}${operand.register}`;
}
