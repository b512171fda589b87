/** Arithmetic: BPF to WebAssembly. */
import { AluOp, Class, Source } from "@bpfkit/elf/isa";
import type { FunctionCode } from "./function-code.ts";
import { Local } from "./function-code.ts";
import { EMPTY_BLOCK, Op } from "./wasm-op.ts";

/** i64 and i32 opcodes of operations that WebAssembly has as they are (shifts mask their count, as BPF does). */
const direct: Readonly<Record<number, readonly [wide: number, narrow: number]>> = {
  [AluOp.Add]: [Op.I64Add, Op.I32Add],
  [AluOp.Sub]: [Op.I64Sub, Op.I32Sub],
  [AluOp.Mul]: [Op.I64Mul, Op.I32Mul],
  [AluOp.Or]: [Op.I64Or, Op.I32Or],
  [AluOp.And]: [Op.I64And, Op.I32And],
  [AluOp.Lsh]: [Op.I64Shl, Op.I32Shl],
  [AluOp.Rsh]: [Op.I64ShrU, Op.I32ShrU],
  [AluOp.Xor]: [Op.I64Xor, Op.I32Xor],
  [AluOp.Arsh]: [Op.I64ShrS, Op.I32ShrS],
};

/** Emits the arithmetic instruction at `slot`. */
export function emitAlu(code: FunctionCode, slot: number): void {
  const { image } = code;
  const opcode = image.opcode[slot] as number;
  const operation = opcode & 0xf0;
  const dst = image.dst[slot] as number;
  const wide = (opcode & 7) === Class.Alu64;
  const known = code.rawFrameOffset(dst);
  switch (operation) {
    case AluOp.Mov:
      emitMove(code, slot, wide);
      return;
    case AluOp.Neg:
      if (wide) code.i64(0);
      else code.i32(0);
      operand(code, dst, wide);
      code.op(wide ? Op.I64Sub : Op.I32Sub);
      break;
    case AluOp.Div:
    case AluOp.Mod:
      emitDivision(code, slot, wide);
      break;
    case AluOp.End:
      emitByteOrder(code, slot, wide);
      return;
    default:
      operand(code, dst, wide);
      rightOperand(code, slot, wide);
      code.op((direct[operation] as readonly [number, number])[wide ? 0 : 1]);
  }
  store(code, dst, wide);
  const moved = wide && (opcode & Source.X) === 0 && (operation === AluOp.Add || operation === AluOp.Sub);
  if (!moved) return;
  const imm = image.imm[slot] as number;
  code.restoreFrameOffset(dst, known, operation === AluOp.Add ? imm : -imm);
}

function operand(code: FunctionCode, register: number, wide: boolean): void {
  if (wide) code.getRegister(register);
  else code.getRegister32(register);
}

function rightOperand(code: FunctionCode, slot: number, wide: boolean): void {
  if (((code.image.opcode[slot] as number) & Source.X) !== 0) {
    operand(code, code.image.src[slot] as number, wide);
  } else if (wide) code.i64(code.image.imm[slot] as number);
  else code.i32(code.image.imm[slot] as number);
}

function store(code: FunctionCode, register: number, wide: boolean): void {
  if (wide) code.setRegister(register);
  else code.setRegister32(register);
}

function emitMove(code: FunctionCode, slot: number, wide: boolean): void {
  const { image } = code;
  const dst = image.dst[slot] as number;
  rightOperand(code, slot, wide);
  switch (image.off[slot]) {
    case 8:
      code.op(wide ? Op.I64Extend8S : Op.I32Extend8S);
      break;
    case 16:
      code.op(wide ? Op.I64Extend16S : Op.I32Extend16S);
      break;
    case 32:
      code.op(Op.I64Extend32S);
      break;
    default:
      if (wide && ((image.opcode[slot] as number) & Source.X) !== 0) {
        const known = code.rawFrameOffset(image.src[slot] as number);
        code.setRegister(dst);
        code.restoreFrameOffset(dst, known, 0);
        return;
      }
  }
  store(code, dst, wide);
}

