/** Which line of C a slot of a loaded program comes from: the line records given to BPF_PROG_LOAD. */
import { Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
import type { BtfTable } from "@bpfkit/elf/btf";
import type { SourceLine } from "../program/fault.ts";

/** `struct bpf_line_info`: slot, file name, line text, line and column in one word. */
const RecordSize = 16;

/**
 * Looks lines up by slot.
 * @throws SyscallError EINVAL where records are cut off or not in order
 */
export function sourceLines(btf: BtfTable, lineInfo: Uint8Array): (slot: number) => SourceLine | undefined {
  const invalid = () => new SyscallError("BPF_PROG_LOAD", Errno.EINVAL, { detail: "line_info is damaged" });
  if (lineInfo.length % RecordSize !== 0) throw invalid();
  const view = new DataView(lineInfo.buffer, lineInfo.byteOffset, lineInfo.length);
  const slots: number[] = [];
  for (let at = 0; at < lineInfo.length; at += RecordSize) {
    const slot = view.getUint32(at, true);
    if (slots.length > 0 && slot <= slots.at(-1)!) throw invalid();
    slots.push(slot);
  }
  return (slot) => {
    let low = 0;
    let high = slots.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (slots[middle]! <= slot) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    const at = (low - 1) * RecordSize;
    const place = view.getUint32(at + 12, true);
    return {
      file: btf.string(view.getUint32(at + 4, true)),
      text: btf.string(view.getUint32(at + 8, true)),
      line: place >>> 10,
      column: place & 0x3ff,
    };
  };
}
