/** Helpers that format text: bpf_trace_printk, bpf_trace_vprintk, bpf_snprintf. */
import { Errno } from "@bpfkit/base/abi";
import type { Machine } from "../program/machine.ts";
import { type HelperDefinition, mustRead, mustWrite } from "./definition.ts";
import { type FormatArguments, formatBytes } from "./format.ts";
import { readString } from "./probe-read.ts";

/** BPF_TRACE_PRINTK_SIZE: the line with its final zero. */
const LINE_BYTES = 1024;

/** MAX_BPRINTF_VARARGS. */
const MAX_VALUES = 12;

/** Longest string that one conversion reads; the kernel's buffer for all of them has 1024 bytes (MAX_BPRINTF_BIN_ARGS). */
const TEXT_BYTES = 512;

const decoder = new TextDecoder();

/** Values from 64-bit words that `word` gives: index -> low at 2 * index, high after it. */
function wordArguments(machine: Machine, count: number, word: (index: number) => number): FormatArguments {
  return {
    count,
    low: (index) => word(index * 2),
    high: (index) => word(index * 2 + 1),
    text: (index, side) => {
      const [low, high] = [word(index * 2), word(index * 2 + 1)];
      const user = side === "auto" ? high >>> 0 < 0x8000 : side === "user";
      const scratch = machine.memory.allocateOffset(TEXT_BYTES, 8, "kernel");
      try {
        const length = readString(machine, scratch, TEXT_BYTES, { user, low, high });
        return machine.memory.u8.slice(scratch, scratch + Math.max(0, length - 1));
      } finally {
        machine.memory.releaseOffset(scratch);
      }
    },
  };
}

/** Values from an array of u64 in the program's memory. */
function arrayArguments(machine: Machine, data: number, bytes: number): FormatArguments {
  return wordArguments(machine, bytes / 8, (index) => machine.memory.view.getInt32(data + index * 4, true));
}

/** The format at an offset, without its zero; undefined where no zero is within `size` bytes. */
function formatAt(machine: Machine, offset: number, size: number): Uint8Array | undefined {
  const bytes = machine.memory.u8.subarray(offset, offset + size);
  const end = bytes.indexOf(0);
  return end < 0 ? undefined : bytes.slice(0, end);
}

/** Formats and prints a line; its length, or a negative errno. */
function printLine(machine: Machine, format: Uint8Array | undefined, values: FormatArguments): number {
  if (format === undefined) return -Errno.EINVAL;
  const text = formatBytes(format, values);
  if (typeof text === "number") return text;
  machine.printLine(decoder.decode(text.subarray(0, LINE_BYTES - 1)));
  return text.length;
}

/** -EINVAL for the length of an array of values that cannot be; 0 else. */
function refuseValues(data: number, bytes: number): number {
  const bad = bytes % 8 !== 0 || bytes < 0 || bytes > MAX_VALUES * 8 || (bytes > 0 && data === 0);
  return bad ? -Errno.EINVAL : 0;
}

/** bpf_trace_printk(fmt, fmt_size, ...): at most three values. */
export const tracePrintk: HelperDefinition = {
  name: "trace_printk",
  arguments: ["memory", "int", "wide", "wide", "wide"],
  requiredArguments: 2,
  result: "int",
  gplOnly: true,
  bind:
    (machine) =>
    (format, size, ...words) => {
      mustRead(machine, format as number, size as number, 1);
      const values = wordArguments(machine, 3, (index) => words[index] as number);
      return printLine(machine, formatAt(machine, format as number, size as number), values);
    },
};

/** bpf_trace_vprintk(fmt, fmt_size, data, data_len): up to twelve values. */
export const traceVprintk: HelperDefinition = {
  name: "trace_vprintk",
  arguments: ["memory", "int", "memory", "int"],
  result: "int",
  gplOnly: true,
  bind: (machine) => (format, size, data, bytes) => {
    mustRead(machine, format as number, size as number, 1);
    const refused = refuseValues(data as number, bytes as number);
    if (refused !== 0) return refused;
    mustRead(machine, data as number, bytes as number, 3);
    const values = arrayArguments(machine, data as number, bytes as number);
    return printLine(machine, formatAt(machine, format as number, size as number), values);
  },
};

/** Longest format string that bpf_snprintf looks for the end of. */
const FORMAT_BYTES = 4096;

/** bpf_snprintf(str, str_size, fmt, data, data_len): length with the final zero, also when it was cut. */
export const snprintf: HelperDefinition = {
  name: "snprintf",
  arguments: ["memory", "int", "memory", "memory", "int"],
  result: "int",
  gplOnly: true,
  bind: (machine) => (to, size, format, data, bytes) => {
    const [target, room] = [to as number, size as number];
    mustWrite(machine, target, room, 1);
    const refused = refuseValues(data as number, bytes as number);
    if (refused !== 0) return refused;
    mustRead(machine, data as number, bytes as number, 4);
    let length = 0;
    while (length < FORMAT_BYTES && machine.memory.programMayRead((format as number) + length, 1)) {
      if (machine.memory.u8[(format as number) + length] === 0) break;
      length++;
    }
    mustRead(machine, format as number, length + 1, 3);
    const text = formatBytes(
      machine.memory.u8.slice(format as number, (format as number) + length),
      arrayArguments(machine, data as number, bytes as number),
    );
    if (typeof text === "number") return text;
    if (room > 0) {
      const cut = text.subarray(0, room - 1);
      machine.memory.u8.set(cut, target);
      machine.memory.u8[target + cut.length] = 0;
    }
    return text.length + 1;
  },
};
