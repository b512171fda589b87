/** Bytes to instructions. */
import { BpfkitError } from "@bpfkit/base/diagnostics";
import type { Instruction } from "./instruction.ts";
import { loadImm64Opcode, slotSizeBytes } from "./opcode.ts";

/** Byte order of encoded instructions. */
export interface InstructionBytesOptions {
  /** Little-endian (bpfel) unless told otherwise. */
  readonly littleEndian?: boolean;
}

/**
 * Decodes a whole program. Opcodes are not judged here.
 * @throws BpfkitError `EL201` where the length is no multiple of eight, `EL202` where a 64-bit immediate lacks its second
 * slot, `EL203` where that slot has fields that must be zero.
 */
export function decodeInstructions(bytes: Uint8Array, options: InstructionBytesOptions = {}): Instruction[] {
  const little = options.littleEndian ?? true;
  if (bytes.length % slotSizeBytes !== 0) {
    throw new BpfkitError(
      "EL201",
      `${bytes.length} bytes of instructions are no multiple of ${slotSizeBytes}`,
      {
        hint: "The code is cut off or is not BPF.",
      },
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const list: Instruction[] = [];
  for (let at = 0; at < bytes.length; at += slotSizeBytes) {
    const opcode = view.getUint8(at);
    const registers = view.getUint8(at + 1);
    const low = registers & 0x0f;
    const high = registers >> 4;
    const dst = little ? low : high;
    const src = little ? high : low;
    const off = view.getInt16(at + 2, little);
    const imm = view.getInt32(at + 4, little);
    let immHigh = 0;
    if (opcode === loadImm64Opcode) {
      at += slotSizeBytes;
      immHigh = secondHalf(view, at, little);
    }
    list.push({ opcode, dst, src, off, imm, immHigh });
  }
  return list;
}

function secondHalf(view: DataView, at: number, little: boolean): number {
  if (at >= view.byteLength) {
    throw new BpfkitError(
      "EL202",
      `the 64-bit immediate load in slot ${at / slotSizeBytes - 1} has no second slot`,
      {
        hint: "The code is cut off or is not BPF.",
      },
    );
  }
  if (view.getUint32(at, little) !== 0) {
    throw new BpfkitError(
      "EL203",
      `slot ${at / slotSizeBytes} is the second half of a 64-bit immediate, but is not empty`,
      {
        hint: "The code is damaged or is not BPF.",
      },
    );
  }
  return view.getInt32(at + 4, little);
}
