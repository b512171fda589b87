/**
 * Computations that only one way out of a block needs move to where that way begins. (LLVM: MachineSinking.)
 */
import type { Dominators } from "../analysis/dominators.ts";
import { dominatorsOf } from "../analysis/dominators.ts";
import type { MachineBlock, MachineFunction } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import { hasSideEffects } from "../machine/machine-instruction.ts";
import { forEachUse } from "../machine/operands.ts";
import type { Register } from "../machine/register.ts";
import { isPhysical, isVirtual } from "../machine/register.ts";

/** Where each register is read: in instructions of these blocks, phis counting as the ends of their predecessors. */
type Readers = Map<Register, Set<MachineBlock>>;

/** Sinks computations of SSA code into successors. Needs linked blocks and known loops. */
export function sinkIntoSuccessors(fn: MachineFunction): void {
  const dominators = dominatorsOf(fn);
  const readers = findReaders(fn);
  // Predecessors first, so that a computation can sink on and on.
  for (const block of dominators.order) {
    if (block.successors.length > 1) sinkFrom(block, readers, dominators);
  }
}

function findReaders(fn: MachineFunction): Readers {
  const readers: Readers = new Map();
  const add = (register: Register, block: MachineBlock): void => {
    if (!isVirtual(register)) return;
    const blocks = readers.get(register);
    if (blocks === undefined) readers.set(register, new Set([block]));
    else blocks.add(block);
  };
  for (const block of fn.blocks) {
    for (const phi of block.phis) for (const way of phi.incoming) add(way.register, way.block);
    for (const insn of block.instructions) forEachUse(insn, (register) => add(register, block));
  }
  return readers;
}

function sinkFrom(block: MachineBlock, readers: Readers, dominators: Dominators): void {
  const sunk = new Map<MachineBlock, MachineInstruction[]>();
  const moved = new Set<MachineInstruction>();
  let effects = false;
  for (let index = block.instructions.length - 1; index >= 0; index--) {
    const insn = block.instructions[index]!;
    const target = isMovable(insn, effects) ? targetOf(insn, block, readers, dominators) : undefined;
    if (target === undefined) {
      if (hasSideEffects(insn) && insn.opcode !== "branch" && insn.opcode !== "goto") effects = true;
      continue;
    }
    moved.add(insn);
    const list = sunk.get(target);
    if (list === undefined) sunk.set(target, [insn]);
    else list.push(insn);
    forEachUse(insn, (register) => moveReader(block, target, register, readers, moved));
  }
  if (moved.size === 0) return;
  block.instructions = block.instructions.filter((insn) => !moved.has(insn));
  for (const [target, list] of sunk) target.instructions = [...list.reverse(), ...target.instructions];
}

/** The reader moved: its operands are read in the target now, and in the block only if somebody else is left there. */
function moveReader(
  block: MachineBlock,
  target: MachineBlock,
  register: Register,
  readers: Readers,
  moved: ReadonlySet<MachineInstruction>,
): void {
  const blocks = readers.get(register);
  if (blocks === undefined) return;
  blocks.add(target);
  let left = block.successors.some((successor) =>
    successor.phis.some((phi) =>
      phi.incoming.some((way) => way.block === block && way.register === register),
    ),
  );
  for (const insn of block.instructions) {
    if (left) break;
    if (moved.has(insn)) continue;
    forEachUse(insn, (one) => {
      if (one === register) left = true;
    });
  }
  if (!left) blocks.delete(block);
}

/** The successor that all reads of the result lie behind; undefined where there is none, or sinking does not pay. */
function targetOf(
  insn: MachineInstruction,
  block: MachineBlock,
  readers: Readers,
  dominators: Dominators,
): MachineBlock | undefined {
  const blocks = readers.get(insn.dst);
  if (blocks === undefined || blocks.has(block)) return undefined;
  for (const successor of block.successors) {
    if (successor.predecessors.length !== 1 || successor.loopDepth > block.loopDepth) continue;
    if (![...blocks].every((reader) => dominators.dominates(successor, reader))) continue;
    return livesLonger(insn, block, successor, readers, dominators) <= 1 ? successor : undefined;
  }
  return undefined;
}

/** How many operands would have to be kept for the successor only for this. */
function livesLonger(
  insn: MachineInstruction,
  block: MachineBlock,
  successor: MachineBlock,
  readers: Readers,
  dominators: Dominators,
): number {
  let longer = 0;
  forEachUse(insn, (register) => {
    const behind = [...(readers.get(register) ?? [])].some(
      (reader) => reader !== block && dominators.dominates(successor, reader),
    );
    if (!behind) longer++;
  });
  return longer;
}

function isMovable(insn: MachineInstruction, effects: boolean): boolean {
  if (!isVirtual(insn.dst) || hasSideEffects(insn)) return false;
  let physical = false;
  forEachUse(insn, (register) => {
    if (isPhysical(register)) physical = true;
  });
  if (physical) return false;
  return insn.opcode === "load" ? !effects : insn.opcode !== "copy";
}
