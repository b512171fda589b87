/** Random BPF programs from a seed: every operation, any control flow, mostly valid memory accesses. */
import { AluOp, AtomicOp, Class, type Instruction, JumpOp, Mode, Size, Source } from "@bpfkit/elf/isa";

/** A small generator of numbers (xorshift32); the same everywhere. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e37_79b1) | 1;
    for (let i = 0; i < 4; i++) this.bits();
  }

  /** 32 random bits, signed. */
  bits(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x;
  }

  /** 0 .. limit - 1. */
  below(limit: number): number {
    return (this.bits() >>> 0) % limit;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** True once in `n`. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }
}

/** Bytes of context that the programs expect. */
export const CONTEXT_BYTES = 128;

const aluOps = [
  AluOp.Add, AluOp.Sub, AluOp.Mul, AluOp.Div, AluOp.Or, AluOp.And, AluOp.Lsh, AluOp.Rsh, AluOp.Neg,
  AluOp.Mod, AluOp.Xor, AluOp.Mov, AluOp.Arsh, AluOp.End,
];
const jumpOps = [
  JumpOp.Jeq, JumpOp.Jgt, JumpOp.Jge, JumpOp.Jset, JumpOp.Jne, JumpOp.Jsgt, JumpOp.Jsge, JumpOp.Jlt,
  JumpOp.Jle, JumpOp.Jslt, JumpOp.Jsle,
];
const atomicOps = Object.values(AtomicOp);
const orderedOps: readonly number[] = [AtomicOp.LoadAcquire, AtomicOp.StoreRelease];
const sizes = [Size.B, Size.H, Size.W, Size.DW];
const widths = new Map<number, number>([[Size.B, 1], [Size.H, 2], [Size.W, 4], [Size.DW, 8]]);
const interesting = [0, 1, -1, 2, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 0x7fff_ffff, -0x8000_0000];

/** Bytes of each frame that are used. */
const STACK_BYTES = 64;

function insn(opcode: number, fields: Partial<Instruction> = {}): Instruction {
  return { opcode, dst: 0, src: 0, off: 0, imm: 0, immHigh: 0, ...fields };
}

/** One function of a random program. */
class FunctionMaker {
  readonly #dice: Dice;
  readonly #callees: number;
  readonly #list: Instruction[] = [];
  /** Indices in the list of calls, with the number of the callee. */
  readonly calls: { at: number; callee: number }[] = [];

  constructor(dice: Dice, callees: number) {
    this.#dice = dice;
    this.#callees = callees;
  }

  /** `entry`: r9 keeps the context and, at the end, all registers are stored there. */
  make(entry: boolean): Instruction[] {
    const dice = this.#dice;
    if (entry) this.#list.push(insn(Class.Alu64 | AluOp.Mov | Source.X, { dst: 9, src: 1 }));
    for (let register = entry ? 1 : 6; register < 9; register++) this.#constant(register);
    this.#constant(0);
    const count = 3 + dice.below(40);
    const first = this.#list.length;
    for (let i = 0; i < count; i++) this.#random(entry, first + i, first + count);
    if (entry) {
      for (let register = 0; register < 9; register++) {
        const opcode = Class.Stx | Mode.Mem | Size.DW;
        this.#list.push(insn(opcode, { dst: 9, src: register, off: register * 8 }));
      }
    }
    this.#list.push(insn(Class.Jmp | JumpOp.Exit));
    return this.#list;
  }

  #constant(register: number): void {
    const [imm, immHigh] = [this.#number(), this.#number()];
    this.#list.push(insn(0x18, { dst: register, imm, immHigh }));
  }

