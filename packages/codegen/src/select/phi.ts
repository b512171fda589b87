/** Selection of phis: results first, inputs once every block has its code. */
import type { PhiInstruction } from "../ir/instruction.ts";
import type { MachineBlock } from "../machine/machine-function.ts";
import { firstTerminator } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import type { Register } from "../machine/register.ts";
import type { Selector } from "./selector.ts";
import { registerFor } from "./values.ts";

/** A phi whose inputs are still to come. */
export interface PendingPhi {
  readonly insn: PhiInstruction;
  readonly block: MachineBlock;
  readonly dst: Register;
}

/** Gives a phi its register. */
export function selectPhi(s: Selector, insn: PhiInstruction): PendingPhi {
  s.bitsOf(insn.type);
  const dst = s.machine.newRegister();
  s.define(insn, dst);
  return { insn, block: s.block, dst };
}

/**
 * Fills in the inputs. An IR predecessor may have become several machine blocks that jump here; each brings the
 * value. Constants and addresses are made at the end of the predecessor, before its branches.
 */
export function completePhi(s: Selector, pending: PendingPhi): void {
  const { insn, block, dst } = pending;
  const incoming = block.predecessors.map((predecessor) => {
    const owner = s.owners[predecessor.id];
    const way = insn.incoming.find((one) => one.block === owner);
    if (way === undefined) throw s.refuse("CG101", "a phi lacks the value of a predecessor");
    return { block: predecessor, register: registerAtEnd(s, predecessor, () => registerFor(s, way.value)) };
  });
  block.phis.push({ dst, incoming });
}

/** Runs `make` so that what it emits lands before the terminators of a block already finished. */
function registerAtEnd(s: Selector, block: MachineBlock, make: () => Register): Register {
  const split = firstTerminator(block);
  const terminators: MachineInstruction[] = block.instructions.splice(split);
  s.block = block;
  s.location = -1;
  s.forgetConstants();
  const register = make();
  block.instructions.push(...terminators);
  return register;
}
