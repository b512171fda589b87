/** Constructors of jumps, calls and exit. Offsets count slots from the slot after the jump. */
import type { Instruction } from "./instruction.ts";
import { Class, JumpOp, PseudoCall, Source } from "./opcode.ts";

/** Operations of conditional jumps. */
export type ConditionalOp = Exclude<
  JumpOp,
  typeof JumpOp.Ja | typeof JumpOp.Call | typeof JumpOp.Exit | typeof JumpOp.Jcond
>;

function jumpTo(opcode: number, dst: number, src: number, off: number, imm: number): Instruction {
  return { opcode, dst, src, off, imm, immHigh: 0 };
}

/** `goto pc+off` */
export function jump(off: number): Instruction {
  return jumpTo(Class.Jmp | JumpOp.Ja, 0, 0, off, 0);
}

/** `gotol pc+off` with 32 bits of offset (ISA v4). */
export function jumpLong(off: number): Instruction {
  return jumpTo(Class.Jmp32 | JumpOp.Ja, 0, 0, 0, off);
}

/** `if rD op imm goto pc+off`; the immediate is sign-extended. */
export function jump64Imm(operation: ConditionalOp, dst: number, imm: number, off: number): Instruction {
  return jumpTo(Class.Jmp | operation | Source.K, dst, 0, off, imm);
}

/** `if rD op rS goto pc+off` */
export function jump64Reg(operation: ConditionalOp, dst: number, src: number, off: number): Instruction {
  return jumpTo(Class.Jmp | operation | Source.X, dst, src, off, 0);
}

/** `if wD op imm goto pc+off` (ISA v3). */
export function jump32Imm(operation: ConditionalOp, dst: number, imm: number, off: number): Instruction {
  return jumpTo(Class.Jmp32 | operation | Source.K, dst, 0, off, imm);
}

/** `if wD op wS goto pc+off` (ISA v3). */
export function jump32Reg(operation: ConditionalOp, dst: number, src: number, off: number): Instruction {
  return jumpTo(Class.Jmp32 | operation | Source.X, dst, src, off, 0);
}

/** `may_goto pc+off`: leaves a loop when the kernel's budget is used up (kernel 6.9). */
export function mayGoto(off: number): Instruction {
  return jumpTo(Class.Jmp | JumpOp.Jcond, 0, 0, off, 0);
}

/** `call bpf_NAME#id` */
export function callHelper(id: number): Instruction {
  return jumpTo(Class.Jmp | JumpOp.Call, 0, PseudoCall.Helper, 0, id);
}

/** `call pc+off`: a function of the same program. */
export function callLocal(off: number): Instruction {
  return jumpTo(Class.Jmp | JumpOp.Call, 0, PseudoCall.Local, 0, off);
}

/** Calls a kernel function by BTF id; `btfIndex` is 0 for vmlinux (kernel 5.13). */
export function callKfunc(btfId: number, btfIndex = 0): Instruction {
  return jumpTo(Class.Jmp | JumpOp.Call, 0, PseudoCall.Kfunc, btfIndex, btfId);
}

/** `exit`: returns r0. */
export function exit(): Instruction {
  return jumpTo(Class.Jmp | JumpOp.Exit, 0, 0, 0, 0);
}
