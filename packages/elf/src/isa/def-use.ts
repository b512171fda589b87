/** Which registers an instruction reads and writes. */
import { helperById } from "@bpfkit/base/abi";
import type { Instruction } from "./instruction.ts";
import { AluOp, AtomicOp, atomicFetchFlag, Class, JumpOp, Mode, PseudoCall } from "./opcode.ts";

const argumentRegisters = [1, 2, 3, 4, 5] as const;

/**
 * Registers read. Helper calls read as many of r1-r5 as their prototype has parameters (all five if variadic or unknown);
 * calls of functions may read all five.
 */
export function uses(instruction: Instruction): readonly number[] {
  const { opcode, dst, src, imm } = instruction;
  switch (opcode & 0x07) {
    case Class.Alu:
    case Class.Alu64:
      return usesOfAlu(opcode, dst, src);
    case Class.Jmp:
    case Class.Jmp32:
      return usesOfJump(instruction);
    case Class.Ld:
      if ((opcode & 0xe0) === Mode.Ind) return [6, src];
      return (opcode & 0xe0) === Mode.Abs ? [6] : [];
    case Class.Ldx:
      return [src];
    case Class.St:
      return [dst];
    default:
      if ((opcode & 0xe0) !== Mode.Atomic) return distinct(dst, src);
      if (imm === AtomicOp.LoadAcquire) return [src];
      return imm === AtomicOp.Cmpxchg ? [...new Set([0, dst, src])] : distinct(dst, src);
  }
}

function usesOfAlu(opcode: number, dst: number, src: number): readonly number[] {
  const operation = opcode & 0xf0;
  const fromRegister = (opcode & 0x08) !== 0;
  if (operation === AluOp.Neg || operation === AluOp.End) return [dst];
  if (operation === AluOp.Mov) return fromRegister ? [src] : [];
  return fromRegister ? distinct(dst, src) : [dst];
}

function usesOfJump(instruction: Instruction): readonly number[] {
  const { opcode, dst, src, imm } = instruction;
  switch (opcode & 0xf0) {
    case JumpOp.Ja:
    case JumpOp.Jcond:
      return [];
    case JumpOp.Exit:
      return [0];
    case JumpOp.Call: {
      if (src !== PseudoCall.Helper) return argumentRegisters;
      const params = helperById(imm)?.prototype.params;
      if (params === undefined || params.some((param) => param.type === "...")) return argumentRegisters;
      return argumentRegisters.slice(0, params.length);
    }
    default:
      return (opcode & 0x08) !== 0 ? distinct(dst, src) : [dst];
  }
}

function distinct(a: number, b: number): readonly number[] {
  return a === b ? [a] : [a, b];
}

/** Registers that hold a new, meaningful value afterwards: at most one. */
export function defines(instruction: Instruction): readonly number[] {
  const { opcode, dst, src, imm } = instruction;
  switch (opcode & 0x07) {
    case Class.Alu:
    case Class.Alu64:
    case Class.Ldx:
      return [dst];
    case Class.Ld:
      return (opcode & 0xe0) === Mode.Imm ? [dst] : [0];
    case Class.Jmp:
      return (opcode & 0xf0) === JumpOp.Call ? [0] : [];
    case Class.Stx:
      if ((opcode & 0xe0) !== Mode.Atomic || imm === AtomicOp.StoreRelease) return [];
      if (imm === AtomicOp.LoadAcquire) return [dst];
      if (imm === AtomicOp.Cmpxchg) return [0];
      return (imm & atomicFetchFlag) !== 0 ? [src] : [];
    default:
      return [];
  }
}

/** Registers whose value is lost without a new one: r1-r5 in calls and packet loads. */
export function clobbers(instruction: Instruction): readonly number[] {
  const { opcode } = instruction;
  const isCall = opcode === (Class.Jmp | JumpOp.Call);
  const mode = opcode & 0xe0;
  const isPacketLoad = (opcode & 0x07) === Class.Ld && (mode === Mode.Abs || mode === Mode.Ind);
  return isCall || isPacketLoad ? argumentRegisters : [];
}
