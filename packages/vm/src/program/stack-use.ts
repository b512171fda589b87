/** How much stack a function visibly uses: accesses through r10 and addresses derived from it by constants. */
import { AluOp, Class, Mode, type Size, Source, sizeBytes } from "@bpfkit/elf/isa";
import { FRAME_BYTES, type ProgramImage } from "./image.ts";
import type { Rejecter } from "./rejection.ts";

/** Opcodes of `rX = rY` and `rX += imm`, 64-bit. */
const MOVE = Class.Alu64 | Source.X | AluOp.Mov;
const ADD_CONSTANT = Class.Alu64 | Source.K | AluOp.Add;

/**
 * Bytes below r10 in use by slots [start, end): a lower bound, exact for code whose stack addresses are constant.
 * Refuses accesses through r10 outside the frame.
 */
export function visibleStackBytes(image: ProgramImage, start: number, end: number, reject: Rejecter): number {
  let lowest = 0;
  for (let slot = start; slot < end; slot = image.nextSlot(slot)) {
    const opcode = image.opcode[slot] as number;
    const family = opcode & 7;
    const off = image.off[slot] as number;
    if (family === Class.Ldx || family === Class.St || family === Class.Stx) {
      const base = family === Class.Ldx ? image.src[slot] : image.dst[slot];
      if (base !== 10) continue;
      const size = sizeBytes((opcode & 0x18) as Size);
      if (off < -FRAME_BYTES || off + size > 0) {
        const verb = family === Class.Ldx || (opcode & 0xe0) === Mode.Atomic ? "read from" : "write to";
        reject.at(slot, `invalid ${verb} stack R10 off=${off} size=${size}`, 13);
      }
      lowest = Math.min(lowest, off);
      continue;
    }
    // r2 = r10; r2 += -8
    const next = slot + 1;
    if (opcode !== MOVE || image.src[slot] !== 10 || off !== 0 || next >= end) continue;
    if (image.opcode[next] === ADD_CONSTANT && image.dst[next] === image.dst[slot]) {
      lowest = Math.max(-FRAME_BYTES, Math.min(lowest, image.imm[next] as number));
    }
  }
  return -lowest;
}