/** x / 0 is 0, x % 0 is x, and the one signed overflow wraps; WebAssembly would trap on all three. */
function emitDivision(code: FunctionCode, slot: number, wide: boolean): void {
  const { image } = code;
  const opcode = image.opcode[slot] as number;
  const dst = image.dst[slot] as number;
  const modulo = (opcode & 0xf0) === AluOp.Mod;
  const signed = image.off[slot] === 1;
  const constant = (opcode & Source.X) === 0 ? (image.imm[slot] as number) : undefined;
  if (constant !== undefined && constant !== 0 && constant !== -1) {
    operand(code, dst, wide);
    rightOperand(code, slot, wide);
    code.op(divisionOp(modulo, signed, wide));
    return;
  }
  // right == 0 ? (modulo ? left : 0) : signed && right == -1 ? (modulo ? 0 : -left) : left op right
  const result = wide ? 0x7e : 0x7f;
  rightOperand(code, slot, wide);
  code.op(wide ? Op.I64Eqz : Op.I32Eqz);
  code.sink.byte2(Op.If, result);
  if (modulo) operand(code, dst, wide);
  else zero(code, wide);
  code.op(Op.Else);
  if (signed) {
    rightOperand(code, slot, wide);
    if (wide) code.i64(-1);
    else code.i32(-1);
    code.op(wide ? Op.I64Eq : Op.I32Eq);
    code.sink.byte2(Op.If, result);
    zero(code, wide);
    if (!modulo) {
      operand(code, dst, wide);
      code.op(wide ? Op.I64Sub : Op.I32Sub);
    }
    code.op(Op.Else);
  }
  operand(code, dst, wide);
  rightOperand(code, slot, wide);
  code.op(divisionOp(modulo, signed, wide));
  if (signed) code.op(Op.End);
  code.op(Op.End);
}

function zero(code: FunctionCode, wide: boolean): void {
  if (wide) code.i64(0);
  else code.i32(0);
}

function divisionOp(modulo: boolean, signed: boolean, wide: boolean): number {
  if (modulo) {
    if (wide) return signed ? Op.I64RemS : Op.I64RemU;
    return signed ? Op.I32RemS : Op.I32RemU;
  }
  if (wide) return signed ? Op.I64DivS : Op.I64DivU;
  return signed ? Op.I32DivS : Op.I32DivU;
}

/** `le`, `be` and `bswap` of 16, 32 and 64 bits. */
function emitByteOrder(code: FunctionCode, slot: number, wide: boolean): void {
  const { image } = code;
  const dst = image.dst[slot] as number;
  const bits = image.imm[slot] as number;
  const swap = wide || ((image.opcode[slot] as number) & Source.X) !== 0;
  code.getRegister(dst);
  if (!swap) {
    if (bits === 64) code.op(Op.Drop);
    else {
      code.i64Words(bits === 16 ? 0xffff : -1, 0);
      code.op(Op.I64And);
      code.setRegister(dst);
    }
    return;
  }
  if (bits === 16) {
    // (x & 0xff) << 8 | (x >> 8) & 0xff
    code.set(Local.Wide);
    maskedShift(code, 0xff, 8, Op.I64Shl);
    code.get(Local.Wide);
    code.i64(8);
    code.op(Op.I64ShrU);
    code.i64(0xff);
    code.op(Op.I64And);
    code.op(Op.I64Or);
  } else swapWords(code, bits);
  code.setRegister(dst);
}

/** (Wide & mask) shifted by `count`. */
function maskedShift(code: FunctionCode, mask: number, count: number, shift: number): void {
  code.get(Local.Wide);
  code.i64(mask);
  code.op(Op.I64And);
  code.i64(count);
  code.op(shift);
}

/** Reverses the bytes of the i64 on the stack; for 32 bits the result is moved down. */
function swapWords(code: FunctionCode, bits: number): void {
  swapPairs(code, 0x00ff_00ff, 0x00ff_00ff, 8);
  swapPairs(code, 0x0000_ffff, 0x0000_ffff, 16);
  code.i64(32);
  // Swapping the halves finishes 64 bits; of 32 bits only the (already reversed) low half counts.
  if (bits === 64) code.op(Op.I64Rotl);
  else {
    code.op(Op.I64Shl);
    code.i64(32);
    code.op(Op.I64ShrU);
  }
}

/** x = (x & mask) << count | (x >> count) & mask */
function swapPairs(code: FunctionCode, maskLow: number, maskHigh: number, count: number): void {
  code.tee(Local.Wide);
  code.i64Words(maskLow, maskHigh);
  code.op(Op.I64And);
  code.i64(count);
  code.op(Op.I64Shl);
  code.get(Local.Wide);
  code.i64(count);
  code.op(Op.I64ShrU);
  code.i64Words(maskLow, maskHigh);
  code.op(Op.I64And);
  code.op(Op.I64Or);
}

/** Emits `dst = 64-bit immediate`. */
export function emitWideLoad(code: FunctionCode, slot: number): void {
  const { image } = code;
  code.i64Words(image.imm[slot] as number, image.imm[slot + 1] as number);
  code.setRegister(image.dst[slot] as number);
}

/** Emits code that takes one unit of fuel and ends the run when there is none. */
export function emitBurn(code: FunctionCode, slot: number, outOfFuel: number): void {
  code.get(Local.Fuel);
  code.i32(1);
  code.op(Op.I32Sub);
  code.tee(Local.Fuel);
  code.i32(0);
  code.op(Op.I32LtS);
  code.sink.byte2(Op.If, EMPTY_BLOCK);
  code.i32(slot);
  code.op(Op.Call);
  code.sink.u32(outOfFuel);
  code.op(Op.Unreachable);
  code.op(Op.End);
}
