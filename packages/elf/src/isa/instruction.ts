/** One BPF instruction, in the one object shape that every package uses. */
import { loadImm64Opcode } from "./opcode.ts";

/** Where an instruction came from; has no influence on its encoding. */
export interface InstructionMeta {
  /** The text of the C line. */
  readonly sourceLine?: string;
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  /** From 1; 0 where unknown. */
  readonly column?: number;
  /** The symbol that a relocation binds to the immediate: a map, a variable or a function. */
  readonly symbol?: string;
}

/**
 * An instruction as the fields of its encoding. A 64-bit immediate load (opcode 0x18) is one Instruction of two slots;
 * jump offsets count slots all the same.
 */
export interface Instruction {
  /** 0 to 255. */
  readonly opcode: number;
  /** Destination register, 0 to 15 as encoded; valid ones end at 10. */
  readonly dst: number;
  /** Source register, or a pseudo source (PseudoLoad, PseudoCall). */
  readonly src: number;
  /** Signed 16 bits. */
  readonly off: number;
  /** Signed 32 bits. */
  readonly imm: number;
  /** Signed 32 bits; upper half of a 64-bit immediate, 0 in every other instruction. */
  readonly immHigh: number;
  readonly meta?: InstructionMeta;
}

/** Slots of eight bytes that an instruction takes. */
export function slotCount(instruction: Instruction): 1 | 2 {
  return instruction.opcode === loadImm64Opcode ? 2 : 1;
}

/** Slots that a whole program takes. */
export function totalSlots(instructions: readonly Instruction[]): number {
  let slots = 0;
  for (const instruction of instructions) slots += slotCount(instruction);
  return slots;
}

/** The same instruction with other meta data. */
export function withMeta(instruction: Instruction, meta: InstructionMeta): Instruction {
  const { opcode, dst, src, off, imm, immHigh } = instruction;
  return { opcode, dst, src, off, imm, immHigh, meta };
}
