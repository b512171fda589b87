/** A program as arrays, one element per 8-byte slot: what the checks, the interpreter and the JIT work on. */
import { AtomicOp, Class, JumpOp, loadImm64Opcode, Mode, Source, slotSizeBytes } from "@bpfkit/elf/isa";

/** Bytes of one stack frame (MAX_BPF_STACK). */
export const FRAME_BYTES = 512;

/**
 * How often the `may_goto` instructions of one function call fall through before they jump: BPF_MAX_LOOPS. Kernels that
 * bound them by time (x86 since Linux 6.15) stop elsewhere, so no program can rely on the number.
 */
export const MAX_LOOPS = 8 * 1024 * 1024;

/** Opcode of the unconditional jump with a 32-bit offset (`gotol`, ISA v4). */
const LONG_JUMP = Class.Jmp32 | JumpOp.Ja;

/** One function of a program: slots [start, end). Function 0 is the entry. */
export interface FunctionRange {
  readonly start: number;
  readonly end: number;
  /** Bytes below r10 that the instructions visibly use; at most {@link FRAME_BYTES}. */
  readonly stackBytes: number;
  /** Bytes below r10 that are zero when the function starts: what it uses, or the whole frame where that is not plain. */
  readonly zeroBytes: number;
}

/** Decoded slots. The second slot of a 64-bit immediate has opcode 0 and the upper word in `imm`. */
export class ProgramImage {
  readonly name: string;
  /** enum bpf_prog_type. */
  readonly type: number;
  readonly slotCount: number;
  readonly opcode: Uint8Array;
  readonly dst: Uint8Array;
  readonly src: Uint8Array;
  readonly off: Int32Array;
  readonly imm: Int32Array;
  /** 1 for the second slot of a 64-bit immediate load. */
  readonly isSecondSlot: Uint8Array;
  /** Set by the checks. */
  functions: readonly FunctionRange[] = [];
  /** Start slot -> function number. Set by the checks. */
  functionAt: ReadonlyMap<number, number> = new Map();

  /** `bytes` must be a whole number of slots. */
  constructor(name: string, type: number, bytes: Uint8Array) {
    this.name = name;
    this.type = type;
    const count = Math.floor(bytes.length / slotSizeBytes);
    this.slotCount = count;
    this.opcode = new Uint8Array(count);
    this.dst = new Uint8Array(count);
    this.src = new Uint8Array(count);
    this.off = new Int32Array(count);
    this.imm = new Int32Array(count);
    this.isSecondSlot = new Uint8Array(count);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let slot = 0; slot < count; slot++) {
      const at = slot * slotSizeBytes;
      const registers = view.getUint8(at + 1);
      this.opcode[slot] = view.getUint8(at);
      this.dst[slot] = registers & 15;
      this.src[slot] = registers >>> 4;
      this.off[slot] = view.getInt16(at + 2, true);
      this.imm[slot] = view.getInt32(at + 4, true);
      const first = slot > 0 && this.opcode[slot - 1] === loadImm64Opcode;
      if (first && this.isSecondSlot[slot - 1] === 0) this.isSecondSlot[slot] = 1;
    }
  }

  /** True for jumps that may leave the straight line, conditional or not; false for calls and exit. */
  isJump(slot: number): boolean {
    const opcode = this.opcode[slot] as number;
    const family = opcode & 7;
    if (family !== Class.Jmp && family !== Class.Jmp32) return false;
    const operation = opcode & 0xf0;
    return operation !== JumpOp.Call && operation !== JumpOp.Exit;
  }

  /** True for `goto` and `gotol`. */
  isUnconditionalJump(slot: number): boolean {
    return this.isJump(slot) && ((this.opcode[slot] as number) & 0xf0) === JumpOp.Ja;
  }

  /** Where a jump goes. */
  jumpTarget(slot: number): number {
    const distance = this.opcode[slot] === LONG_JUMP ? this.imm[slot] : this.off[slot];
    return slot + 1 + (distance as number);
  }

  /** True for `may_goto` (Linux 6.9): jumps only once the function's {@link MAX_LOOPS} are used up. */
  isMayGoto(slot: number): boolean {
    return this.opcode[slot] === (Class.Jmp | JumpOp.Jcond);
  }

  /** True for `load_acquire` (Linux 6.15), a load although its opcode is of the class of stores. */
  isLoadAcquire(slot: number): boolean {
    const opcode = this.opcode[slot] as number;
    const atomic = (opcode & 7) === Class.Stx && (opcode & 0xe0) === Mode.Atomic;
    return atomic && this.imm[slot] === AtomicOp.LoadAcquire;
  }

  /** True for the loads of one value from memory: `*(uN *)(rS +off)` and `load_acquire`. */
  isMemoryLoad(slot: number): boolean {
    return ((this.opcode[slot] as number) & 7) === Class.Ldx || this.isLoadAcquire(slot);
  }

  isExit(slot: number): boolean {
    return this.opcode[slot] === (Class.Jmp | JumpOp.Exit);
  }

  isCall(slot: number): boolean {
    return this.opcode[slot] === (Class.Jmp | JumpOp.Call);
  }

  /** A helper call by the number in a register (`callx`): in the ISA, but refused by the kernel. */
  isRegisterCall(slot: number): boolean {
    return this.opcode[slot] === (Class.Jmp | JumpOp.Call | Source.X);
  }

  isWideLoad(slot: number): boolean {
    return this.opcode[slot] === loadImm64Opcode && this.isSecondSlot[slot] === 0;
  }

  /** The slot after an instruction. */
  nextSlot(slot: number): number {
    return slot + (this.isWideLoad(slot) ? 2 : 1);
  }
}
