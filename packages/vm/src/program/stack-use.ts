/** How much stack a function visibly uses: accesses through r10 and addresses derived from it by constants. */
import { AluOp, AtomicOp, Class, Mode, type Size, Source, sizeBytes } from "@bpfkit/elf/isa";
import { FRAME_BYTES, type ProgramImage } from "./image.ts";
import type { Rejecter } from "./rejection.ts";

/** Opcodes of `rX = rY` and `rX += imm`, 64-bit. */
const MOVE = Class.Alu64 | Source.X | AluOp.Mov;
const ADD_CONSTANT = Class.Alu64 | Source.K | AluOp.Add;

/** See the fields of the same name in FunctionRange. */
export interface StackUse {
  readonly stackBytes: number;
  readonly zeroBytes: number;
}

/**
 * Measures the use of the frame by slots [start, end); exact for code whose stack addresses are constants.
 * Refuses accesses through r10 outside the frame.
 */
export function measureStack(image: ProgramImage, start: number, end: number, reject: Rejecter): StackUse {
  let lowest = 0;
  let plain = true;
  for (let slot = start; slot < end; slot = image.nextSlot(slot)) {
    const opcode = image.opcode[slot] as number;
    const family = opcode & 7;
    const off = image.off[slot] as number;
    if (family === Class.Ldx || family === Class.St || family === Class.Stx) {
      const load = image.isMemoryLoad(slot);
      const base = load ? image.src[slot] : image.dst[slot];
      if (base === 10) lowest = Math.min(lowest, checkAccess(image, slot, off, reject));
      if (family === Class.Stx && !load && image.src[slot] === 10) plain = false;
      continue;
    }
    const readsFrame = (opcode & Source.X) !== 0 && image.src[slot] === 10;
    if (!readsFrame || family === Class.Ld) continue;
    // r2 = r10; r2 += -8
    const next = slot + 1;
    const moved = opcode === MOVE && off === 0 && next < end;
    if (moved && image.opcode[next] === ADD_CONSTANT && image.dst[next] === image.dst[slot]) {
      lowest = Math.max(-FRAME_BYTES, Math.min(lowest, image.imm[next] as number));
    } else plain = false;
  }
  return { stackBytes: -lowest, zeroBytes: plain ? (-lowest + 7) & ~7 : FRAME_BYTES };
}

/** The lowest byte that an access through r10 touches, relative to r10. */
function checkAccess(image: ProgramImage, slot: number, off: number, reject: Rejecter): number {
  const opcode = image.opcode[slot] as number;
  const size = sizeBytes((opcode & 0x18) as Size);
  if (off >= -FRAME_BYTES && off + size <= 0) return off;
  const atomic = (opcode & 0xe0) === Mode.Atomic && image.imm[slot] !== AtomicOp.StoreRelease;
  const reads = (opcode & 7) === Class.Ldx || atomic;
  return reject.at(slot, `invalid ${reads ? "read from" : "write to"} stack R10 off=${off} size=${size}`, 13);
}
