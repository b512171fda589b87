/** The reference interpreter: one instruction after the other, written to be read rather than to be fast. */
import { Class, PseudoCall } from "@bpfkit/elf/isa";
import type { HelperTable } from "../helpers/definition.ts";
import { calleeSlot } from "../program/check-flow.ts";
import { ControlBlock, FRAME_STRIDE } from "../program/control-block.ts";
import type { Executable } from "../program/executable.ts";
import { type FunctionRange, MAX_LOOPS, type ProgramImage } from "../program/image.ts";
import type { Machine } from "../program/machine.ts";
import type { MemoryGuard } from "../program/memory-guard.ts";
import { alu32 } from "./alu32.ts";
import { alu64 } from "./alu64.ts";
import { isTaken } from "./branch.ts";
import { HelperCalls } from "./call.ts";
import { accessMemory } from "./memory.ts";

/** Executes a checked and resolved program image. */
export class Interpreter implements Executable {
  readonly #image: ProgramImage;
  readonly #machine: Machine;
  readonly #guard: MemoryGuard;
  readonly #helpers: HelperCalls;

  constructor(image: ProgramImage, machine: Machine, guard: MemoryGuard, helpers: HelperTable) {
    this.#image = image;
    this.#machine = machine;
    this.#guard = guard;
    this.#helpers = new HelperCalls(image, machine, helpers);
  }

  enter(fn: number, frame: number): void {
    const { memory, control } = this.#machine;
    const regs = new BigUint64Array(11);
    for (let i = 0; i < 5; i++) {
      regs[1 + i] = memory.view.getBigUint64(control + ControlBlock.Arguments + i * 8, true);
    }
    this.#runFunction(fn, frame, regs);
    memory.view.setBigUint64(control + ControlBlock.Result, regs[0] as bigint, true);
  }

  /** Runs a function on its own registers, until its exit or a tail call; r0 is then the result. */
  #runFunction(fn: number, frame: number, regs: BigUint64Array): void {
    const image = this.#image;
    const { memory } = this.#machine;
    const range = image.functions[fn] as FunctionRange;
    memory.u8.fill(0, frame - range.zeroBytes, frame);
    regs[10] = memory.addressOf(frame);
    let slot = range.start;
    let loops = MAX_LOOPS;
    for (;;) {
      switch ((image.opcode[slot] as number) & 7) {
        case Class.Alu64:
          alu64(image, slot++, regs);
          break;
        case Class.Alu:
          alu32(image, slot++, regs);
          break;
        case Class.Ld:
          regs[image.dst[slot] as number] =
            BigInt((image.imm[slot] as number) >>> 0) |
            (BigInt((image.imm[slot + 1] as number) >>> 0) << 32n);
          slot += 2;
          break;
        case Class.Jmp:
        case Class.Jmp32: {
          if (image.isExit(slot)) return;
          if (image.isMayGoto(slot) && loops > 0) {
            loops--;
            slot++;
            break;
          }
          if (image.isCall(slot) || image.isRegisterCall(slot)) {
            if (this.#call(slot++, frame, regs)) return;
          } else slot = isTaken(image, slot, regs) ? this.#jump(slot) : slot + 1;
          break;
        }
        default:
          accessMemory(image, slot++, regs, this.#guard);
      }
    }
  }

  /** Target of the jump at `slot`; going backward costs fuel. */
  #jump(slot: number): number {
    const target = this.#image.jumpTarget(slot);
    if (target <= slot) this.#burn(slot);
    return target;
  }

  #burn(slot: number): void {
    this.#setSlot(slot);
    this.#machine.burn();
  }

  #setSlot(slot: number): void {
    const { memory, control } = this.#machine;
    memory.i32[(control + ControlBlock.Slot) >>> 2] = slot;
  }

  /** Executes a call; true when a tail call took the function's place. */
  #call(slot: number, frame: number, regs: BigUint64Array): boolean {
    const image = this.#image;
    if (image.src[slot] === PseudoCall.Local) {
      this.#burn(slot);
      const callee = new BigUint64Array(11);
      callee.set(regs.subarray(1, 6), 1);
      this.#runFunction(
        image.functionAt.get(calleeSlot(image, slot) as number) as number,
        frame + FRAME_STRIDE,
        callee,
      );
      regs[0] = callee[0] as bigint;
      return false;
    }
    const { memory, control } = this.#machine;
    this.#setSlot(slot);
    memory.i32[(control + ControlBlock.Frame) >>> 2] = frame;
    if (image.isCall(slot)) return this.#helpers.call(image.imm[slot] as number, regs);
    const id = Number(BigInt.asIntN(32, regs[image.dst[slot] as number] as bigint));
    if (!this.#helpers.has(id)) this.#machine.noHelper(id, slot);
    return this.#helpers.call(id, regs);
  }
}
