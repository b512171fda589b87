/** Constructors of arithmetic instructions. Widths: 64-bit on rN, 32-bit on wN (which clears the upper half). */
import type { Instruction } from "./instruction.ts";
import { AluOp, Class, Source } from "./opcode.ts";

function alu(
  family: number,
  operation: AluOp,
  source: Source,
  dst: number,
  src: number,
  off: number,
  imm: number,
): Instruction {
  return { opcode: family | operation | source, dst, src, off, imm, immHigh: 0 };
}

/** `rD op= imm`; the immediate is sign-extended to 64 bits. */
export function alu64Imm(operation: AluOp, dst: number, imm: number): Instruction {
  return alu(Class.Alu64, operation, Source.K, dst, 0, 0, imm);
}

/** `rD op= rS` */
export function alu64Reg(operation: AluOp, dst: number, src: number): Instruction {
  return alu(Class.Alu64, operation, Source.X, dst, src, 0, 0);
}

/** `wD op= imm` */
export function alu32Imm(operation: AluOp, dst: number, imm: number): Instruction {
  return alu(Class.Alu, operation, Source.K, dst, 0, 0, imm);
}

/** `wD op= wS` */
export function alu32Reg(operation: AluOp, dst: number, src: number): Instruction {
  return alu(Class.Alu, operation, Source.X, dst, src, 0, 0);
}

/** `rD = imm`, sign-extended. */
export function mov64Imm(dst: number, imm: number): Instruction {
  return alu64Imm(AluOp.Mov, dst, imm);
}

/** `rD = rS` */
export function mov64(dst: number, src: number): Instruction {
  return alu64Reg(AluOp.Mov, dst, src);
}

/** `wD = imm` */
export function mov32Imm(dst: number, imm: number): Instruction {
  return alu32Imm(AluOp.Mov, dst, imm);
}

/** `wD = wS` */
export function mov32(dst: number, src: number): Instruction {
  return alu32Reg(AluOp.Mov, dst, src);
}

/** `rD = (sN)rS`: sign extension of the low 8, 16 or 32 bits (ISA v4). */
export function movSignExtend64(dst: number, src: number, bits: 8 | 16 | 32): Instruction {
  return alu(Class.Alu64, AluOp.Mov, Source.X, dst, src, bits, 0);
}

/** `wD = (sN)wS` (ISA v4). */
export function movSignExtend32(dst: number, src: number, bits: 8 | 16): Instruction {
  return alu(Class.Alu, AluOp.Mov, Source.X, dst, src, bits, 0);
}

/** `rD = -rD` */
export function neg64(dst: number): Instruction {
  return alu64Imm(AluOp.Neg, dst, 0);
}

/** `wD = -wD` */
export function neg32(dst: number): Instruction {
  return alu32Imm(AluOp.Neg, dst, 0);
}

/** Signed division or remainder by a register, `rD s/= rS` (ISA v4). */
export function signedAlu64Reg(
  operation: typeof AluOp.Div | typeof AluOp.Mod,
  dst: number,
  src: number,
): Instruction {
  return alu(Class.Alu64, operation, Source.X, dst, src, 1, 0);
}

/** `rD s/= imm` (ISA v4). */
export function signedAlu64Imm(
  operation: typeof AluOp.Div | typeof AluOp.Mod,
  dst: number,
  imm: number,
): Instruction {
  return alu(Class.Alu64, operation, Source.K, dst, 0, 1, imm);
}

/** `wD s/= wS` (ISA v4). */
export function signedAlu32Reg(
  operation: typeof AluOp.Div | typeof AluOp.Mod,
  dst: number,
  src: number,
): Instruction {
  return alu(Class.Alu, operation, Source.X, dst, src, 1, 0);
}

/** `wD s/= imm` (ISA v4). */
export function signedAlu32Imm(
  operation: typeof AluOp.Div | typeof AluOp.Mod,
  dst: number,
  imm: number,
): Instruction {
  return alu(Class.Alu, operation, Source.K, dst, 0, 1, imm);
}

/** `rD = leN rD`: from host to little-endian, upper bits cleared. */
export function toLittleEndian(dst: number, bits: 16 | 32 | 64): Instruction {
  return alu(Class.Alu, AluOp.End, Source.K, dst, 0, 0, bits);
}

/** `rD = beN rD`: from host to big-endian, upper bits cleared. */
export function toBigEndian(dst: number, bits: 16 | 32 | 64): Instruction {
  return alu(Class.Alu, AluOp.End, Source.X, dst, 0, 0, bits);
}

/** `rD = bswapN rD`: unconditional swap (ISA v4). */
export function byteSwap(dst: number, bits: 16 | 32 | 64): Instruction {
  return alu(Class.Alu64, AluOp.End, Source.K, dst, 0, 0, bits);
}
