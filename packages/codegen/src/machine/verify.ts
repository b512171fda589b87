/** Checks what machine code must fulfil between passes. For tests: passes rely on it and do not look themselves. */
import { dominatorTree } from "../analysis/dominators.ts";
import type { MachineBlock, MachineFunction } from "./machine-function.ts";
import { firstTerminator, targetsOf } from "./machine-function.ts";
import type { MachineInstruction } from "./machine-instruction.ts";
import { isTerminator } from "./machine-instruction.ts";
import { forEachDefinition, forEachUse, implicitDefinitions, implicitUses } from "./operands.ts";
import { printMachineInstruction } from "./print.ts";
import type { Register } from "./register.ts";
import { framePointer, isVirtual, noRegister } from "./register.ts";

/**
 * What a function has come to: virtual registers that are written once; physical registers and no phis; jumps and
 * fall-through as they are encoded.
 */
export type MachineStage = "ssa" | "allocated" | "settled";

/** r1 to r5, where parameters come in, and the frame pointer. */
const entryRegisters = 0b11_1110 | (1 << framePointer);

/** What is wrong with a function, a line per problem; empty where nothing is. */
export function machineProblems(fn: MachineFunction, stage: MachineStage): string[] {
  const check = new MachineCheck(fn, stage);
  check.run();
  return check.problems;
}

class MachineCheck {
  readonly problems: string[] = [];
  readonly #fn: MachineFunction;
  readonly #stage: MachineStage;
  readonly #successors: readonly (readonly MachineBlock[])[];
  readonly #indices: ReadonlyMap<MachineBlock, number>;

  constructor(fn: MachineFunction, stage: MachineStage) {
    this.#fn = fn;
    this.#stage = stage;
    this.#indices = new Map(fn.blocks.map((block, index) => [block, index]));
    this.#successors = fn.blocks.map((block, index) => this.#successorsOf(block, index));
  }

  run(): void {
    for (const [index, block] of this.#fn.blocks.entries()) this.#checkBlock(block, index);
    if (this.problems.length > 0) return;
    if (this.#stage === "ssa") this.#checkSingleDefinitions();
    else this.#checkWrittenRegisters();
  }

  /** Blocks that jumps lead to; in settled code also the one that follows. Not what the function has linked. */
  #successorsOf(block: MachineBlock, index: number): MachineBlock[] {
    const targets = targetsOf(block);
    const last = block.instructions[block.instructions.length - 1];
    const falls = this.#stage === "settled" && last?.opcode !== "goto" && last?.opcode !== "return";
    const next = this.#fn.blocks[index + 1];
    if (falls && next !== undefined && !targets.includes(next)) targets.push(next);
    return targets;
  }

  #say(block: MachineBlock, insn: MachineInstruction | undefined, problem: string): void {
    const where = insn === undefined ? "" : ` "${printMachineInstruction(insn)}"`;
    this.problems.push(`${this.#fn.name}, b${block.id}${where}: ${problem}`);
  }

  #checkBlock(block: MachineBlock, index: number): void {
    const end = firstTerminator(block);
    for (const [at, insn] of block.instructions.entries()) {
      if (at < end && isTerminator(insn)) this.#say(block, insn, "a jump in the middle of its block");
      this.#checkInstruction(block, insn);
    }
    const last = block.instructions[block.instructions.length - 1];
    const ends = last?.opcode === "goto" || last?.opcode === "return";
    const isLast = index === this.#fn.blocks.length - 1;
    if (!ends && (this.#stage !== "settled" || isLast)) this.#say(block, last, "the block has no end");
    for (const target of this.#successors[index] ?? []) {
      if (!this.#indices.has(target)) this.#say(block, last, `it goes to b${target.id}, which is gone`);
    }
    this.#checkPhis(block, index);
  }

  #checkPhis(block: MachineBlock, index: number): void {
    if (block.phis.length > 0 && this.#stage !== "ssa") this.#say(block, undefined, "phis after allocation");
    const predecessors = this.#fn.blocks.filter((_, at) => this.#successors[at]?.includes(block));
    if (index === 0 && predecessors.length > 0) this.#say(block, undefined, "the first block is jumped to");
    for (const phi of block.phis) {
      const ways = new Set(phi.incoming.map((way) => way.block));
      const same = ways.size === predecessors.length && predecessors.every((one) => ways.has(one));
      if (!same || ways.size !== phi.incoming.length)
        this.#say(block, undefined, `the phi of %${phi.dst} has other ways in than the block`);
    }
  }

  #checkInstruction(block: MachineBlock, insn: MachineInstruction): void {
    const say = (problem: string): void => this.#say(block, insn, problem);
    forEachDefinition(insn, (register) => {
      if (register === framePointer) say("the frame pointer is written");
    });
    if (this.#stage !== "ssa") {
      forEachDefinition(insn, (register) => isVirtual(register) && say(`%${register} has no register`));
      forEachUse(insn, (register) => isVirtual(register) && say(`%${register} has no register`));
      const tied = ["alu", "negate", "swap"].includes(insn.opcode)
        ? insn.a
        : insn.fetch && insn.opcode === "atomic"
          ? insn.b
          : insn.dst;
      if (tied !== insn.dst) say("the result is in another register than the operand it replaces");
    }
    if (insn.slot >= this.#fn.slots.length) say(`there is no slot ${insn.slot}`);
    if (![1, 2, 4, 8].includes(insn.size)) say(`an access of ${insn.size} bytes`);
    if (insn.imm !== (insn.imm | 0) && insn.imm !== insn.imm >>> 0) say(`${insn.imm} does not fit 32 bits`);
    if (insn.offset < -0x8000 || insn.offset > 0x7fff) {
      // The place of a slot is added to its offset later.
      if (insn.slot < 0) say(`the offset ${insn.offset} does not fit 16 bits`);
    }
    this.#checkLevel(insn, say);
  }

  /** Instructions that the level has not. */
  #checkLevel(insn: MachineInstruction, say: (problem: string) => void): void {
    const { features } = this.#fn;
    const narrow = insn.width === 32 && ["alu", "negate", "branch", "zero-extend"].includes(insn.opcode);
    if (narrow && !features.alu32) say("w registers come with v3");
    const isNew =
      insn.opcode === "sign-extend" ||
      (insn.opcode === "load" && (insn.signed || insn.fetch)) ||
      (insn.opcode === "store" && (insn.b === noRegister || insn.fetch)) ||
      insn.operation === "sdiv" ||
      insn.operation === "smod" ||
      insn.operation === "bswap";
    if (isNew && !features.v4) say("it comes with v4");
    const lacking = insn.opcode === "branch" && ["ult", "ule", "slt", "sle"].includes(insn.operation);
    if (lacking && !features.lessThanJumps) say("less-than jumps come with v2");
  }

  /** Every virtual register is written once, and read only behind that. */
  #checkSingleDefinitions(): void {
    const places = new Map<Register, { readonly block: number; readonly at: number }>();
    const define = (register: Register, block: number, at: number): void => {
      if (!isVirtual(register)) return;
      if (places.has(register)) this.problems.push(`${this.#fn.name}: %${register} is written twice`);
      places.set(register, { block, at });
    };
    for (const [index, block] of this.#fn.blocks.entries()) {
      for (const phi of block.phis) define(phi.dst, index, -1);
      for (const [at, insn] of block.instructions.entries())
        forEachDefinition(insn, (register) => define(register, index, at));
    }
    const dominates = this.#dominance();
    // What is written nowhere is undefined, and may be read.
    const reaches = (register: Register, block: number, at: number): boolean => {
      const place = places.get(register);
      if (place === undefined) return true;
      return place.block === block ? place.at < at : dominates(place.block, block);
    };
    for (const [index, block] of this.#fn.blocks.entries()) {
      for (const phi of block.phis) {
        for (const way of phi.incoming) {
          const from = this.#indices.get(way.block) ?? 0;
          if (!reaches(way.register, from, Number.MAX_SAFE_INTEGER))
            this.#say(block, undefined, `the phi of %${phi.dst} reads %${way.register} before it is written`);
        }
      }
      for (const [at, insn] of block.instructions.entries()) {
        forEachUse(insn, (register) => {
          if (!reaches(register, index, at))
            this.#say(block, insn, `%${register} is read before it is written`);
        });
      }
    }
  }

