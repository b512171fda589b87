/** Builds live intervals of virtual registers and the fixed ranges of physical ones. */
import { livenessOf } from "../analysis/liveness.ts";
import type { MachineBlock, MachineFunction } from "../machine/machine-function.ts";
import type { MachineInstruction } from "../machine/machine-instruction.ts";
import { isRematerialisable } from "../machine/machine-instruction.ts";
import { forEachDefinition, forEachUse, implicitDefinitions, implicitUses } from "../machine/operands.ts";
import type { Register } from "../machine/register.ts";
import { allocatableCount, firstVirtual } from "../machine/register.ts";
import { LiveInterval, Values } from "./live-interval.ts";
import type { Positions } from "./positions.ts";
import { earlyAt, numberPositions, step, writeAt } from "./positions.ts";

/** Everything the allocator knows about a function. */
export interface Intervals {
  readonly positions: Positions;
  /** By register; holes for registers that do not occur. */
  readonly byRegister: (LiveInterval | undefined)[];
  readonly values: Values;
  /** Ranges in which a physical register is taken, by register: pairs of start and end. */
  readonly fixed: readonly number[][];
}

/** Computes intervals of code without phis. Needs linked blocks. */
export function buildIntervals(fn: MachineFunction): Intervals {
  return new Builder(fn).build();
}

class Builder {
  readonly #fn: MachineFunction;
  readonly #positions: Positions;
  readonly #intervals: (LiveInterval | undefined)[] = [];
  readonly #values = new Values();
  readonly #fixed: number[][] = Array.from({ length: allocatableCount }, () => []);
  /** Number of instructions that write each register. */
  readonly #writes: Int32Array;
  /** Value of registers written once. */
  readonly #onlyValue: Int32Array;
  /** Start, last read and value of what each register holds now; start is -1 where it is dead. */
  readonly #start: Int32Array;
  readonly #lastRead: Int32Array;
  readonly #value: Int32Array;

  constructor(fn: MachineFunction) {
    this.#fn = fn;
    this.#positions = numberPositions(fn);
    const limit = fn.registerLimit;
    this.#writes = new Int32Array(limit);
    this.#onlyValue = new Int32Array(limit).fill(-1);
    this.#start = new Int32Array(limit).fill(-1);
    this.#lastRead = new Int32Array(limit);
    this.#value = new Int32Array(limit);
  }

  build(): Intervals {
    this.#countWrites();
    const liveness = livenessOf(this.#fn);
    for (const block of this.#fn.blocks) {
      this.#scanBlock(block, liveness.liveIn[block.id]!, liveness.liveOut[block.id]!);
    }
    return {
      positions: this.#positions,
      byRegister: this.#intervals,
      values: this.#values,
      fixed: this.#fixed,
    };
  }

  #countWrites(): void {
    const constants = new Int8Array(this.#fn.registerLimit);
    for (const block of this.#fn.blocks) {
      for (const insn of block.instructions) {
        forEachDefinition(insn, (register) => {
          this.#writes[register]!++;
          if (register >= firstVirtual && isRematerialisable(insn)) constants[register] = 1;
        });
      }
    }
    for (let register = firstVirtual; register < this.#fn.registerLimit; register++) {
      if (this.#writes[register] === 1 && constants[register] === 1) this.#of(register).isConstant = true;
    }
  }

  #of(register: Register): LiveInterval {
    let interval = this.#intervals[register];
    if (interval === undefined) {
      interval = new LiveInterval(register);
      this.#intervals[register] = interval;
    }
    return interval;
  }

  #scanBlock(block: MachineBlock, liveIn: readonly Register[], liveOut: readonly Register[]): void {
    const first = this.#positions.firstIndex[block.id]!;
    const end = this.#positions.endIndex[block.id]!;
    const touched: Register[] = [];
    for (const register of liveIn) {
      this.#start[register] = first * step;
      this.#lastRead[register] = first * step;
      this.#value[register] = this.#valueAtStart(register);
      touched.push(register);
    }
    for (let index = first + 1; index < end; index++) {
      this.#scanInstruction(this.#positions.instructions[index]!, index, touched);
    }
    for (const register of liveOut) this.#lastRead[register] = end * step;
    for (const register of touched) this.#close(register);
    for (let register = 0; register < allocatableCount; register++) this.#close(register);
  }

