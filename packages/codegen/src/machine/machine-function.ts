/** A function of machine code: blocks, virtual registers with what is known of them, and frame slots. */
import type { MachineInstruction } from "./machine-instruction.ts";
import { isTerminator } from "./machine-instruction.ts";
import type { Register } from "./register.ts";
import { firstVirtual } from "./register.ts";

/** A level of the instruction set, as -mcpu names it. */
export type Cpu = "v1" | "v2" | "v3" | "v4";

/** What an instruction-set level has. */
export interface CpuFeatures {
  /** `if r1 < r2`, not only `>` (v2). */
  readonly lessThanJumps: boolean;
  /** 32-bit arithmetic and comparisons on w registers (v3). */
  readonly alu32: boolean;
  /** Signed division, sign-extending moves and loads, byte swap, long jumps, stores of constants (v4). */
  readonly v4: boolean;
}

/** The features of a level. */
export function featuresOf(cpu: Cpu): CpuFeatures {
  return { lessThanJumps: cpu !== "v1", alu32: cpu === "v3" || cpu === "v4", v4: cpu === "v4" };
}

/** One way into a phi. */
export interface MachineIncoming {
  block: MachineBlock;
  register: Register;
}

/** A value that depends on where the block was entered from. */
export interface MachinePhi {
  dst: Register;
  readonly incoming: MachineIncoming[];
}

/** A straight run of instructions with its terminators at the end: branches, then a goto or a return. */
export interface MachineBlock {
  /** Unique in the function. */
  readonly id: number;
  phis: MachinePhi[];
  instructions: MachineInstruction[];
  successors: MachineBlock[];
  predecessors: MachineBlock[];
  /** Number of loops around the block. */
  loopDepth: number;
}

/** A piece of the stack. */
export interface FrameSlot {
  readonly size: number;
  readonly align: number;
  /** The C variable, "" for spills. */
  readonly name: string;
  readonly isSpill: boolean;
  /** Bytes from r10, negative; set by the frame layout. */
  offset: number;
  /** Metadata id of a DILocalVariable or a DILocation to blame when the frame is too big, -1 where unknown. */
  readonly location: number;
}

/** A function in the making. */
export class MachineFunction {
  readonly name: string;
  readonly features: CpuFeatures;
  readonly blocks: MachineBlock[] = [];
  readonly slots: FrameSlot[] = [];
  /** Bits of a virtual register above which all are zero; 64 where nothing is known. Indexed by register. */
  readonly significantBits: number[] = [];
  #nextRegister: Register = firstVirtual;
  #nextBlock = 0;

  constructor(name: string, features: CpuFeatures) {
    this.name = name;
    this.features = features;
  }

  /** One more than the last virtual register. */
  get registerLimit(): Register {
    return this.#nextRegister;
  }

  /** A new virtual register of which `significantBits` low bits may be set. */
  newRegister(significantBits = 64): Register {
    const register = this.#nextRegister++;
    this.significantBits[register] = significantBits;
    return register;
  }

  /** A new block; the caller places it in `blocks`. */
  newBlock(): MachineBlock {
    return {
      id: this.#nextBlock++,
      phis: [],
      instructions: [],
      successors: [],
      predecessors: [],
      loopDepth: 0,
    };
  }

  /** A new piece of the stack; returns its index. */
  newSlot(slot: Omit<FrameSlot, "offset">): number {
    this.slots.push({ ...slot, offset: 0 });
    return this.slots.length - 1;
  }

  /** Number of blocks ever made: an exclusive bound of block ids. */
  get blockLimit(): number {
    return this.#nextBlock;
  }

  /** Computes successors and predecessors of all blocks from their terminators. */
  linkBlocks(): void {
    for (const block of this.blocks) block.predecessors = [];
    for (const block of this.blocks) {
      block.successors = targetsOf(block);
      for (const successor of block.successors) successor.predecessors.push(block);
    }
  }
}

/** The blocks that a block's terminators go to, each once. */
export function targetsOf(block: MachineBlock): MachineBlock[] {
  const targets: MachineBlock[] = [];
  for (let index = block.instructions.length - 1; index >= 0; index--) {
    const insn = block.instructions[index]!;
    if (!isTerminator(insn)) break;
    if (insn.target !== undefined && !targets.includes(insn.target)) targets.push(insn.target);
    for (const target of insn.assembly?.targets ?? []) if (!targets.includes(target)) targets.push(target);
  }
  return targets.reverse();
}

/** Index of the first terminator of a block, or its length where it has none. */
export function firstTerminator(block: MachineBlock): number {
  let index = block.instructions.length;
  while (index > 0 && isTerminator(block.instructions[index - 1]!)) index--;
  return index;
}
