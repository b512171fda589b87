/** Helpers on strings: bpf_strncmp, bpf_strtol, bpf_strtoul. */
import { Errno } from "@bpfkit/base/abi";
import type { Machine } from "../program/machine.ts";
import { type HelperDefinition, mustRead, mustWrite } from "./definition.ts";

/** bpf_strncmp(s1, s1_size, s2): -1, 0 or 1. */
export const strncmp: HelperDefinition = {
  name: "strncmp",
  arguments: ["memory", "int", "memory"],
  result: "int",
  bind: (machine) => (first, size, second) => {
    const [a, b, length] = [first as number, second as number, size as number];
    mustRead(machine, a, length, 1);
    mustRead(machine, b, 1, 3);
    const { u8 } = machine.memory;
    for (let i = 0; i < length; i++) {
      mustRead(machine, b + i, 1, 3);
      const [left, right] = [u8[a + i] as number, u8[b + i] as number];
      if (left !== right) return left < right ? -1 : 1;
      if (left === 0) return 0;
    }
    return 0;
  },
};

/** What a number at the start of a text is. */
interface ParsedNumber {
  readonly value: bigint;
  readonly negative: boolean;
  /** Bytes up to its end, white space before it included. */
  readonly length: number;
}

/** Longest prefix of the buffer that is looked at (the kernel copies 64 bytes). */
const LOOK_BYTES = 63;

/** Parses as __bpf_strtoull: white space, sign, optional 0x or 0, digits; a negative errno on failure. */
function parseNumber(machine: Machine, buffer: number, size: number, flags: number): ParsedNumber | number {
  const { u8 } = machine.memory;
  const text = String.fromCharCode(...u8.subarray(buffer, buffer + Math.min(size, LOOK_BYTES)));
  if (size === 0 || (flags !== 0 && flags !== 8 && flags !== 10 && flags !== 16)) return -Errno.EINVAL;
  const start = /^[ \t\n\v\f\r]*/.exec(text)?.[0].length ?? 0;
  if (start >= size) return -Errno.EINVAL;
  const negative = text[start] === "-";
  let at = start + (negative ? 1 : 0);
  if (at >= size) return -Errno.EINVAL;
  let base = flags;
  const hexadecimal = /^0x[0-9a-f]/i.test(text.slice(at));
  if (base === 0) base = hexadecimal ? 16 : text[at] === "0" ? 8 : 10;
  if (base === 16 && hexadecimal) at += 2;
  const digits = "0123456789abcdef".slice(0, base);
  let value = 0n;
  const first = at;
  while (at < text.length && digits.includes((text[at] as string).toLowerCase())) {
    value = value * BigInt(base) + BigInt(digits.indexOf((text[at] as string).toLowerCase()));
    if (value >= 1n << 64n) return -Errno.ERANGE;
    at++;
  }
  return at === first ? -Errno.EINVAL : { value, negative, length: at };
}

/** Shared form: `range` turns the number into what is stored, or undefined for -ERANGE (EINVAL for a refused sign). */
function parser(name: string, store: (number: ParsedNumber) => bigint | number): HelperDefinition {
  return {
    name,
    arguments: ["memory", "int", "wide", "memory"],
    result: "int",
    bind: (machine) => (buffer, size, flags, flagsHigh, result) => {
      mustRead(machine, buffer as number, size as number, 1);
      mustWrite(machine, result as number, 8, 4);
      const base = flagsHigh === 0 ? (flags as number) : -1;
      const parsed = parseNumber(machine, buffer as number, size as number, base);
      if (typeof parsed === "number") return parsed;
      const value = store(parsed);
      if (typeof value === "number") return value;
      machine.memory.view.setBigUint64(result as number, BigInt.asUintN(64, value), true);
      return parsed.length;
    },
  };
}

/** bpf_strtol(buf, buf_len, flags, res): bytes consumed, -EINVAL or -ERANGE. */
export const strtol = parser("strtol", ({ value, negative }) => {
  const limit = 1n << 63n;
  if (negative ? value > limit : value >= limit) return -Errno.ERANGE;
  return negative ? -value : value;
});

/** bpf_strtoul(buf, buf_len, flags, res): as strtol, without a sign. */
export const strtoul = parser("strtoul", ({ value, negative }) => (negative ? -Errno.EINVAL : value));