  #valueAtStart(register: Register): number {
    if (this.#writes[register] !== 1) return this.#values.create();
    return this.#single(register);
  }

  #single(register: Register): number {
    if (this.#onlyValue[register]! < 0) this.#onlyValue[register] = this.#values.create();
    return this.#onlyValue[register]!;
  }

  #scanInstruction(insn: MachineInstruction, index: number, touched: Register[]): void {
    const read = index * step + writeAt;
    const visitRead = (register: Register): void => {
      if (register >= firstVirtual) this.#note(register, index);
      else if (register >= allocatableCount) return;
      // Parameters: read without having been written.
      if (this.#start[register]! < 0 && register < firstVirtual) {
        this.#start[register] = this.#positions.firstIndex[this.#positions.blockAt[index]!.id]! * step;
      }
      this.#lastRead[register] = read;
    };
    forEachUse(insn, visitRead);
    forEachBit(implicitUses(insn), visitRead);
    // A 32-bit copy may clear the upper half: what it makes is not what it takes.
    const equal = insn.opcode === "copy" && insn.width === 64;
    const source = equal && insn.a >= firstVirtual ? this.#value[insn.a]! : -1;
    // Inline assembly may destroy its clobbers before it reads its inputs, and after it wrote its outputs.
    const destroyed = index * step + (insn.assembly === undefined ? writeAt : earlyAt);
    forEachBit(implicitDefinitions(insn), (register) => {
      this.#open(register, destroyed, -1);
      this.#lastRead[register] = read + 1;
    });
    if (insn.assembly !== undefined) this.#openOutputs(insn, index, touched);
    if (insn.dst < 0) return;
    if (insn.dst >= firstVirtual) {
      this.#note(insn.dst, index);
      touched.push(insn.dst);
    }
    this.#open(insn.dst, read, source);
  }

  #openOutputs(insn: MachineInstruction, index: number, touched: Register[]): void {
    for (const operand of insn.assembly?.operands ?? []) {
      if (!operand.isOutput || operand.register < firstVirtual) continue;
      this.#note(operand.register, index);
      touched.push(operand.register);
      const tied = insn.assembly?.operands.some((one) => !one.isOutput && one.register === operand.register);
      // Several outputs or an early one: keep clear of the inputs.
      this.#open(operand.register, index * step + (tied ? writeAt : earlyAt), -1);
    }
  }

  #note(register: Register, index: number): void {
    const { occurrences } = this.#of(register);
    if (occurrences[occurrences.length - 1] !== index) occurrences.push(index);
  }

  /** Ends what the register held and starts a new value. */
  #open(register: Register, position: number, copied: number): void {
    this.#close(register);
    this.#start[register] = position;
    this.#lastRead[register] = position + 1;
    if (register < firstVirtual) return;
    const value = this.#writes[register] === 1 ? this.#single(register) : this.#values.create();
    this.#value[register] = value;
    if (copied >= 0) this.#values.unite(value, copied);
  }

  #close(register: Register): void {
    const start = this.#start[register]!;
    if (start < 0) return;
    this.#start[register] = -1;
    const end = this.#lastRead[register]!;
    if (end <= start) return;
    if (register >= firstVirtual) this.#of(register).append(start, end, this.#value[register]!);
    else if (register < allocatableCount) this.#fixed[register]!.push(start, end);
  }
}

function forEachBit(mask: number, visit: (register: Register) => void): void {
  for (let register = 0, rest = mask; rest !== 0; register++, rest >>>= 1) {
    if ((rest & 1) !== 0) visit(register);
  }
}
