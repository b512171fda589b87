/** Inline assembly to instructions: operands are put into the template, and elf's assembler reads the text. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Instruction } from "@bpfkit/elf/isa";
import { assemble } from "@bpfkit/elf/isa";
import type { MachineFunction } from "../machine/machine-function.ts";
import type { Assembly, AssemblyOperand } from "../machine/machine-instruction.ts";
import { framePointer } from "../machine/register.ts";

/**
 * Assembles a block of inline assembly whose registers are known.
 * @param unique a number that no other block of the module has, for `%=`
 * @throws BpfkitError EL205, EL206 for text that is no assembly
 */
export function assembleInline(fn: MachineFunction, assembly: Assembly, unique: number): Instruction[] {
  const text = substitute(fn, assembly, unique);
  const lines = text
    .replace(/\/\*[\s\S]*?\*\//g, " ")
    .split(/[\n;]/)
    .map((line) => line.replace(/(?:\/\/|#).*$/, "").trim())
    .filter((line) => line !== "");
  return lines.length === 0 ? [] : assemble(lines.join("\n"));
}

/** Replaces `$0`, `${0:w}`, `${:uid}` and `$$`. */
function substitute(fn: MachineFunction, assembly: Assembly, unique: number): string {
  return assembly.template.replace(
    /\$(?:\$|(\d+)|\{(\d*)(?::(\w+))?\})/g,
    (match, plain, braced, modifier) => {
      if (match === "$$") return "$";
      if (modifier === "uid") return `${unique}`;
      const operand = assembly.operands[Number(plain ?? braced)];
      if (operand === undefined || (plain ?? braced) === "") {
        throw new BpfkitError("EL205", `inline assembly has no operand ${match}`);
      }
      return operandText(fn, operand, modifier);
    },
  );
}

function operandText(fn: MachineFunction, operand: AssemblyOperand, modifier: string | undefined): string {
  if (operand.text !== undefined) return operand.text;
  if (operand.isMemory) {
    const slot = operand.slot >= 0 ? fn.slots[operand.slot]!.offset : 0;
    const base = operand.slot >= 0 ? framePointer : operand.register;
    const offset = slot + operand.offset;
    return `(r${base} ${offset < 0 ? "-" : "+"} ${Math.abs(offset)})`;
  }
  return `${operand.narrow || modifier === "w" ? "w" : "r"}${operand.register}`;
}
