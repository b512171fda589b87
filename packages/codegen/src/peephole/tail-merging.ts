/** Tail merging: blocks that end in the same instructions and go to the same place share them. */
import type { MachineBlock, MachineFunction } from "../machine/machine-function.ts";
import { firstTerminator } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import { instruction } from "../machine/machine-instruction.ts";

/** Blocks of one group that are compared with each other; more would take quadratic time. */
const maxGroup = 150;

/** Merges common tails; returns whether there were any. The frame must be laid out; blocks are linked afterwards. */
export function mergeTails(fn: MachineFunction): boolean {
  let changed = false;
  const groups = new Map<string, MachineBlock[]>();
  for (const block of fn.blocks) {
    const key = destinationKey(fn, block);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [block]);
    else group.push(block);
  }
  for (const group of groups.values()) {
    if (group.length > 1) changed = mergeGroup(fn, group) || changed;
  }
  if (changed) fn.linkBlocks();
  return changed;
}

/** Blocks with equal keys end in equal terminators, and in an equal instruction before them. */
function destinationKey(fn: MachineFunction, block: MachineBlock): string {
  const first = firstTerminator(block);
  const parts = block.instructions.slice(Math.max(0, first - 1)).map((insn) => keyOf(fn, insn));
  return first === 0 ? `${block.id}` : parts.join(";");
}

/** Text that is equal for instructions that do the same, whatever line of C they belong to. */
function keyOf(fn: MachineFunction, insn: MachineInstruction): string {
  // Frame slots are compared by place: different variables may share one.
  const offset = insn.slot >= 0 ? `f${fn.slots[insn.slot]!.offset + insn.offset}` : `${insn.offset}`;
  if (insn.assembly !== undefined) return `unique${fn.newRegister()}`;
  const operation = `${insn.opcode},${insn.operation},${insn.width},${insn.size},${insn.signed},${insn.fetch}`;
  const registers = `${insn.dst},${insn.a},${insn.b}`;
  const rest = `${insn.imm},${insn.immHigh},${insn.symbol},${insn.target?.id},${insn.argumentMask}`;
  return `${operation},${registers},${offset},${rest}`;
}

function mergeGroup(fn: MachineFunction, group: readonly MachineBlock[]): boolean {
  const open = group.slice(0, maxGroup).map((block) => ({
    block,
    keys: block.instructions.map((insn) => keyOf(fn, insn)),
  }));
  let changed = false;
  while (open.length > 1) {
    const best = longestTail(open);
    if (best === undefined) break;
    const sharers = open.filter((one) => commonTail(one.keys, best.keys) >= best.length);
    shareTail(
      fn,
      sharers.map((one) => one.block),
      best.length,
    );
    changed = true;
    for (const sharer of sharers) open.splice(open.indexOf(sharer), 1);
  }
  return changed;
}

interface Candidate {
  readonly block: MachineBlock;
  readonly keys: readonly string[];
}

/** The block and the length of the longest tail that two blocks have in common. */
function longestTail(open: readonly Candidate[]): { keys: readonly string[]; length: number } | undefined {
  let best: { keys: readonly string[]; length: number } | undefined;
  for (let left = 0; left < open.length; left++) {
    for (let right = left + 1; right < open.length; right++) {
      const { block, keys } = open[left]!;
      const length = commonTail(keys, open[right]!.keys);
      const terminators = block.instructions.length - firstTerminator(block);
      if (length > terminators && length > (best?.length ?? 0)) best = { keys, length };
    }
  }
  return best;
}

function commonTail(left: readonly string[], right: readonly string[]): number {
  let length = 0;
  const limit = Math.min(left.length, right.length);
  while (length < limit && left[left.length - 1 - length] === right[right.length - 1 - length]) length++;
  return length;
}

/** Lets the blocks go on in one block with the last `length` instructions. */
function shareTail(fn: MachineFunction, blocks: readonly MachineBlock[], length: number): void {
  const whole = blocks.find((block) => block.instructions.length === length && block !== fn.blocks[0]);
  const target = whole ?? splitOff(fn, blocks[blocks.length - 1]!, length);
  for (const block of blocks) {
    if (block === target) continue;
    // The block that was split has its goto already.
    if (whole === undefined && block === blocks[blocks.length - 1]) continue;
    const location = block.instructions[block.instructions.length - length]?.location ?? -1;
    block.instructions.length -= length;
    block.instructions.push(instruction("goto", { target, location }));
  }
}

function splitOff(fn: MachineFunction, block: MachineBlock, length: number): MachineBlock {
  const tail = fn.newBlock();
  tail.loopDepth = block.loopDepth;
  tail.instructions = block.instructions.splice(block.instructions.length - length);
  block.instructions.push(
    instruction("goto", { target: tail, location: tail.instructions[0]?.location ?? -1 }),
  );
  fn.blocks.splice(fn.blocks.indexOf(block) + 1, 0, tail);
  return tail;
}
