/** Instructions to bytes. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { InstructionBytesOptions } from "./decode.ts";
import { type Instruction, totalSlots } from "./instruction.ts";
import { loadImm64Opcode, slotSizeBytes } from "./opcode.ts";

/**
 * Encodes a whole program.
 * @throws BpfkitError `EL204` where a field does not fit its bits: registers 0 to 15, offsets 16 bits signed, immediates
 * 32 bits (signed, or unsigned from 2^31 up).
 */
export function encodeInstructions(
  instructions: readonly Instruction[],
  options: InstructionBytesOptions = {},
): Uint8Array {
  const little = options.littleEndian ?? true;
  const bytes = new Uint8Array(totalSlots(instructions) * slotSizeBytes);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const instruction of instructions) {
    const { opcode, dst, src, off, imm } = instruction;
    check(instruction, at / slotSizeBytes);
    view.setUint8(at, opcode);
    view.setUint8(at + 1, little ? dst | (src << 4) : src | (dst << 4));
    view.setInt16(at + 2, off, little);
    view.setInt32(at + 4, imm, little);
    at += slotSizeBytes;
    if (opcode === loadImm64Opcode) {
      view.setInt32(at + 4, instruction.immHigh, little);
      at += slotSizeBytes;
    }
  }
  return bytes;
}

function check(instruction: Instruction, slot: number): void {
  const { opcode, dst, src, off, imm, immHigh } = instruction;
  if (!inRange(opcode, 0, 0xff)) fail("opcode", opcode, slot);
  if (!inRange(dst, 0, 15)) fail("destination register", dst, slot);
  if (!inRange(src, 0, 15)) fail("source register", src, slot);
  if (!inRange(off, -0x8000, 0x7fff)) fail("offset", off, slot);
  if (!inRange(imm, -0x8000_0000, 0xffff_ffff)) fail("immediate", imm, slot);
  if (!inRange(immHigh, -0x8000_0000, 0xffff_ffff)) fail("upper immediate", immHigh, slot);
  if (immHigh !== 0 && opcode !== loadImm64Opcode) fail("upper immediate", immHigh, slot);
}

function inRange(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}

function fail(field: string, value: number, slot: number): never {
  throw new BpfkitError("EL204", `slot ${slot}: ${field} ${value} does not fit the instruction`, {
    hint: field === "offset" ? "Jumps beyond 32767 slots need ISA v4 (-mcpu=v4)." : "Use a smaller value.",
  });
}
