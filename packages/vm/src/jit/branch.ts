/** Conditions of jumps: BPF to WebAssembly. */
import { Class, JumpOp, Source } from "@bpfkit/elf/isa";
import { type FunctionCode, Local } from "./function-code.ts";
import { Op } from "./wasm-op.ts";

/** i64 and i32 comparison of each jump; Jset is done by hand. */
const comparisons: Readonly<Record<number, readonly [wide: number, narrow: number]>> = {
  [JumpOp.Jeq]: [Op.I64Eq, Op.I32Eq],
  [JumpOp.Jne]: [Op.I64Ne, Op.I32Ne],
  [JumpOp.Jgt]: [Op.I64GtU, Op.I32GtU],
  [JumpOp.Jge]: [Op.I64GeU, Op.I32GeU],
  [JumpOp.Jlt]: [Op.I64LtU, Op.I32LtU],
  [JumpOp.Jle]: [Op.I64LeU, Op.I32LeU],
  [JumpOp.Jsgt]: [Op.I64GtS, Op.I32GtS],
  [JumpOp.Jsge]: [Op.I64GeS, Op.I32GeS],
  [JumpOp.Jslt]: [Op.I64LtS, Op.I32LtS],
  [JumpOp.Jsle]: [Op.I64LeS, Op.I32LeS],
};

/** Pushes 1 where the conditional jump at `slot` is taken, else 0. */
export function emitCondition(code: FunctionCode, slot: number): void {
  const { image } = code;
  if (image.isMayGoto(slot)) {
    emitLoopsUsedUp(code);
    return;
  }
  const opcode = image.opcode[slot] as number;
  const operation = opcode & 0xf0;
  const wide = (opcode & 7) === Class.Jmp;
  const dst = image.dst[slot] as number;
  const imm = image.imm[slot] as number;
  const constant = (opcode & Source.X) === 0;
  if (wide) code.getRegister(dst);
  else code.getRegister32(dst);
  if (constant && imm === 0 && operation === JumpOp.Jeq) {
    code.op(wide ? Op.I64Eqz : Op.I32Eqz);
    return;
  }
  if (wide) {
    if (constant) code.i64(imm);
    else code.getRegister(image.src[slot] as number);
  } else if (constant) code.i32(imm);
  else code.getRegister32(image.src[slot] as number);
  const comparison = comparisons[operation];
  if (comparison !== undefined) {
    code.op(comparison[wide ? 0 : 1]);
    return;
  }
  code.op(wide ? Op.I64And : Op.I32And);
  if (!wide) return;
  code.i64(0);
  code.op(Op.I64Ne);
}

/** Pushes 1 where the count of `may_goto` is used up; else 0, and takes one from it. */
function emitLoopsUsedUp(code: FunctionCode): void {
  code.get(Local.Loops);
  code.op(Op.I32Eqz);
  code.get(Local.Loops);
  code.get(Local.Loops);
  code.i32(0);
  code.op(Op.I32Ne);
  code.op(Op.I32Sub);
  code.set(Local.Loops);
}
