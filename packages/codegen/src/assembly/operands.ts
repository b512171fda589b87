/** Operands of assembly instructions: registers, places in memory, immediates. */
import { Size } from "@bpfkit/elf/isa";
import type { AsmReader, AsmValue } from "./expression.ts";
import { parseExpression } from "./expression.ts";

/** A register as written. */
export interface AsmRegister {
  readonly letter: "r" | "w";
  readonly number: number;
}

/** `*(u8 *)(r1 + 8)` */
export interface AsmPlace {
  readonly size: number;
  readonly signed: boolean;
  readonly base: number;
  readonly off: number;
}

/** The register at a token; undefined where there is none. */
export function registerAt(reader: AsmReader, ahead = 0): AsmRegister | undefined {
  const match = /^([rw])(\d|10)$/.exec(reader.peek(ahead));
  return match === null ? undefined : { letter: match[1] as "r" | "w", number: Number(match[2]) };
}

/** Takes a register. */
export function register(reader: AsmReader): AsmRegister {
  const found = registerAt(reader);
  if (found === undefined) throw reader.error("a register r0 to r10 or w0 to w10 is missing");
  reader.at++;
  return found;
}

/** Takes a register with this letter. */
export function registerOf(reader: AsmReader, letter: string): number {
  const found = register(reader);
  if (found.letter !== letter) throw reader.error("r and w registers do not mix here");
  return found.number;
}

const sizes: Readonly<Record<string, number>> = { "8": Size.B, "16": Size.H, "32": Size.W, "64": Size.DW };

/** Takes `(u8 *)`. */
export function accessType(reader: AsmReader): { size: number; signed: boolean } {
  reader.expect("(");
  const match = /^([us])(8|16|32|64)$/.exec(reader.next());
  if (match === null) throw reader.error("a type u8 to u64 is missing");
  reader.expect("*");
  reader.expect(")");
  return { size: sizes[match[2] as string] as number, signed: match[1] === "s" };
}

/** Takes `r1 + 8`; the offset may be an expression, or missing. */
export function baseAndOffset(reader: AsmReader): { base: number; off: number } {
  const base = registerOf(reader, "r");
  if (reader.peek() !== "+" && reader.peek() !== "-") return { base, off: 0 };
  // Offsets that come in through operands have signs of their own: `r1 + -8`, `r1 + (4 * 2)`.
  const value = constant(reader, parseExpression(reader));
  return { base, off: fitted(reader, value, -0x8000n, 0x7fffn) };
}

/** Takes `(u8 *)(r1 + 8)`, the star in front of it gone. */
export function place(reader: AsmReader): AsmPlace {
  const type = accessType(reader);
  reader.expect("(");
  const address = baseAndOffset(reader);
  reader.expect(")");
  return { ...type, ...address };
}

/** The number of a value that names no symbol. */
export function constant(reader: AsmReader, value: AsmValue): bigint {
  if (value.symbol !== undefined) throw reader.error(`"${value.symbol}" is not a number`);
  return value.number;
}

/** A number within limits. */
export function fitted(reader: AsmReader, value: bigint, low: bigint, high: bigint): number {
  if (value < low || value > high) throw reader.error(`${value} is not a number from ${low} to ${high}`);
  return Number(value);
}

/** Takes a 32-bit immediate, written signed or unsigned. */
export function immediate(reader: AsmReader): number {
  const value = constant(reader, parseExpression(reader));
  return fitted(reader, value, -0x8000_0000n, 0xffff_ffffn) | 0;
}
