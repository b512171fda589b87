/** Constructors of loads and stores. Offsets are bytes, 16 bits signed. */
import { toWords } from "@bpfkit/base/bytes";
import type { Instruction } from "./instruction.ts";
import { Class, loadImm64Opcode, Mode, PseudoLoad, type Size } from "./opcode.ts";

/** `rD = *(uN *)(rS +off)`, zero-extended. */
export function loadMem(size: Size, dst: number, src: number, off: number): Instruction {
  return { opcode: Class.Ldx | Mode.Mem | size, dst, src, off, imm: 0, immHigh: 0 };
}

/** `rD = *(sN *)(rS +off)`, sign-extended to 64 bits (ISA v4). */
export function loadMemSigned(
  size: Exclude<Size, typeof Size.DW>,
  dst: number,
  src: number,
  off: number,
): Instruction {
  return { opcode: Class.Ldx | Mode.MemSx | size, dst, src, off, imm: 0, immHigh: 0 };
}

/** `*(uN *)(rD +off) = rS` */
export function storeMem(size: Size, dst: number, off: number, src: number): Instruction {
  return { opcode: Class.Stx | Mode.Mem | size, dst, src, off, imm: 0, immHigh: 0 };
}

/** `*(uN *)(rD +off) = imm`; sign-extended for 64 bits. */
export function storeImm(size: Size, dst: number, off: number, imm: number): Instruction {
  return { opcode: Class.St | Mode.Mem | size, dst, src: 0, off, imm, immHigh: 0 };
}

/** `rD = 0x... `: a 64-bit constant in two slots. */
export function loadImm64(dst: number, value: bigint): Instruction {
  const { low, high } = toWords(value);
  return { opcode: loadImm64Opcode, dst, src: PseudoLoad.Immediate, off: 0, imm: low, immHigh: high };
}

/** The address of a map, by descriptor: `rD = map[fd:N]`. */
export function loadMapFd(dst: number, fd: number): Instruction {
  return { opcode: loadImm64Opcode, dst, src: PseudoLoad.MapFd, off: 0, imm: fd, immHigh: 0 };
}

/** An address in the first value of an array map (global variables): `rD = map[fd:N][0]+offset`. */
export function loadMapValue(dst: number, fd: number, offset: number): Instruction {
  return { opcode: loadImm64Opcode, dst, src: PseudoLoad.MapValue, off: 0, imm: fd, immHigh: offset };
}

/** The address of a function of the program, as callbacks need it; `off` counts slots from the slot after this one's first. */
export function loadFunction(dst: number, off: number): Instruction {
  return { opcode: loadImm64Opcode, dst, src: PseudoLoad.Function, off: 0, imm: off, immHigh: 0 };
}

/** `r0 = *(uN *)skb[imm]`: packet bytes in network order to host order; r6 holds the skb. */
export function loadAbsolute(size: Exclude<Size, typeof Size.DW>, imm: number): Instruction {
  return { opcode: Class.Ld | Mode.Abs | size, dst: 0, src: 0, off: 0, imm, immHigh: 0 };
}

/** `r0 = *(uN *)skb[rS + imm]` */
export function loadIndirect(size: Exclude<Size, typeof Size.DW>, src: number, imm: number): Instruction {
  return { opcode: Class.Ld | Mode.Ind | size, dst: 0, src, off: 0, imm, immHigh: 0 };
}
