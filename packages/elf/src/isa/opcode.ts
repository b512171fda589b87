/**
 * The parts of the opcode byte, as RFC 9669 lays them out:
 *
 * ```text
 *   arithmetic and jump classes        load and store classes
 *   +------+--------+-------+          +------+------+-------+
 *   | code | source | class |          | mode | size | class |
 *   | 4    | 1      | 3     |          | 3    | 2    | 3     |
 *   +------+--------+-------+          +------+------+-------+
 * ```
 */

/** Lowest three bits of the opcode: the instruction family. */
export const Class = { Ld: 0, Ldx: 1, St: 2, Stx: 3, Alu: 4, Jmp: 5, Jmp32: 6, Alu64: 7 } as const;
/** An instruction family, 0 to 7. */
export type Class = (typeof Class)[keyof typeof Class];

/** Bit 3 of arithmetic and jump opcodes: second operand is the immediate (K) or the source register (X). */
export const Source = { K: 0x00, X: 0x08 } as const;
/** {@link Source} value. */
export type Source = (typeof Source)[keyof typeof Source];

/** Upper four bits of arithmetic opcodes. Div and Mod are signed where the offset field is 1 (ISA v4). */
export const AluOp = {
  Add: 0x00,
  Sub: 0x10,
  Mul: 0x20,
  Div: 0x30,
  Or: 0x40,
  And: 0x50,
  Lsh: 0x60,
  Rsh: 0x70,
  Neg: 0x80,
  Mod: 0x90,
  Xor: 0xa0,
  Mov: 0xb0,
  Arsh: 0xc0,
  End: 0xd0,
} as const;
/** {@link AluOp} value. */
export type AluOp = (typeof AluOp)[keyof typeof AluOp];

/** Upper four bits of jump opcodes; an S in front means a signed comparison. */
export const JumpOp = {
  Ja: 0x00,
  Jeq: 0x10,
  Jgt: 0x20,
  Jge: 0x30,
  Jset: 0x40,
  Jne: 0x50,
  Jsgt: 0x60,
  Jsge: 0x70,
  Call: 0x80,
  Exit: 0x90,
  Jlt: 0xa0,
  Jle: 0xb0,
  Jslt: 0xc0,
  Jsle: 0xd0,
  /** Conditional pseudo jump; `may_goto` is its only form (kernel 6.9). */
  Jcond: 0xe0,
} as const;
/** {@link JumpOp} value. */
export type JumpOp = (typeof JumpOp)[keyof typeof JumpOp];

/** Bits 3 and 4 of load and store opcodes: width of the access. */
export const Size = { W: 0x00, H: 0x08, B: 0x10, DW: 0x18 } as const;
/** {@link Size} value. */
export type Size = (typeof Size)[keyof typeof Size];

/** Upper three bits of load and store opcodes: how the address is formed. */
export const Mode = { Imm: 0x00, Abs: 0x20, Ind: 0x40, Mem: 0x60, MemSx: 0x80, Atomic: 0xc0 } as const;
/** {@link Mode} value. */
export type Mode = (typeof Mode)[keyof typeof Mode];

/** The immediate of an atomic instruction. The Fetch forms return the old value. */
export const AtomicOp = {
  Add: 0x00,
  Or: 0x40,
  And: 0x50,
  Xor: 0xa0,
  FetchAdd: 0x01,
  FetchOr: 0x41,
  FetchAnd: 0x51,
  FetchXor: 0xa1,
  Xchg: 0xe1,
  Cmpxchg: 0xf1,
  /** Kernel 6.15. */
  LoadAcquire: 0x100,
  /** Kernel 6.15. */
  StoreRelease: 0x110,
} as const;
/** {@link AtomicOp} value. */
export type AtomicOp = (typeof AtomicOp)[keyof typeof AtomicOp];

/** The bit of an atomic immediate that asks for the old value (BPF_FETCH). */
export const atomicFetchFlag = 0x01;

/** Source register of a 64-bit immediate load: what the immediate stands for (uapi linux/bpf.h, BPF_PSEUDO_*). */
export const PseudoLoad = {
  Immediate: 0,
  MapFd: 1,
  MapValue: 2,
  BtfId: 3,
  Function: 4,
  MapIndex: 5,
  MapIndexValue: 6,
} as const;
/** {@link PseudoLoad} value. */
export type PseudoLoad = (typeof PseudoLoad)[keyof typeof PseudoLoad];

/** Source register of a call: what is called (uapi linux/bpf.h, BPF_PSEUDO_CALL and BPF_PSEUDO_KFUNC_CALL). */
export const PseudoCall = { Helper: 0, Local: 1, Kfunc: 2 } as const;
/** {@link PseudoCall} value. */
export type PseudoCall = (typeof PseudoCall)[keyof typeof PseudoCall];

/** Opcode of the only two-slot instruction: dst = 64-bit immediate. */
export const loadImm64Opcode = 0x18;

/** Bytes per instruction slot. */
export const slotSizeBytes = 8;

/** The instruction family of an opcode. */
export function classOf(opcode: number): Class {
  return (opcode & 0x07) as Class;
}

/** Whether an opcode belongs to an arithmetic class. */
export function isAluClass(opcode: number): boolean {
  const family = opcode & 0x07;
  return family === Class.Alu || family === Class.Alu64;
}

/** Whether an opcode belongs to a jump class (calls and exit included). */
export function isJumpClass(opcode: number): boolean {
  const family = opcode & 0x07;
  return family === Class.Jmp || family === Class.Jmp32;
}

/** The operation bits of an arithmetic or jump opcode: an {@link AluOp} or {@link JumpOp}. */
export function operationOf(opcode: number): number {
  return opcode & 0xf0;
}

/** Whether an arithmetic or jump opcode takes its second operand from the source register. */
export function usesSourceRegister(opcode: number): boolean {
  return (opcode & 0x08) !== 0;
}

/** The {@link Size} bits of a load or store opcode. */
export function sizeOf(opcode: number): Size {
  return (opcode & 0x18) as Size;
}

/** The {@link Mode} bits of a load or store opcode. */
export function modeOf(opcode: number): number {
  return opcode & 0xe0;
}

/** Width in bytes of a {@link Size}. */
export function sizeBytes(size: Size): 1 | 2 | 4 | 8 {
  switch (size) {
    case Size.B:
      return 1;
    case Size.H:
      return 2;
    case Size.W:
      return 4;
    default:
      return 8;
  }
}
