/** Removal of instructions whose results nobody reads: in SSA form by counting, afterwards by liveness. */
import type { MachineBlock, MachineFunction } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import { hasSideEffects } from "../machine/machine-instruction.ts";
import { forEachDefinition, forEachUse, implicitDefinitions, implicitUses } from "../machine/operands.ts";
import type { Register } from "../machine/register.ts";
import { firstVirtual, isVirtual } from "../machine/register.ts";

/** Removes instructions and phis of SSA code that nothing with an effect depends on. */
export function removeDeadValues(fn: MachineFunction): void {
  const sources = new Map<Register, readonly Register[]>();
  const needed = new Uint8Array(fn.registerLimit);
  const work: Register[] = [];
  const need = (register: Register): void => {
    if (!isVirtual(register) || needed[register] === 1) return;
    needed[register] = 1;
    work.push(register);
  };
  for (const block of fn.blocks) {
    for (const phi of block.phis)
      sources.set(
        phi.dst,
        phi.incoming.map((way) => way.register),
      );
    for (const insn of block.instructions) {
      const reads: Register[] = [];
      forEachUse(insn, (register) => reads.push(register));
      if (isRemovable(insn)) sources.set(insn.dst, reads);
      else for (const register of reads) need(register);
    }
  }
  while (work.length > 0) for (const register of sources.get(work.pop()!) ?? []) need(register);
  for (const block of fn.blocks) {
    block.phis = block.phis.filter((phi) => needed[phi.dst] === 1);
    block.instructions = block.instructions.filter((insn) => !isRemovable(insn) || needed[insn.dst] === 1);
  }
}

function isRemovable(insn: MachineInstruction): boolean {
  return insn.dst >= firstVirtual && !hasSideEffects(insn);
}

/** Removes instructions of allocated code whose result is overwritten or forgotten before anybody reads it. */
export function removeDeadWrites(fn: MachineFunction): boolean {
  const liveOut = liveRegisters(fn);
  let changed = false;
  for (const block of fn.blocks) {
    let live = liveOut[block.id]!;
    const kept: MachineInstruction[] = [];
    for (let index = block.instructions.length - 1; index >= 0; index--) {
      const insn = block.instructions[index]!;
      const dead = insn.dst >= 0 && ((live >> insn.dst) & 1) === 0;
      if (dead && !hasSideEffects(insn)) {
        changed = true;
        continue;
      }
      if (dead && insn.opcode === "atomic" && insn.operation !== "exchange" && insn.fetch) {
        insn.fetch = false;
        insn.dst = -1;
      }
      live = before(insn, live);
      kept.push(insn);
    }
    block.instructions = kept.reverse();
  }
  return changed;
}

/** Registers live before an instruction, as bits, from those live after it. */
export function before(insn: MachineInstruction, after: number): number {
  let live = after;
  forEachDefinition(insn, (register) => {
    live &= ~(1 << register);
  });
  live &= ~implicitDefinitions(insn);
  forEachUse(insn, (register) => {
    live |= 1 << register;
  });
  return live | implicitUses(insn);
}

/** Physical registers live at the end of each block, as bits, by block id. Needs linked blocks. */
export function liveRegisters(fn: MachineFunction): Int32Array {
  const liveOut = new Int32Array(fn.blockLimit);
  const liveIn = new Int32Array(fn.blockLimit);
  const work: MachineBlock[] = [...fn.blocks];
  const queued = new Uint8Array(fn.blockLimit).fill(1);
  while (work.length > 0) {
    const block = work.pop()!;
    queued[block.id] = 0;
    let live = 0;
    for (const successor of block.successors) live |= liveIn[successor.id]!;
    liveOut[block.id] = live;
    for (let index = block.instructions.length - 1; index >= 0; index--) {
      live = before(block.instructions[index]!, live);
    }
    if (liveIn[block.id] === live) continue;
    liveIn[block.id] = live;
    for (const predecessor of block.predecessors) {
      if (queued[predecessor.id] === 1) continue;
      queued[predecessor.id] = 1;
      work.push(predecessor);
    }
  }
  return liveOut;
}
