/** Comparisons of zero-extended values become 32-bit comparisons of what was extended. */
import type { MachineFunction } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import { forEachUse } from "../machine/operands.ts";
import type { Register } from "../machine/register.ts";
import { isVirtual, noRegister } from "../machine/register.ts";
import { definitionsOf } from "./known-bits.ts";

/** Narrows branches of SSA code where that makes an extension unnecessary. */
export function narrowComparisons(fn: MachineFunction): void {
  if (!fn.features.alu32) return;
  const definitions = definitionsOf(fn);
  const uses = countUses(fn);
  const known = fn.significantBits;
  const isNarrow = (register: Register): boolean => isVirtual(register) && (known[register] ?? 64) <= 32;
  const source = (register: Register): Register => {
    const extension = definitions[register];
    return extension?.opcode === "zero-extend" && uses[register] === 1 ? extension.a : register;
  };
  for (const block of fn.blocks) {
    for (const insn of block.instructions) {
      if (insn.opcode !== "branch" || insn.width !== 64 || insn.operation.startsWith("s")) continue;
      if (!isNarrow(insn.a)) continue;
      if (insn.b === noRegister ? insn.imm < 0 : !isNarrow(insn.b)) continue;
      const a = source(insn.a);
      const b = insn.b === noRegister ? noRegister : source(insn.b);
      if (a === insn.a && b === insn.b) continue;
      insn.a = a;
      insn.b = b;
      insn.width = 32;
      takeConstant(insn, definitions);
    }
  }
}

/** A constant that was too big for a 64-bit comparison fits a 32-bit one. */
function takeConstant(
  insn: MachineInstruction,
  definitions: readonly (MachineInstruction | undefined)[],
): void {
  const constant = insn.b === noRegister ? undefined : definitions[insn.b];
  if (constant?.opcode !== "move" || constant.width !== 32) return;
  insn.imm = constant.imm;
  insn.b = noRegister;
}

function countUses(fn: MachineFunction): Int32Array {
  const uses = new Int32Array(fn.registerLimit);
  const count = (register: Register): void => {
    if (isVirtual(register)) uses[register]!++;
  };
  for (const block of fn.blocks) {
    for (const phi of block.phis) for (const way of phi.incoming) count(way.register);
    for (const insn of block.instructions) forEachUse(insn, count);
  }
  return uses;
}
