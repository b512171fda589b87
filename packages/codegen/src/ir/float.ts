/** Floating point literals as bits, for data: BPF computes with none. */
import type { Type } from "./type.ts";

/** Hexadecimal literals that spell out the bits of their own type: half, bfloat, fp128 and so on. */
const rawLiteral = /^0x[HRLM]([0-9A-Fa-f]+)$/;

/**
 * The bits of a literal. LLVM writes float and double as a decimal or as the bits of a double, and half and the wide
 * types with a letter behind `0x`. Undefined for what has no such form.
 */
export function floatBits(type: Type, text: string): bigint | undefined {
  if (type.kind !== "float") return undefined;
  const raw = rawLiteral.exec(text)?.[1];
  if (raw !== undefined) return BigInt(`0x${raw}`);
  const view = new DataView(new ArrayBuffer(8));
  if (/^0x[0-9A-Fa-f]{1,16}$/.test(text)) view.setBigUint64(0, BigInt(text));
  else if (/^[-+]?\d+(\.\d*)?(e[-+]?\d+)?$/i.test(text)) view.setFloat64(0, Number(text));
  else return undefined;
  if (type.name === "double") return view.getBigUint64(0);
  if (type.name !== "float") return undefined;
  view.setFloat32(0, view.getFloat64(0));
  return BigInt(view.getUint32(0));
}
