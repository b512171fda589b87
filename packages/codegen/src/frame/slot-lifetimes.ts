/** Which variables of the frame are alive at the same time. */
import type { MachineBlock, MachineFunction } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";

/** Pairs of slots that need different places. */
export interface SlotConflicts {
  /** True where both are alive at some point. */
  conflict(first: number, second: number): boolean;
}

/**
 * Finds the conflicts of the slots given. A slot comes to life where it is mentioned or its lifetime starts, and dies
 * where its lifetime ends; one without markers stays alive to the end of every way on. Needs linked blocks.
 */
export function findSlotConflicts(fn: MachineFunction, slots: readonly number[]): SlotConflicts {
  const count = fn.slots.length;
  const words = (count + 31) >> 5;
  const matrix = new Uint32Array(count * words);
  const liveIn = new Uint32Array(fn.blockLimit * words);
  const isVariable = new Uint8Array(count);
  for (const slot of slots) isVariable[slot] = 1;
  propagate(fn, liveIn, words, isVariable);
  const live = new Uint32Array(words);
  for (const block of fn.blocks) {
    live.set(liveIn.subarray(block.id * words, (block.id + 1) * words));
    for (let word = 0; word < words; word++) {
      for (let rest = live[word]!; rest !== 0; rest &= rest - 1) {
        const slot = word * 32 + (31 - Math.clz32(rest & -rest));
        for (let other = 0; other < words; other++) matrix[slot * words + other]! |= live[other]!;
      }
    }
    for (const insn of block.instructions) {
      for (const slot of mentions(insn)) {
        if (isVariable[slot] === 0) continue;
        if (insn.opcode === "lifetime-end") live[slot >> 5]! &= ~(1 << (slot & 31));
        else {
          live[slot >> 5]! |= 1 << (slot & 31);
          for (let word = 0; word < words; word++) matrix[slot * words + word]! |= live[word]!;
        }
      }
    }
  }
  const has = (row: number, column: number): boolean =>
    ((matrix[row * words + (column >> 5)]! >>> (column & 31)) & 1) === 1;
  return { conflict: (first, second) => has(first, second) || has(second, first) };
}

/** Computes which slots may be alive where blocks begin. */
function propagate(fn: MachineFunction, liveIn: Uint32Array, words: number, isVariable: Uint8Array): void {
  const work: MachineBlock[] = [...fn.blocks].reverse();
  const live = new Uint32Array(words);
  while (work.length > 0) {
    const block = work.pop()!;
    live.set(liveIn.subarray(block.id * words, (block.id + 1) * words));
    for (const insn of block.instructions) {
      for (const slot of mentions(insn)) {
        if (isVariable[slot] === 0) continue;
        if (insn.opcode === "lifetime-end") live[slot >> 5]! &= ~(1 << (slot & 31));
        else live[slot >> 5]! |= 1 << (slot & 31);
      }
    }
    for (const successor of block.successors) {
      let grew = false;
      for (let word = 0; word < words; word++) {
        const at = successor.id * words + word;
        const joined = (liveIn[at]! | live[word]!) >>> 0;
        if (joined !== liveIn[at]) {
          liveIn[at] = joined;
          grew = true;
        }
      }
      if (grew) work.push(successor);
    }
  }
}

/** The slots an instruction names. */
export function mentions(insn: MachineInstruction): readonly number[] {
  if (insn.assembly === undefined) return insn.slot >= 0 ? [insn.slot] : [];
  return insn.assembly.operands.map((one) => one.slot).filter((slot) => slot >= 0);
}
