/** Loads, stores and atomic operations: BPF to WebAssembly. */
import { AtomicOp, Class, Mode, type Size, sizeBytes } from "@bpfkit/elf/isa";
import { OWNERSHIP_SHIFT } from "../memory/layout.ts";
import { FRAME_BYTES } from "../program/image.ts";
import { type FunctionCode, Import, Local } from "./function-code.ts";
import { EMPTY_BLOCK, Op } from "./wasm-op.ts";

/** Where an access goes: the address is on the stack, this is added by the instruction. */
interface Place {
  /** True when the address is the frame's base, not the checked offset. */
  readonly inFrame: boolean;
  readonly displacement: number;
}

/** Emits the load, store or atomic instruction at `slot`. */
export function emitMemory(code: FunctionCode, slot: number): void {
  const { image } = code;
  const opcode = image.opcode[slot] as number;
  const size = sizeBytes((opcode & 0x18) as Size);
  const family = opcode & 7;
  const load = image.isMemoryLoad(slot);
  const base = (load ? image.src[slot] : image.dst[slot]) as number;
  const place = emitPlace(code, slot, { base, size, write: !load });
  const mode = opcode & 0xe0;
  if (load) {
    pushAddress(code, place);
    code.memory(loadOp(size, mode === Mode.MemSx), place.displacement);
    code.setRegister(image.dst[slot] as number);
  } else if (mode === Mode.Atomic && image.imm[slot] !== AtomicOp.StoreRelease) {
    emitAtomic(code, slot, size, place);
  } else {
    pushAddress(code, place);
    if (family === Class.St) code.i64(image.imm[slot] as number);
    else code.getRegister(image.src[slot] as number);
    code.memory(storeOp(size), place.displacement);
  }
}

/** Checks an access unless it is visibly inside the frame. */
function emitPlace(
  code: FunctionCode,
  slot: number,
  access: { base: number; size: number; write: boolean },
): Place {
  const off = code.image.off[slot] as number;
  const known = code.frameOffset(access.base, off, access.size);
  if (known !== undefined) return { inFrame: true, displacement: FRAME_BYTES + known };
  emitCheck(code, slot, access);
  return { inFrame: false, displacement: 0 };
}

function pushAddress(code: FunctionCode, place: Place): void {
  code.get(place.inFrame ? Local.Base : Local.Offset);
}

/**
 * Leaves the offset of a checked access in Local.Offset. The fast test: the address is below the memory's limit, and the
 * ownership byte of its 8-byte granule allows enough bytes. All else (other addresses, granule crossings) is decided by
 * the imported slow check, which returns the offset or ends the run.
 */
function emitCheck(
  code: FunctionCode,
  slot: number,
  access: { base: number; size: number; write: boolean },
): void {
  const { maximumBytes } = code.module;
  const off = code.image.off[slot] as number;
  code.getRegister(access.base);
  code.i64MinusBase(off);
  code.op(Op.I64Add);
  code.tee(Local.Wide);
  code.i64Words(maximumBytes, 0);
  code.op(Op.I64GeU);
  code.get(Local.Wide);
  code.op(Op.I32WrapI64);
  code.tee(Local.Offset);
  code.i32(7);
  code.op(Op.I32And);
  code.i32(access.size);
  code.op(Op.I32Add);
  code.get(Local.Offset);
  code.i32(OWNERSHIP_SHIFT);
  code.op(Op.I32ShrU);
  // Keeps the table access in bounds for addresses that the first comparison has already refused.
  code.i32((maximumBytes >>> OWNERSHIP_SHIFT) - 1);
  code.op(Op.I32And);
  code.memory(Op.I32Load8U, 0);
  code.i32(access.write ? 4 : 15);
  code.op(access.write ? Op.I32ShrU : Op.I32And);
  code.op(Op.I32GtU);
  code.op(Op.I32Or);
  code.sink.byte2(Op.If, EMPTY_BLOCK);
  emitSlowCheck(code, slot, access);
  code.op(Op.End);
}

function emitSlowCheck(
  code: FunctionCode,
  slot: number,
  access: { base: number; size: number; write: boolean },
): void {
  code.getRegister(access.base);
  code.i64(code.image.off[slot] as number);
  code.op(Op.I64Add);
  code.tee(Local.Wide);
  code.op(Op.I32WrapI64);
  code.get(Local.Wide);
  code.i64(32);
  code.op(Op.I64ShrU);
  code.op(Op.I32WrapI64);
  code.i32(access.size);
  code.i32(slot);
  code.op(Op.Call);
  code.sink.u32(access.write ? Import.Writable : Import.Readable);
  code.set(Local.Offset);
}

function loadOp(size: number, signed: boolean): number {
  switch (size) {
    case 1:
      return signed ? Op.I64Load8S : Op.I64Load8U;
    case 2:
      return signed ? Op.I64Load16S : Op.I64Load16U;
    case 4:
      return signed ? Op.I64Load32S : Op.I64Load32U;
    default:
      return Op.I64Load;
  }
}

function storeOp(size: number): number {
  switch (size) {
    case 1:
      return Op.I64Store8;
    case 2:
      return Op.I64Store16;
    case 4:
      return Op.I64Store32;
    default:
      return Op.I64Store;
  }
}

/** One thread runs, so atomic means: load, combine, store. */
function emitAtomic(code: FunctionCode, slot: number, size: number, place: Place): void {
  const { image } = code;
  const src = image.src[slot] as number;
  const operation = image.imm[slot] as number;
  pushAddress(code, place);
  code.memory(loadOp(size, false), place.displacement);
  code.set(Local.Wide2);
  pushAddress(code, place);
  if (operation === AtomicOp.Cmpxchg) {
    // The value to store: the source where memory equals r0, else what is there already.
    code.getRegister(src);
    code.get(Local.Wide2);
    code.get(Local.Wide2);
    code.getRegister(0);
    if (size === 4) {
      code.i64Words(-1, 0);
      code.op(Op.I64And);
    }
    code.op(Op.I64Eq);
    code.op(Op.Select);
    code.memory(storeOp(size), place.displacement);
    code.get(Local.Wide2);
    code.setRegister(0);
    return;
  }
  if (operation === AtomicOp.Xchg) code.getRegister(src);
  else {
    code.get(Local.Wide2);
    code.getRegister(src);
    code.op(combineOp(operation & ~1));
  }
  code.memory(storeOp(size), place.displacement);
  if ((operation & 1) === 0) return;
  code.get(Local.Wide2);
  code.setRegister(src);
}

function combineOp(operation: number): number {
  switch (operation) {
    case AtomicOp.Add:
      return Op.I64Add;
    case AtomicOp.Or:
      return Op.I64Or;
    case AtomicOp.And:
      return Op.I64And;
    default:
      return Op.I64Xor;
  }
}
