/** Load-time check that registers are read only after something was written to them. */
import { AluOp, AtomicOp, Class, JumpOp, Mode, PseudoCall, Source } from "@bpfkit/elf/isa";
import type { HelperTable } from "../helpers/definition.ts";
import type { FunctionRange, ProgramImage } from "./image.ts";
import type { Rejecter } from "./rejection.ts";

/** Sets of registers are bit masks. r1 and r10 for the entry, r1 to r5 and r10 for other functions. */
const ENTRY_REGISTERS = (1 << 1) | (1 << 10);
const FUNCTION_REGISTERS = 0b11_1110 | (1 << 10);
/** Lost by calls. */
const CALLER_SAVED = 0b11_1110;

/**
 * Refuses reads of registers that no path has written. Paths on which the register is written hide those on which it is
 * not: what is refused here, the kernel refuses too, but not the other way round.
 */
export function checkRegisters(image: ProgramImage, helpers: HelperTable, reject: Rejecter): void {
  image.functions.forEach((range, i) => {
    const written = possiblyWritten(image, range, i === 0 ? ENTRY_REGISTERS : FUNCTION_REGISTERS);
    for (let slot = range.start; slot < range.end; slot = image.nextSlot(slot)) {
      const known = written[slot - range.start] as number;
      // Nothing leads here, not even r10: behind a call that never happens (resolve.ts).
      if (known === 0) continue;
      // A function that returns nothing leaves r0 as it is; only the program itself must return something.
      const isInnerExit = i > 0 && image.isExit(slot);
      const missing = isInnerExit ? 0 : registersRead(image, slot, helpers) & ~known;
      if (missing !== 0) reject.at(slot, `R${31 - Math.clz32(missing & -missing)} !read_ok`, 13);
    }
  });
}

/** For each slot, the registers that some path has written before it. */
function possiblyWritten(image: ProgramImage, range: FunctionRange, first: number): Int32Array {
  const before = new Int32Array(range.end - range.start);
  before[0] = first;
  const work = [range.start];
  const flow = (to: number, mask: number): void => {
    const at = to - range.start;
    const merged = (before[at] as number) | mask;
    if (merged === before[at]) return;
    before[at] = merged;
    work.push(to);
  };
  for (let slot = work.pop(); slot !== undefined; slot = work.pop()) {
    if (image.isExit(slot)) continue;
    const after = afterSlot(image, slot, before[slot - range.start] as number);
    if (image.isJump(slot)) flow(image.jumpTarget(slot), after);
    if (!image.isUnconditionalJump(slot)) flow(image.nextSlot(slot), after);
  }
  return before;
}

function afterSlot(image: ProgramImage, slot: number, before: number): number {
  const opcode = image.opcode[slot] as number;
  const family = opcode & 7;
  if (image.isCall(slot)) return (before & ~CALLER_SAVED) | 1;
  const writesDst =
    family === Class.Alu || family === Class.Alu64 || family === Class.Ldx || family === Class.Ld;
  if (writesDst || image.isLoadAcquire(slot)) return before | (1 << (image.dst[slot] as number));
  if (family !== Class.Stx || (opcode & 0xe0) !== Mode.Atomic) return before;
  const operation = image.imm[slot] as number;
  if (operation === AtomicOp.Cmpxchg) return before | 1;
  return (operation & 1) !== 0 ? before | (1 << (image.src[slot] as number)) : before;
}

function registersRead(image: ProgramImage, slot: number, helpers: HelperTable): number {
  const opcode = image.opcode[slot] as number;
  const dst = 1 << (image.dst[slot] as number);
  const src = 1 << (image.src[slot] as number);
  switch (opcode & 7) {
    case Class.Ld:
      return 0;
    case Class.Ldx:
      return src;
    case Class.St:
      return dst;
    case Class.Stx: {
      if (image.isLoadAcquire(slot)) return src;
      const comparing = (opcode & 0xe0) === Mode.Atomic && image.imm[slot] === AtomicOp.Cmpxchg;
      return dst | src | (comparing ? 1 : 0);
    }
    case Class.Alu:
    case Class.Alu64: {
      const operation = opcode & 0xf0;
      const reading = operation === AluOp.Mov ? 0 : dst;
      const unary = operation === AluOp.End || operation === AluOp.Neg;
      return !unary && (opcode & Source.X) !== 0 ? reading | src : reading;
    }
    default:
      if (image.isExit(slot)) return 1;
      if (image.isCall(slot)) return callArguments(image, slot, helpers);
      if ((opcode & 0xf0) === JumpOp.Ja || image.isMayGoto(slot)) return 0;
      return (opcode & Source.X) !== 0 ? dst | src : dst;
  }
}

/** r1 to rN of a helper with N arguments; what other functions read is not known here. */
function callArguments(image: ProgramImage, slot: number, helpers: HelperTable): number {
  if (image.src[slot] !== PseudoCall.Helper) return 0;
  const helper = helpers.get(image.imm[slot] as number);
  const count = helper?.requiredArguments ?? helper?.arguments.length ?? 0;
  return ((1 << count) - 1) << 1;
}
