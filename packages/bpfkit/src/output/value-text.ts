/** Decoded values as text and as JSON, shaped by their C types. */
import type { BtfValue, TypeCodec } from "@bpfkit/loader";

/** `bash` as it is; text that could be misread in quotes. */
function text(value: string): string {
  return /^[\w./@%+:-]+$/.test(value) ? value : JSON.stringify(value);
}

/**
 * One value in one line: `7`, `0xffff888000000000` for pointers, `RED` for enumerators, `{pid=7 comm=bash}`, `[1 2]`.
 * Values of per-CPU maps (an array where the type is none) come as one list.
 */
export function valueText(codec: TypeCodec, value: BtfValue): string {
  if (Array.isArray(value)) {
    const element = codec.shape === "array" ? (codec.element?.codec ?? codec) : codec;
    return `[${value.map((one) => valueText(element, one)).join(" ")}]`;
  }
  if (typeof value === "string") return text(value);
  if (typeof value === "object") return `{${fieldsText(codec, value as Readonly<Record<string, BtfValue>>)}}`;
  if (codec.shape === "pointer" && typeof value === "bigint") return `0x${value.toString(16)}`;
  if (codec.shape === "enum") return codec.enumerators?.get(BigInt(value)) ?? String(value);
  return String(value);
}

/** The members of a struct in order: `pid=7 comm=bash`. */
export function fieldsText(codec: TypeCodec, value: Readonly<Record<string, BtfValue>>): string {
  return codec.members
    .map((member) => {
      const part = value[member.name];
      return part === undefined ? member.name : `${member.name}=${valueText(member.codec, part)}`;
    })
    .join(" ");
}

/** What JSON can hold: integers beyond 2^53 become decimal text. */
export type JsonValue =
  | number
  | string
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** A decoded value for JSON. */
export function jsonValue(value: BtfValue): JsonValue {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (Array.isArray(value)) return value.map(jsonValue);
  if (typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, jsonValue(part)]));
  }
  return value as number | string | boolean;
}
