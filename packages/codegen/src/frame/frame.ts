/** The stack frame: places for variables and spills below r10, at most 512 bytes. */
import type { Diagnostic } from "@bpfkit/base/diagnostics";
import type { IrFunction } from "../ir/function.ts";
import type { IrModule } from "../ir/module.ts";
import type { FrameSlot, MachineFunction } from "../machine/machine-function.ts";
import { Refusal, refusal, sourceRangeOf } from "../select/refuse.ts";
import type { SlotConflicts } from "./slot-lifetimes.ts";
import { findSlotConflicts, mentions } from "./slot-lifetimes.ts";

/** What the kernel gives a function (MAX_BPF_STACK in include/linux/filter.h). */
export const maxFrameBytes = 512;

/** How many slots the error names. */
const namedSlots = 3;

/**
 * Places the slots that the code uses, largest alignment first, so that little is lost to padding; variables that are
 * never alive together share their place. Lifetime markers are dropped. Needs linked blocks.
 * @throws BpfkitError CG102 where they do not fit; it names the function, the total and the biggest variables
 */
export function layOutFrame(module: IrModule, source: IrFunction, fn: MachineFunction): void {
  const used = usedSlots(fn);
  const variables = used.filter((index) => !fn.slots[index]!.isSpill);
  const conflicts = findSlotConflicts(fn, variables);
  const order = [...used].sort(
    (left, right) => compareSlots(fn.slots[left]!, fn.slots[right]!) || left - right,
  );
  const placed: number[] = [];
  for (const index of order) {
    fn.slots[index]!.offset = -depthFor(fn, index, placed, conflicts);
    placed.push(index);
  }
  dropLifetimes(fn);
  const depth = Math.max(0, ...used.map((index) => -fn.slots[index]!.offset));
  if (depth > maxFrameBytes) throw tooBig(module, source, fn, order, depth);
}

/** Variables before spills, large alignments first, then large sizes. */
function compareSlots(left: FrameSlot, right: FrameSlot): number {
  if (left.isSpill !== right.isSpill) return left.isSpill ? 1 : -1;
  return right.align - left.align || right.size - left.size;
}

/** The smallest depth at which a slot overlaps none of those placed that live at the same time. */
function depthFor(
  fn: MachineFunction,
  index: number,
  placed: readonly number[],
  conflicts: SlotConflicts,
): number {
  const slot = fn.slots[index]!;
  // An empty variable has an address too, which must lie inside the frame.
  const size = Math.max(1, slot.size);
  const taken = placed
    .filter((other) => slot.isSpill || fn.slots[other]!.isSpill || conflicts.conflict(index, other))
    .map((other) => ({
      from: -fn.slots[other]!.offset - fn.slots[other]!.size,
      to: -fn.slots[other]!.offset,
    }))
    .sort((left, right) => left.from - right.from);
  let depth = alignUp(size, slot.align);
  for (const range of taken) {
    if (range.from < depth && depth - size < range.to) depth = alignUp(range.to + size, slot.align);
  }
  return depth;
}

function alignUp(value: number, align: number): number {
  return Math.ceil(value / align) * align;
}

function tooBig(
  module: IrModule,
  source: IrFunction,
  fn: MachineFunction,
  order: readonly number[],
  depth: number,
): Error {
  const sizes = order.map((index) => fn.slots[index]!).sort((left, right) => right.size - left.size);
  const biggest = sizes.slice(0, namedSlots);
  const blamed = biggest.find((slot) => slot.location >= 0);
  const notes = biggest.flatMap((slot): Diagnostic[] => {
    const range = slot === blamed ? undefined : sourceRangeOf(module.metadata, slot.location);
    const message = `${describe(slot)} is here`;
    return range === undefined ? [] : [{ severity: "note", code: Refusal.StackTooBig, message, range }];
  });
  return refusal(
    module.metadata,
    Refusal.StackTooBig,
    `the stack of function ${fn.name} takes ${depth} bytes; BPF allows ${maxFrameBytes}. Biggest: ${biggest.map(describe).join(", ")}`,
    blamed?.location ?? source.subprogram,
    "Move big variables to a per-CPU array map, or make them smaller.",
    notes,
  );
}

function describe(slot: FrameSlot): string {
  const name = slot.isSpill ? "a spilled register" : slot.name === "" ? "a temporary" : `"${slot.name}"`;
  return `${name} (${slot.size} bytes)`;
}

function usedSlots(fn: MachineFunction): number[] {
  const used = new Set<number>();
  for (const block of fn.blocks) {
    for (const insn of block.instructions) {
      if (insn.opcode === "lifetime-start" || insn.opcode === "lifetime-end") continue;
      for (const slot of mentions(insn)) used.add(slot);
    }
  }
  return [...used];
}

function dropLifetimes(fn: MachineFunction): void {
  for (const block of fn.blocks) {
    block.instructions = block.instructions.filter(
      (insn) => insn.opcode !== "lifetime-start" && insn.opcode !== "lifetime-end",
    );
  }
}
