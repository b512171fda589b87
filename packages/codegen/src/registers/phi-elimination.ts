/** Phis become copies: into a fresh register at the end of every predecessor, and out of it at the start of the block. */
import type { MachineFunction } from "../machine/machine-function.ts";
import { firstTerminator } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import { instruction } from "../machine/machine-instruction.ts";
import type { Register } from "../machine/register.ts";

/** From a register that goes into a phi to the register that comes out: in loops, this round's value of the next's. */
export type Rounds = ReadonlyMap<Register, Register>;

/**
 * Replaces all phis. The fresh register makes the copies of one block independent of each other (no order, no
 * cycles) and harmless on edges where a predecessor has other successors too; coalescing takes most of them out.
 */
export function eliminatePhis(fn: MachineFunction): Rounds {
  const rounds = new Map<Register, Register>();
  for (const block of fn.blocks) {
    if (block.phis.length === 0) continue;
    const heads: MachineInstruction[] = [];
    for (const phi of block.phis) {
      const bits = fn.significantBits[phi.dst] ?? 64;
      const joined = fn.newRegister(bits);
      const location = -1;
      heads.push(instruction("copy", { dst: phi.dst, a: joined, location }));
      for (const way of phi.incoming) {
        rounds.set(way.register, phi.dst);
        const copy = instruction("copy", { dst: joined, a: way.register, location });
        way.block.instructions.splice(firstTerminator(way.block), 0, copy);
      }
    }
    block.phis = [];
    block.instructions = [...heads, ...block.instructions];
  }
  return rounds;
}
