/** What emitting one function needs at hand: the sink, register locals, and what is known about the frame pointer. */
import { MEMORY_BASE_HIGH, MEMORY_BASE_LOW } from "../memory/layout.ts";
import { FRAME_BYTES, type ProgramImage } from "../program/image.ts";
import type { ByteSink } from "./byte-sink.ts";
import { Op } from "./wasm-op.ts";

/** Locals of every function. The parameters are r1 to r5 and the offset of the frame's first byte. */
export const Local = {
  Base: 5,
  R0: 6,
  R6: 7,
  /** i64 scratch. */
  Wide: 11,
  /** i32 scratch: the offset of a memory access. */
  Offset: 12,
  /** i32: backward jumps and calls left. */
  Fuel: 13,
  /** i32: next block, where control flow is dispatched. */
  Next: 14,
  /** Second i64 scratch. */
  Wide2: 15,
  /** i32: how often a `may_goto` still falls through. */
  Loops: 16,
} as const;

/** Indices of the imported functions that every module has; helpers follow. */
export const Import = { Readable: 0, Writable: 1, OutOfFuel: 2, NoHelper: 3, FirstHelper: 4 } as const;

/** Facts of the module that functions are emitted into. */
export interface ModuleContext {
  readonly image: ProgramImage;
  /** Offset of the control block. */
  readonly control: number;
  /** Limit of the memory, a power of two. */
  readonly maximumBytes: number;
  /** Index of the wasm function of BPF function 0. */
  readonly firstFunction: number;
  /** Helper id -> index of its import. */
  readonly helperImports: ReadonlyMap<number, number>;
}

/** {@link FunctionCode.frameOffset} of a register that is not known to point into the frame. */
const UNKNOWN = 0x7fff_ffff;

/** Emission state of one function. */
export class FunctionCode {
  readonly sink: ByteSink;
  readonly module: ModuleContext;
  readonly image: ProgramImage;
  /** For each register, its distance from r10 where it is a known constant. */
  readonly #frameOffset = new Int32Array(11).fill(UNKNOWN);

  constructor(sink: ByteSink, module: ModuleContext) {
    this.sink = sink;
    this.module = module;
    this.image = module.image;
  }

  op(opcode: number): void {
    this.sink.byte(opcode);
  }

  get(local: number): void {
    this.sink.byte2(Op.LocalGet, local);
  }

  set(local: number): void {
    this.sink.byte2(Op.LocalSet, local);
  }

  tee(local: number): void {
    this.sink.byte2(Op.LocalTee, local);
  }

  i32(value: number): void {
    this.sink.byte(Op.I32Const);
    this.sink.s32(value);
  }

  /** A sign-extended 32-bit number as i64. */
  i64(value: number): void {
    this.sink.byte(Op.I64Const);
    this.sink.s32(value);
  }

  /** A 64-bit constant in two words. */
  i64Words(low: number, high: number): void {
    this.sink.byte(Op.I64Const);
    this.sink.s64(low, high);
  }

  /** i64 constant `value` minus the base of guest memory; `value` is a signed 32-bit number. */
  i64MinusBase(value: number): void {
    const borrow = value >>> 0 < MEMORY_BASE_LOW ? 1 : 0;
    this.i64Words(value - MEMORY_BASE_LOW, (value >> 31) - MEMORY_BASE_HIGH - borrow);
  }

  /** A load or store at the address on the stack plus `offset`, no alignment promised. */
  memory(opcode: number, offset: number): void {
    this.sink.byte2(opcode, 0);
    this.sink.u32(offset);
  }

  /** Pushes a register's value. */
  getRegister(register: number): void {
    if (register !== 10) {
      this.get(localOf(register));
      return;
    }
    this.get(Local.Base);
    this.op(Op.I64ExtendI32U);
    this.i64Words(MEMORY_BASE_LOW + FRAME_BYTES, MEMORY_BASE_HIGH);
    this.op(Op.I64Add);
  }

  /** Pops an i64 into a register; what was known about it is forgotten. */
  setRegister(register: number): void {
    this.set(localOf(register));
    this.#frameOffset[register] = UNKNOWN;
  }

  /** Pushes the low 32 bits of a register. */
  getRegister32(register: number): void {
    this.getRegister(register);
    this.op(Op.I32WrapI64);
  }

  /** Pops an i32 and stores it zero-extended. */
  setRegister32(register: number): void {
    this.op(Op.I64ExtendI32U);
    this.setRegister(register);
  }

  /** Nothing is known about any register, as at the start of a block. */
  forgetFrameOffsets(): void {
    this.#frameOffset.fill(UNKNOWN);
    this.#frameOffset[10] = 0;
  }

  /** Distance of a register from r10, if it is a constant such that [distance, distance + size) is in the frame. */
  frameOffset(register: number, off: number, size: number): number | undefined {
    const known = this.#frameOffset[register] as number;
    if (known === UNKNOWN) return undefined;
    const from = known + off;
    return from >= -FRAME_BYTES && from + size <= 0 ? from : undefined;
  }

  /** After `dst = src + distance` was emitted. */
  noteFrameOffset(dst: number, src: number, distance: number): void {
    const known = this.#frameOffset[src] as number;
    const sum = known + distance;
    // Sums that could wrap are of no use anyway.
    const usable = known !== UNKNOWN && Math.abs(sum) < 0x1000_0000;
    this.#frameOffset[dst] = usable ? sum : UNKNOWN;
  }

  /** The frame offset to pass on before a register is overwritten by itself. */
  rawFrameOffset(register: number): number {
    return this.#frameOffset[register] as number;
  }

  /** Sets what {@link rawFrameOffset} gave, changed by `distance`. */
  restoreFrameOffset(register: number, known: number, distance: number): void {
    const sum = known + distance;
    this.#frameOffset[register] = known !== UNKNOWN && Math.abs(sum) < 0x1000_0000 ? sum : UNKNOWN;
  }
}

/** The local of r0 to r9. */
export function localOf(register: number): number {
  if (register === 0) return Local.R0;
  return register <= 5 ? register - 1 : Local.R6 + register - 6;
}
