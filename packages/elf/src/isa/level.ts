/** The oldest ISA level (clang's -mcpu) and kernel that an instruction needs. Facts: RFC 9669, LLVM's BPF subtarget. */
import type { Instruction } from "./instruction.ts";
import { AluOp, AtomicOp, Class, JumpOp, Mode } from "./opcode.ts";

/** clang's -mcpu levels. */
export type IsaLevel = "v1" | "v2" | "v3" | "v4";

/** Unsigned and signed less-than jumps came with v2 (kernel 4.14). */
const secondJumps: ReadonlySet<number> = new Set([JumpOp.Jlt, JumpOp.Jle, JumpOp.Jslt, JumpOp.Jsle]);

/** The lowest level with this instruction. */
export function isaLevel(instruction: Instruction): IsaLevel {
  const { opcode, off, imm } = instruction;
  const operation = opcode & 0xf0;
  switch (opcode & 0x07) {
    case Class.Jmp:
      return secondJumps.has(operation) ? "v2" : "v1";
    case Class.Jmp32:
      return operation === JumpOp.Ja ? "v4" : "v3";
    case Class.Alu:
    case Class.Alu64: {
      const swap = operation === AluOp.End && (opcode & 0x07) === Class.Alu64;
      return swap || (off !== 0 && operation !== AluOp.End) ? "v4" : "v1";
    }
    case Class.Ldx:
      return (opcode & 0xe0) === Mode.MemSx ? "v4" : "v1";
    case Class.Stx:
      if ((opcode & 0xe0) !== Mode.Atomic || imm === AtomicOp.Add) return "v1";
      return imm === AtomicOp.LoadAcquire || imm === AtomicOp.StoreRelease ? "v4" : "v3";
    default:
      return "v1";
  }
}

/** The lowest level for a whole program. clang uses 32-bit arithmetic from v3 on, but every kernel has had it. */
export function programLevel(instructions: readonly Instruction[]): IsaLevel {
  let level: IsaLevel = "v1";
  for (const instruction of instructions) {
    const own = isaLevel(instruction);
    if (own > level) level = own;
  }
  return level;
}
