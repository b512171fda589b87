/** After allocation: moves and reloads of what a register holds already, tracked through blocks with one predecessor. */
import type { MachineBlock, MachineFunction } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import { instruction } from "../machine/machine-instruction.ts";
import { forEachDefinition, implicitDefinitions } from "../machine/operands.ts";
import type { Register } from "../machine/register.ts";
import { allocatableCount, noRegister } from "../machine/register.ts";

/** What is known at a point: each register's content by a number, equal numbers being equal contents. */
class Contents {
  readonly registers: number[];
  /** Content of each spill slot. */
  readonly slots: Map<number, number>;

  constructor(registers: readonly number[], slots: ReadonlyMap<number, number>) {
    this.registers = [...registers];
    this.slots = new Map(slots);
  }

  /** A register that holds a content; `noRegister` where none does. */
  holderOf(content: number): Register {
    return this.registers.indexOf(content);
  }
}

/** Numbers contents of one function. */
class Numbering {
  #next = 1;
  readonly #constants = new Map<string, number>();

  fresh(): number {
    return this.#next++;
  }

  constant(key: string): number {
    let content = this.#constants.get(key);
    if (content === undefined) {
      content = this.fresh();
      this.#constants.set(key, content);
    }
    return content;
  }
}

/** Removes what is redundant; returns whether anything was. Needs linked blocks, predecessors before successors. */
export function removeRedundantMoves(fn: MachineFunction): boolean {
  const numbering = new Numbering();
  const atEnd = new Map<MachineBlock, Contents>();
  let changed = false;
  for (const block of fn.blocks) {
    const only = block.predecessors.length === 1 ? block.predecessors[0]! : undefined;
    const inherited = only === undefined ? undefined : atEnd.get(only);
    const contents =
      inherited === undefined
        ? new Contents(
            Array.from({ length: allocatableCount }, () => numbering.fresh()),
            new Map(),
          )
        : new Contents(inherited.registers, inherited.slots);
    const kept: MachineInstruction[] = [];
    for (const insn of block.instructions) {
      const better = improve(fn, insn, contents, numbering);
      if (better !== insn) changed = true;
      if (better === undefined) continue;
      kept.push(better);
      record(fn, better, contents, numbering);
    }
    block.instructions = kept;
    atEnd.set(block, contents);
  }
  return changed;
}

/** The instruction to keep: itself, a cheaper one, or none. */
function improve(
  fn: MachineFunction,
  insn: MachineInstruction,
  contents: Contents,
  numbering: Numbering,
): MachineInstruction | undefined {
  const content = contentOf(fn, insn, contents, numbering);
  if (content !== undefined && content === contents.registers[insn.dst]) return undefined;
  if (content !== undefined && (isSpillLoad(fn, insn) || takesTwoSlots(insn))) {
    const holder = contents.holderOf(content);
    if (holder !== noRegister)
      return instruction("copy", { dst: insn.dst, a: holder, location: insn.location });
  }
  if (isSpillStore(fn, insn) && contents.slots.get(insn.slot) === contents.registers[insn.b])
    return undefined;
  return insn;
}

function takesTwoSlots(insn: MachineInstruction): boolean {
  return insn.opcode === "frame-address" || insn.opcode === "address" || insn.opcode === "load-imm64";
}

/** What the instruction puts into `dst`, where that is a known content. */
function contentOf(
  fn: MachineFunction,
  insn: MachineInstruction,
  contents: Contents,
  numbering: Numbering,
): number | undefined {
  if (insn.dst < 0 || insn.dst >= allocatableCount) return undefined;
  switch (insn.opcode) {
    case "copy":
      // A 32-bit copy clears the upper half or not, as suits: its content is not that of its source.
      return insn.width === 64 && insn.a < allocatableCount ? contents.registers[insn.a] : undefined;
    case "move": {
      const value = insn.width === 32 ? insn.imm >>> 0 : insn.imm;
      return numbering.constant(`${value}`);
    }
    case "load-imm64":
      return numbering.constant(`${insn.immHigh}:${insn.imm}`);
    case "address":
      return numbering.constant(`&${insn.symbol}`);
    case "frame-address":
      return numbering.constant(`slot${insn.slot}+${insn.offset}`);
    case "load":
      return isSpillLoad(fn, insn) ? contents.slots.get(insn.slot) : undefined;
    default:
      return undefined;
  }
}

function isSpillLoad(fn: MachineFunction, insn: MachineInstruction): boolean {
  return insn.opcode === "load" && insn.slot >= 0 && fn.slots[insn.slot]!.isSpill;
}

function isSpillStore(fn: MachineFunction, insn: MachineInstruction): boolean {
  return insn.opcode === "store" && insn.slot >= 0 && fn.slots[insn.slot]!.isSpill;
}

/** Updates what is known by an instruction that stays. */
function record(
  fn: MachineFunction,
  insn: MachineInstruction,
  contents: Contents,
  numbering: Numbering,
): void {
  const content = contentOf(fn, insn, contents, numbering);
  const clobbered = implicitDefinitions(insn);
  for (let register = 0; register < allocatableCount; register++) {
    if (((clobbered >> register) & 1) === 1) contents.registers[register] = numbering.fresh();
  }
  forEachDefinition(insn, (register) => {
    contents.registers[register] =
      register === insn.dst && content !== undefined ? content : numbering.fresh();
  });
  if (isSpillStore(fn, insn)) contents.slots.set(insn.slot, contents.registers[insn.b]!);
  else if (isSpillLoad(fn, insn)) contents.slots.set(insn.slot, contents.registers[insn.dst]!);
}
