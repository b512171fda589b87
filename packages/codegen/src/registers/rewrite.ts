/** The end of register allocation: physical registers in the instructions, reloads and spills between them. */
import { InternalError } from "@bpfkit/base/diagnostics";
import type { MachineBlock } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import { instruction, isTerminator } from "../machine/machine-instruction.ts";
import { forEachDefinition, mapDefinitions, mapUses } from "../machine/operands.ts";
import type { Register } from "../machine/register.ts";
import { firstVirtual, framePointer, noRegister } from "../machine/register.ts";
import type { Allocation } from "./allocate.ts";
import type { LiveInterval } from "./live-interval.ts";
import { colourSlots } from "./spill-slots.ts";

/** Code to go before and after instructions, by index. */
type Inserted = Map<number, MachineInstruction[]>;

/** Rewrites the function in place; afterwards it has no virtual registers. */
export function rewrite(allocation: Allocation): void {
  const slots = colourSlots(allocation);
  const before: Inserted = new Map();
  const after: Inserted = new Map();
  insertReloads(allocation, slots, before);
  insertSpills(allocation, slots, after);
  const { byRegister, positions } = allocation.intervals;
  const change = (register: Register): Register => {
    if (register < firstVirtual) return register;
    const assigned = byRegister[register]?.assigned ?? noRegister;
    // A register that is read but never written: any will do, as its content is undefined.
    return assigned === noRegister ? 0 : assigned;
  };
  const heads: { readonly block: MachineBlock; readonly code: readonly MachineInstruction[] }[] = [];
  for (const block of allocation.fn.blocks) {
    const code: MachineInstruction[] = [];
    let index = positions.firstIndex[block.id]!;
    for (const insn of block.instructions) {
      index++;
      for (const inserted of before.get(index) ?? []) code.push(inserted);
      const late = after.get(index) ?? [];
      if (!allocation.dropped.has(index)) {
        mapUses(insn, change);
        mapDefinitions(insn, change);
        if (insn.opcode !== "copy" || insn.dst !== insn.a) code.push(insn);
      }
      // Behind `asm goto` each way out has a block of its own, in which outputs go to the stack.
      if (late.length > 0 && isTerminator(insn)) {
        for (const way of block.successors) heads.push({ block: way, code: late });
      } else for (const inserted of late) code.push(inserted);
    }
    block.instructions = code;
  }
  for (const { block, code } of heads) {
    if (block.predecessors.length > 1)
      throw new InternalError("asm goto leads into a block with other ways in");
    block.instructions = [...code.map((insn) => ({ ...insn })), ...block.instructions];
  }
}

function insertReloads(
  allocation: Allocation,
  slots: ReadonlyMap<LiveInterval, number>,
  before: Inserted,
): void {
  for (const [interval, indices] of allocation.reloads) {
    for (const index of indices) {
      const constant = allocation.constants.get(interval);
      const location = allocation.intervals.positions.instructions[index]?.location ?? -1;
      const code =
        constant === undefined
          ? instruction("load", { dst: interval.assigned, slot: slotOf(slots, interval), location })
          : { ...constant, dst: interval.assigned, location };
      add(before, index, code);
    }
  }
}

function insertSpills(
  allocation: Allocation,
  slots: ReadonlyMap<LiveInterval, number>,
  after: Inserted,
): void {
  const { byRegister, positions } = allocation.intervals;
  for (const [original, indices] of allocation.spills) {
    for (const index of indices) {
      const insn = positions.instructions[index]!;
      forEachDefinition(insn, (register) => {
        const interval = byRegister[register];
        if (interval?.original !== original) return;
        const fields = { b: interval.assigned, slot: slotOf(slots, interval), location: insn.location };
        add(after, index, instruction("store", fields));
      });
    }
  }
}

function slotOf(slots: ReadonlyMap<LiveInterval, number>, interval: LiveInterval): number {
  const slot = slots.get(interval.original);
  if (slot === undefined)
    throw new InternalError(`a piece of register ${interval.original.register} has no slot`);
  return slot;
}

function add(inserted: Inserted, index: number, insn: MachineInstruction): void {
  if (insn.dst === framePointer) throw new InternalError("the frame pointer cannot be written");
  const list = inserted.get(index);
  if (list === undefined) inserted.set(index, [insn]);
  else list.push(insn);
}
