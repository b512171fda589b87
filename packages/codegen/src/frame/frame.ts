/** The stack frame: places for variables and spills below r10, at most 512 bytes. */
import type { IrFunction } from "../ir/function.ts";
import type { IrModule } from "../ir/module.ts";
import type { FrameSlot, MachineFunction } from "../machine/machine-function.ts";
import { Refusal, refusal } from "../select/refuse.ts";

/** What the kernel gives a function (MAX_BPF_STACK in include/linux/filter.h). */
export const maxFrameBytes = 512;

/** How many slots the error names. */
const namedSlots = 3;

/**
 * Places the slots that the code uses, largest alignment first, so that little is lost to padding.
 * @throws BpfkitError CG102 where they do not fit; it names the function, the total and the biggest variables
 */
export function layOutFrame(module: IrModule, source: IrFunction, fn: MachineFunction): void {
  const used = usedSlots(fn);
  const order = [...used].sort(
    (left, right) => fn.slots[right]!.align - fn.slots[left]!.align || left - right,
  );
  let depth = 0;
  for (const index of order) {
    const slot = fn.slots[index]!;
    depth = Math.ceil((depth + slot.size) / slot.align) * slot.align;
    slot.offset = -depth;
  }
  if (depth <= maxFrameBytes) return;
  const sizes = order.map((index) => fn.slots[index]!).sort((left, right) => right.size - left.size);
  const biggest = sizes.slice(0, namedSlots).map(describe).join(", ");
  const place = sizes.find((slot) => slot.location >= 0)?.location ?? source.subprogram;
  throw refusal(
    module.metadata,
    Refusal.StackTooBig,
    `the stack of function ${fn.name} takes ${depth} bytes; BPF allows ${maxFrameBytes}. Biggest: ${biggest}`,
    place,
    "Move big variables to a per-CPU array map, or make them smaller.",
  );
}

function describe(slot: FrameSlot): string {
  const name = slot.isSpill ? "a spilled register" : slot.name === "" ? "a temporary" : `"${slot.name}"`;
  return `${name} (${slot.size} bytes)`;
}

function usedSlots(fn: MachineFunction): Set<number> {
  const used = new Set<number>();
  for (const block of fn.blocks) {
    for (const insn of block.instructions) {
      if (insn.slot >= 0) used.add(insn.slot);
      for (const operand of insn.assembly?.operands ?? []) if (operand.slot >= 0) used.add(operand.slot);
    }
  }
  return used;
}
