/** What assembly text becomes: instructions, with the places that only the surrounding code can fill in. */
import type { Instruction } from "@bpfkit/elf/isa";
import { AluOp, Class } from "@bpfkit/elf/isa";

/** Where a jump's distance goes. */
export type JumpField = "off" | "imm";

/** An instruction and what it refers to by name. */
export interface AsmItem {
  readonly insn: Instruction;
  /** The line of the text, from 1; absent for data. */
  readonly line?: number;
  /** A label that the instruction jumps to. */
  readonly jump?: { readonly label: string; readonly field: JumpField };
  /** A symbol whose address, or whose code, the loader puts in. */
  readonly symbol?: { readonly kind: "address" | "call"; readonly name: string; readonly addend: number };
}

/** An instruction by its fields; those that are left out are zero. */
export function insnOf(opcode: number, fields: Partial<Omit<Instruction, "opcode">>): Instruction {
  const { dst = 0, src = 0, off = 0, imm = 0, immHigh = 0 } = fields;
  return { opcode, dst, src, off, imm: imm | 0, immHigh: immHigh | 0 };
}

/** The class of arithmetic on r or w registers. */
export function aluClass(letter: string): number {
  return letter === "w" ? Class.Alu : Class.Alu64;
}

/** Assignments with an operator in front of the equals sign. `s/=`, `s%=` are signed. */
export const assignments: Readonly<Record<string, number>> = {
  "+=": AluOp.Add,
  "-=": AluOp.Sub,
  "*=": AluOp.Mul,
  "/=": AluOp.Div,
  "%=": AluOp.Mod,
  "|=": AluOp.Or,
  "&=": AluOp.And,
  "^=": AluOp.Xor,
  "<<=": AluOp.Lsh,
  ">>=": AluOp.Rsh,
  "s>>=": AluOp.Arsh,
};
