/**
 * Positions in a function: every block start and every instruction has a number, sixteen apart.
 *
 * Around instruction i at p = positionOf(i): reloads before it define at p + 2, it reads at p + 8, it writes at
 * p + 10, spills after it read at p + 14. A range [start, end) holds a register from just when it is written to
 * just when it is read last, so a range that ends at p + 10 can share its register with one that starts there.
 */
import type { MachineBlock, MachineFunction } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";

/** Distance between instructions. */
export const step = 16;
/** Where a reload before the instruction writes. */
export const reloadAt = 2;
/** Where the last read ends; also where results begin. */
export const writeAt = 10;
/** Where the instruction writes a result that must not share a register with its inputs. */
export const earlyAt = 8;
/** Where a spill after the instruction has read. */
export const spilledAt = 14;

/** The numbering of a function. */
export interface Positions {
  /** All instructions in order; a block start is undefined. */
  readonly instructions: readonly (MachineInstruction | undefined)[];
  /** Block of each index. */
  readonly blockAt: readonly MachineBlock[];
  /** Index of the block's start, by block id. */
  readonly firstIndex: Int32Array;
  /** One more than the index of the block's last instruction, by block id. */
  readonly endIndex: Int32Array;
}

/** Numbers blocks and instructions in their order. */
export function numberPositions(fn: MachineFunction): Positions {
  const instructions: (MachineInstruction | undefined)[] = [];
  const blockAt: MachineBlock[] = [];
  const firstIndex = new Int32Array(fn.blockLimit);
  const endIndex = new Int32Array(fn.blockLimit);
  for (const block of fn.blocks) {
    firstIndex[block.id] = instructions.length;
    instructions.push(undefined);
    blockAt.push(block);
    for (const insn of block.instructions) {
      instructions.push(insn);
      blockAt.push(block);
    }
    endIndex[block.id] = instructions.length;
  }
  return { instructions, blockAt, firstIndex, endIndex };
}