  #number(): number {
    return this.#dice.oneIn(2) ? this.#dice.pick(interesting) : this.#dice.bits();
  }

  /** r0 to r8: r9 and r10 stay what they are. */
  #register(): number {
    return this.#dice.below(9);
  }

  #random(entry: boolean, index: number, end: number): void {
    const roll = this.#dice.below(100);
    if (roll < 45) this.#alu();
    else if (roll < 65) this.#jump(index, end);
    else if (roll < 90) this.#memory(entry);
    else if (roll < 94 && this.#callees > 0) {
      this.calls.push({ at: this.#list.length, callee: this.#dice.below(this.#callees) });
      this.#list.push(insn(Class.Jmp | JumpOp.Call, { src: 1 }));
    } else this.#list.push(insn(0x18, { dst: this.#register(), imm: this.#number(), immHigh: this.#number() }));
  }

  #alu(): void {
    const dice = this.#dice;
    const operation = dice.pick(aluOps);
    const wide = dice.oneIn(2);
    // Right after a copy of r10, adding a constant would make a stack address, however far away.
    const register = dice.oneIn(2) || this.#list.at(-1)?.src === 10;
    const family = wide ? Class.Alu64 : Class.Alu;
    const dst = this.#register();
    if (operation === AluOp.End) {
      const source = wide || dice.oneIn(2) ? Source.K : Source.X;
      this.#list.push(insn(family | operation | source, { dst, imm: dice.pick([16, 32, 64]) }));
    } else if (operation === AluOp.Neg) this.#list.push(insn(family | operation, { dst }));
    else {
      const source = register ? Source.X : Source.K;
      const division = operation === AluOp.Div || operation === AluOp.Mod;
      let off = division && dice.oneIn(2) ? 1 : 0;
      if (operation === AluOp.Mov && register && dice.oneIn(2)) off = dice.pick(wide ? [8, 16, 32] : [8, 16]);
      const operand = register
        ? { src: dice.oneIn(20) ? 10 : this.#register() }
        : { imm: this.#number() };
      this.#list.push(insn(family | operation | source, { dst, off, ...operand }));
    }
  }

  /** Targets are indices in the list for now; {@link link} turns them into slots. */
  #jump(index: number, end: number): void {
    const dice = this.#dice;
    // Mostly forward, sometimes anywhere: the graph need not be reducible.
    const target = dice.oneIn(4) ? end - dice.below(end - index + 20) : index + 1 + dice.below(8);
    const off = Math.min(Math.max(target, 0), end);
    if (dice.oneIn(5)) {
      this.#list.push(dice.oneIn(2) ? insn(Class.Jmp | JumpOp.Ja, { off }) : insn(Class.Jmp32, { imm: off }));
      return;
    }
    if (dice.oneIn(10)) {
      this.#list.push(insn(Class.Jmp | JumpOp.Jcond, { off }));
      return;
    }
    const family = dice.oneIn(2) ? Class.Jmp : Class.Jmp32;
    const operation = dice.pick(jumpOps);
    if (dice.oneIn(2)) {
      const registers = { dst: this.#register(), src: this.#register() };
      this.#list.push(insn(family | operation | Source.X, { ...registers, off }));
    } else {
      this.#list.push(insn(family | operation, { dst: this.#register(), imm: this.#number(), off }));
    }
  }

  #memory(entry: boolean): void {
    const dice = this.#dice;
    const size = dice.pick(sizes);
    const width = widths.get(size) as number;
    let [base, off] = [10, -width - dice.below(STACK_BYTES - width)];
    if (entry && dice.oneIn(2)) [base, off] = [9, dice.below(CONTEXT_BYTES - width + 1)];
    // Now and then an access that ends the run, or a stack address in a register.
    if (dice.oneIn(60)) [base, off] = [this.#register(), dice.below(200) - 100];
    if (dice.oneIn(60)) [base, off] = [9, dice.below(300) - 100];
    const dst = this.#register();
    switch (dice.below(5)) {
      case 0:
        this.#list.push(insn(Class.St | Mode.Mem | size, { dst: base, off, imm: this.#number() }));
        return;
      case 1:
        this.#list.push(insn(Class.Stx | Mode.Mem | size, { dst: base, src: dst, off }));
        return;
      case 2: {
        const imm = dice.pick(atomicOps);
        const wide = orderedOps.includes(imm) ? size : dice.oneIn(2) ? Size.DW : Size.W;
        const room = widths.get(wide) as number;
        const at = base === 10 ? Math.min(off, -room) : Math.min(off, CONTEXT_BYTES - room);
        const registers = imm === AtomicOp.LoadAcquire ? { dst, src: base } : { dst: base, src: dst };
        this.#list.push(insn(Class.Stx | Mode.Atomic | wide, { ...registers, off: at, imm }));
        return;
      }
      default: {
        const signed = size !== Size.DW && dice.oneIn(3);
        const mode = signed ? Mode.MemSx : Mode.Mem;
        this.#list.push(insn(Class.Ldx | mode | size, { dst, src: base, off }));
      }
    }
  }
}

/** Turns jump targets from list indices into slot distances. */
function link(list: Instruction[]): Instruction[] {
  const slots: number[] = [];
  let slot = 0;
  for (const instruction of list) {
    slots.push(slot);
    slot += instruction.opcode === 0x18 ? 2 : 1;
  }
  return list.map((instruction, i) => {
    const family = instruction.opcode & 7;
    const operation = instruction.opcode & 0xf0;
    const jumps = family === Class.Jmp || family === Class.Jmp32;
    if (!jumps || operation === JumpOp.Call || operation === JumpOp.Exit) return instruction;
    const long = instruction.opcode === Class.Jmp32;
    const target = slots[long ? instruction.imm : instruction.off] as number;
    const distance = target - (slots[i] as number) - 1;
    return long ? { ...instruction, imm: distance } : { ...instruction, off: distance };
  });
}

/** The program of a seed: up to four functions, no recursion, some unreachable code, possibly endless. */
export function randomProgram(seed: number): Instruction[] {
  const dice = new Dice(seed);
  const count = 1 + dice.below(4);
  const makers = Array.from({ length: count }, (_, i) => new FunctionMaker(dice, count - 1 - i));
  const functions = makers.map((maker, i) => link(maker.make(i === 0)));
  const slotsOf = (list: readonly Instruction[]): number =>
    list.reduce((sum, instruction) => sum + (instruction.opcode === 0x18 ? 2 : 1), 0);
  const starts: number[] = [];
  let slot = 0;
  for (const list of functions) {
    starts.push(slot);
    slot += slotsOf(list);
  }
  makers.forEach((maker, i) => {
    for (const { at, callee } of maker.calls) {
      const list = functions[i] as Instruction[];
      const here = (starts[i] as number) + slotsOf(list.slice(0, at));
      const imm = (starts[i + 1 + callee] as number) - here - 1;
      list[at] = { ...(list[at] as Instruction), imm };
    }
  });
  return functions.flat();
}