  #dominance(): (above: number, below: number) => boolean {
    const predecessors: number[][] = this.#fn.blocks.map(() => []);
    // The tree wants blocks in reverse postorder, which the function's own order need not be.
    const order: number[] = [];
    const seen = new Set([0]);
    const stack = [{ index: 0, next: [...(this.#successors[0] ?? [])] }];
    for (let top = stack[stack.length - 1]; top !== undefined; top = stack[stack.length - 1]) {
      const block = top.next.pop();
      if (block === undefined) {
        order.push(top.index);
        stack.pop();
        continue;
      }
      const index = this.#indices.get(block) as number;
      if (seen.has(index)) continue;
      seen.add(index);
      stack.push({ index, next: [...(this.#successors[index] ?? [])] });
    }
    order.reverse();
    const numbers = new Map(order.map((index, number) => [index, number]));
    for (const index of order) {
      for (const block of this.#successors[index] ?? []) {
        const to = numbers.get(this.#indices.get(block) as number) as number;
        predecessors[to]!.push(numbers.get(index) as number);
      }
    }
    const tree = dominatorTree(predecessors.slice(0, order.length));
    return (above, below) => {
      const top = numbers.get(above);
      let at = numbers.get(below);
      if (top === undefined || at === undefined) return true;
      while (at > top) at = tree[at] as number;
      return at === top;
    };
  }

  /** Physical registers are read only where every way to there has written them. */
  #checkWrittenRegisters(): void {
    const count = this.#fn.blocks.length;
    const everything = 0x7ff;
    const before = new Int32Array(count).fill(everything);
    if (count > 0) before[0] = entryRegisters;
    for (let changed = true; changed; ) {
      changed = false;
      for (const [index, block] of this.#fn.blocks.entries()) {
        const after = block.instructions.reduce(
          (written, insn) => writtenAfter(insn, written),
          before[index]!,
        );
        for (const successor of this.#successors[index] ?? []) {
          const to = this.#indices.get(successor) as number;
          const met = before[to]! & after;
          if (met === before[to]) continue;
          before[to] = met;
          changed = true;
        }
      }
    }
    for (const [index, block] of this.#fn.blocks.entries()) {
      let written = before[index]!;
      for (const insn of block.instructions) {
        let read = implicitUses(insn);
        forEachUse(insn, (register) => {
          read |= 1 << register;
        });
        for (let register = 0; register <= framePointer; register++) {
          if (((read & ~written) >> register) & 1)
            this.#say(block, insn, `r${register} is read before it is written`);
        }
        written = writtenAfter(insn, written);
      }
    }
  }
}

/** The registers that hold something after an instruction; calls destroy r1 to r5 and set r0. */
function writtenAfter(insn: MachineInstruction, before: number): number {
  let written = before & ~implicitDefinitions(insn);
  forEachDefinition(insn, (register) => {
    written |= 1 << register;
  });
  const setsResult =
    insn.opcode === "call" || insn.opcode === "load-packet" || insn.opcode === "compare-exchange";
  return setsResult ? written | 1 : written;
}
