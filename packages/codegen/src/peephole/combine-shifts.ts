/** Shifts of shifts by constants become one shift, and there and back a sign-extension where the level has one. */
import type { MachineFunction } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import { noRegister } from "../machine/register.ts";
import { definitionsOf } from "./known-bits.ts";

/** Combines shifts of SSA code; what becomes unused is left for dead code removal. */
export function combineShifts(fn: MachineFunction): void {
  const definitions = definitionsOf(fn);
  for (const block of fn.blocks) {
    for (const insn of block.instructions) {
      if (insn.opcode !== "alu" || insn.b !== noRegister || insn.symbol !== "") continue;
      if (insn.operation !== "shl" && insn.operation !== "lshr" && insn.operation !== "ashr") continue;
      for (;;) {
        const inner = definitions[insn.a];
        if (inner?.opcode !== "alu" || inner.operation !== insn.operation || inner.width !== insn.width)
          break;
        if (inner.b !== noRegister || inner.symbol !== "" || inner === insn) break;
        const sum = insn.imm + inner.imm;
        // What is shifted out entirely is rare, and not worth a constant.
        if (sum >= insn.width && insn.operation !== "ashr") break;
        insn.imm = Math.min(sum, insn.width - 1);
        insn.a = inner.a;
      }
      if (fn.features.v4 && insn.operation === "ashr") extendSign(insn, definitions[insn.a]);
    }
  }
}

/** Left and right by as many bits: the low byte, half word or word with its sign. */
function extendSign(insn: MachineInstruction, inner: MachineInstruction | undefined): void {
  if (inner?.opcode !== "alu" || inner.operation !== "shl" || inner.b !== noRegister) return;
  if (inner.width !== insn.width || inner.imm !== insn.imm || inner.symbol !== "") return;
  const bits = insn.width - insn.imm;
  if (bits !== 8 && bits !== 16 && bits !== 32) return;
  insn.opcode = "sign-extend";
  insn.operation = "";
  insn.size = bits === 8 ? 1 : bits === 16 ? 2 : 4;
  insn.a = inner.a;
  insn.imm = 0;
}
