/** BPF arithmetic overwrites its first operand: copies go in front so that it may. */
import { livenessOf } from "../analysis/liveness.ts";
import type { MachineBlock, MachineFunction } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import { instruction, isCommutative } from "../machine/machine-instruction.ts";
import { forEachDefinition, forEachUse } from "../machine/operands.ts";
import type { Register } from "../machine/register.ts";
import { noRegister } from "../machine/register.ts";
import type { Rounds } from "./phi-elimination.ts";

/** Brings all instructions into two-address form. Needs linked blocks without phis. */
export function toTwoAddress(fn: MachineFunction, rounds: Rounds): void {
  const liveness = livenessOf(fn);
  for (const block of fn.blocks) {
    const live = new Set(liveness.liveOut[block.id]);
    rewriteBlock(block, live, rounds);
  }
}

function rewriteBlock(block: MachineBlock, live: Set<Register>, rounds: Rounds): void {
  const reversed: MachineInstruction[] = [];
  for (let index = block.instructions.length - 1; index >= 0; index--) {
    const insn = block.instructions[index]!;
    if (insn.opcode === "alu" && insn.b !== noRegister) chooseFirst(insn, live, rounds);
    forEachDefinition(insn, (register) => live.delete(register));
    reversed.push(insn);
    tie(insn, reversed);
    forEachUse(insn, (register) => live.add(register));
  }
  block.instructions = reversed.reverse();
}

/** Exchanges the operands of a commutative operation where the second one can be overwritten and the first cannot. */
function chooseFirst(insn: MachineInstruction, live: ReadonlySet<Register>, rounds: Rounds): void {
  if (!isCommutative(insn.operation) || insn.a === insn.b) return;
  const firstDies = !live.has(insn.a);
  const secondDies = !live.has(insn.b);
  const next = rounds.get(insn.dst);
  const better = next !== undefined && next === insn.b && secondDies;
  const worse = next !== undefined && next === insn.a && firstDies;
  if (better || (!worse && secondDies && !firstDies)) [insn.a, insn.b] = [insn.b, insn.a];
}

/** Puts a copy before the instruction (which means after it, in reversed order) for a result tied to an operand. */
function tie(insn: MachineInstruction, reversed: MachineInstruction[]): void {
  switch (insn.opcode) {
    case "alu":
    case "negate":
    case "swap":
    case "barrier":
      if (insn.dst !== insn.a) {
        // dst = a op dst would lose the second operand: it cannot happen in SSA form, where dst is new.
        reversed.push(copyOf(insn, insn.dst, insn.a));
        insn.a = insn.dst;
      }
      return;
    case "atomic":
      if (insn.fetch && insn.dst !== insn.b) {
        reversed.push(copyOf(insn, insn.dst, insn.b));
        insn.b = insn.dst;
      }
      return;
    case "assembly":
      for (const operand of insn.assembly?.operands ?? []) {
        const output = insn.assembly?.operands[operand.tiedTo];
        if (operand.tiedTo < 0 || output === undefined || output.register === operand.register) continue;
        reversed.push(copyOf(insn, output.register, operand.register));
        operand.register = output.register;
      }
      return;
    default:
  }
}

function copyOf(insn: MachineInstruction, dst: Register, a: Register): MachineInstruction {
  // A 32-bit move makes a number of a pointer, on which the verifier would refuse 32-bit arithmetic.
  const width = insn.opcode === "alu" || insn.opcode === "negate" ? insn.width : 64;
  return instruction("copy", { dst, a, width, location: insn.location });
}
