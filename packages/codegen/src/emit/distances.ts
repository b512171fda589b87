/** The last step of encoding: how far jumps go. From v4 on, those that 16 bits do not reach become long ones. */
import { InternalError } from "@bpfkit/base/diagnostics";
import type { Instruction } from "@bpfkit/elf/isa";
import { Class, JumpOp, slotCount } from "@bpfkit/elf/isa";
import type { MachineBlock, MachineFunction } from "../machine/machine-function.ts";
import { Refusal } from "../select/refuse.ts";
import type { Encoded, EncodedFunction, PlacedInstruction } from "./encoded.ts";
import type { Refuse } from "./instructions.ts";

/** An encoded instruction whose jump has no distance yet. */
export interface DraftInstruction extends Encoded {
  readonly location: number;
}

/** How far a jump reaches with 16 bits, in instructions. */
const shortReach = 0x7fff;

const longJump = Class.Jmp32 | JumpOp.Ja;

/** Jumps by opcode and what is the opposite of each: bits 4 to 7. */
const opposites: Readonly<Record<number, number>> = {
  [JumpOp.Jeq]: JumpOp.Jne,
  [JumpOp.Jne]: JumpOp.Jeq,
  [JumpOp.Jgt]: JumpOp.Jle,
  [JumpOp.Jge]: JumpOp.Jlt,
  [JumpOp.Jlt]: JumpOp.Jge,
  [JumpOp.Jle]: JumpOp.Jgt,
  [JumpOp.Jsgt]: JumpOp.Jsle,
  [JumpOp.Jsge]: JumpOp.Jslt,
  [JumpOp.Jslt]: JumpOp.Jsge,
  [JumpOp.Jsle]: JumpOp.Jsgt,
};

/**
 * Fills in all distances.
 * @param starts index of the instruction that each block starts with
 * @throws what `refuse` makes of a jump that cannot reach its target
 */
export function settleDistances(
  fn: MachineFunction,
  draft: readonly DraftInstruction[],
  starts: ReadonlyMap<MachineBlock, number>,
  refuse: Refuse,
): EncodedFunction {
  const long = new Set<number>();
  let slots = slotsOf(draft, long);
  const distanceOf = (index: number): number => {
    const target = starts.get(draft[index]!.target!);
    if (target === undefined) throw new InternalError(`a jump in ${fn.name} leads to a block that is gone`);
    return slots[target]! - slots[index]! - slotCount(draft[index]!.insn);
  };
  // Each round makes more jumps long, and code longer, until all reach their targets.
  for (let grown = true; grown; ) {
    grown = false;
    for (const [index, one] of draft.entries()) {
      if (one.target === undefined || one.field === "imm" || long.has(index)) continue;
      const distance = distanceOf(index);
      if (distance >= -shortReach - 1 && distance <= shortReach) continue;
      if (!fn.features.v4 || !canBeLong(one.insn)) throw jumpTooFar(fn, one.location, refuse);
      long.add(index);
      grown = true;
    }
    if (grown) slots = slotsOf(draft, long);
  }
  const code = draft.flatMap((one, index): PlacedInstruction[] => {
    const { insn, location, relocation, target, field = "off" } = one;
    if (target === undefined) return [{ insn, location, relocation }];
    const distance = distanceOf(index);
    if (!long.has(index)) return [{ insn: { ...insn, [field]: distance }, location, relocation }];
    return lengthen(insn, distance).map((each) => ({ insn: each, location, relocation: undefined }));
  });
  return { code, slots: slots[draft.length]! };
}

/** The slot of each instruction, and behind the last one how many there are. */
function slotsOf(draft: readonly DraftInstruction[], long: ReadonlySet<number>): number[] {
  const slots: number[] = [];
  let slot = 0;
  for (const [index, { insn }] of draft.entries()) {
    slots.push(slot);
    slot += slotCount(insn) + (long.has(index) && !isGoto(insn) ? 1 : 0);
  }
  slots.push(slot);
  return slots;
}

function isGoto(insn: Instruction): boolean {
  return insn.opcode === (Class.Jmp | JumpOp.Ja);
}

function canBeLong(insn: Instruction): boolean {
  return isGoto(insn) || opposites[insn.opcode & 0xf0] !== undefined;
}

/** `gotol`, with the opposite condition around it where there is one. Distances count from the first instruction. */
function lengthen(insn: Instruction, distance: number): Instruction[] {
  const jump = { opcode: longJump, dst: 0, src: 0, off: 0, immHigh: 0 };
  if (isGoto(insn)) return [{ ...jump, imm: distance }];
  const opcode = (insn.opcode & 0x0f) | opposites[insn.opcode & 0xf0]!;
  return [
    { ...insn, opcode, off: 1 },
    { ...jump, imm: distance - 1 },
  ];
}

function jumpTooFar(fn: MachineFunction, location: number, refuse: Refuse): Error {
  return refuse(
    Refusal.JumpTooFar,
    `a jump in function ${fn.name} is further than 32767 instructions`,
    location,
    "Split the function, or build for -mcpu=v4, which has long jumps.",
  );
}
