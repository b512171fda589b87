/** func_info and line_info of a linked program: section offsets become slots of the joined stream. */
import { ByteWriter } from "@bpfkit/base/bytes";
import type { LinkedProgram } from "./link-program.ts";

/** The two arrays of BPF_PROG_LOAD; undefined where the object has no such records for every function. */
export interface KernelRecords {
  readonly funcInfo: Uint8Array | undefined;
  readonly lineInfo: Uint8Array | undefined;
}

/** Encodes `struct bpf_func_info` (8 bytes) and `struct bpf_line_info` (16 bytes) records. */
export function kernelRecords(program: LinkedProgram): KernelRecords {
  const funcs = new ByteWriter();
  const lines = new ByteWriter();
  let complete = true;
  for (const { code, function: source, startSlot } of program.functions) {
    const inside = (offset: number): boolean =>
      offset >= source.slot * 8 && offset < (source.slot + source.slots) * 8;
    const slotOf = (offset: number): number => startSlot + offset / 8 - source.slot;
    const func = code.funcs.find((record) => record.insnOffset === source.slot * 8);
    if (func === undefined) {
      complete = false;
    } else {
      funcs.u32(startSlot);
      funcs.u32(func.typeId);
    }
    let first = true;
    for (const record of code.lineRecords) {
      if (!inside(record.offset)) continue;
      // The kernel wants a line for the first instruction of every function.
      if (first && record.offset !== source.slot * 8) complete = false;
      first = false;
      lines.u32(slotOf(record.offset));
      lines.u32(record.fileNameOffset);
      lines.u32(record.textOffset);
      lines.u32(record.lineAndColumn);
    }
    if (first) complete = false;
  }
  return {
    funcInfo: complete ? funcs.finish() : undefined,
    lineInfo: complete ? lines.finish() : undefined,
  };
}
