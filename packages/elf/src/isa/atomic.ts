/** Constructors of atomic instructions, on 32 and 64 bits (8 and 16 too for acquire and release). */
import type { Instruction } from "./instruction.ts";
import { AtomicOp, Class, Mode, type Size } from "./opcode.ts";

function atomic(operation: AtomicOp, size: Size, dst: number, off: number, src: number): Instruction {
  return { opcode: Class.Stx | Mode.Atomic | size, dst, src, off, imm: operation, immHigh: 0 };
}

/** Operations whose old value may be asked for. */
export type AtomicArithmetic =
  | typeof AtomicOp.Add
  | typeof AtomicOp.Or
  | typeof AtomicOp.And
  | typeof AtomicOp.Xor;

/** `lock *(uN *)(rD +off) op= rS` (add: ISA v1, others v3). */
export function atomicUpdate(
  operation: AtomicArithmetic,
  size: typeof Size.W | typeof Size.DW,
  dst: number,
  off: number,
  src: number,
): Instruction {
  return atomic(operation, size, dst, off, src);
}

/** `rS = atomic64_fetch_op((u64 *)(rD +off), rS)` (ISA v3). */
export function atomicFetch(
  operation: AtomicArithmetic,
  size: typeof Size.W | typeof Size.DW,
  dst: number,
  off: number,
  src: number,
): Instruction {
  return atomic((operation | AtomicOp.FetchAdd) as AtomicOp, size, dst, off, src);
}

/** `lock *(uN *)(rD +off) += rS`, the one atomic of ISA v1. */
export function atomicAdd(
  size: typeof Size.W | typeof Size.DW,
  dst: number,
  off: number,
  src: number,
): Instruction {
  return atomic(AtomicOp.Add, size, dst, off, src);
}

/** `rS = atomic64_xchg((u64 *)(rD +off), rS)` (ISA v3). */
export function atomicExchange(
  size: typeof Size.W | typeof Size.DW,
  dst: number,
  off: number,
  src: number,
): Instruction {
  return atomic(AtomicOp.Xchg, size, dst, off, src);
}

/** `r0 = atomic64_cmpxchg((u64 *)(rD +off), r0, rS)` (ISA v3). */
export function atomicCompareExchange(
  size: typeof Size.W | typeof Size.DW,
  dst: number,
  off: number,
  src: number,
): Instruction {
  return atomic(AtomicOp.Cmpxchg, size, dst, off, src);
}

/** `rD = load_acquire((uN *)(rS +off))` (kernel 6.15). */
export function loadAcquire(size: Size, dst: number, src: number, off: number): Instruction {
  return atomic(AtomicOp.LoadAcquire, size, dst, off, src);
}

/** `store_release((uN *)(rD +off), rS)` (kernel 6.15). */
export function storeRelease(size: Size, dst: number, off: number, src: number): Instruction {
  return atomic(AtomicOp.StoreRelease, size, dst, off, src);
}
