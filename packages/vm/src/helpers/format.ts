/**
 * The kernel's formatting for BPF: which format strings bpf_bprintf_prepare accepts and what they print
 * (Linux 6.1, kernel/bpf/helpers.c; conversions as lib/vsprintf.c).
 */
import { Errno } from "@bpfkit/base/abi";

/** Where the values of conversions come from. */
export interface FormatArguments {
  readonly count: number;
  /** Low and high word of argument `index`. */
  low(index: number): number;
  high(index: number): number;
  /** The bytes of a string, without the final zero; empty where it cannot be read. `auto` decides by the address. */
  text(index: number, side: "auto" | "kernel" | "user"): Uint8Array;
}

/** One `%` conversion, parsed. */
interface Conversion {
  readonly flags: string;
  readonly width: number;
  /** 4 or 8: how many bytes of the argument count. */
  readonly bytes: number;
  readonly kind: "d" | "u" | "x" | "X" | "p" | "s" | "c";
  readonly side: "auto" | "kernel" | "user";
  /** Index after the conversion. */
  readonly end: number;
}

const PERCENT = 0x25;

/** Formats; a negative errno for formats the kernel refuses. The result is not cut. */
export function formatBytes(format: Uint8Array, values: FormatArguments): Uint8Array | number {
  const out: number[] = [];
  let used = 0;
  for (let i = 0; i < format.length; i++) {
    const byte = format[i] as number;
    if (!isPrintable(byte)) return -Errno.EINVAL;
    if (byte !== PERCENT) {
      out.push(byte);
      continue;
    }
    if (format[i + 1] === PERCENT) {
      out.push(PERCENT);
      i++;
      continue;
    }
    if (used >= values.count) return -Errno.EINVAL;
    const conversion = parseConversion(format, i + 1);
    if (conversion === undefined) return -Errno.EINVAL;
    append(out, conversion, used++, values);
    i = conversion.end - 1;
  }
  return Uint8Array.from(out);
}

/** ASCII that isprint() or isspace() accept. */
function isPrintable(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || (byte >= 9 && byte <= 13);
}

/** May this byte (undefined: the end) follow a `%s` or `%p`? */
function endsWord(byte: number | undefined): boolean {
  if (byte === undefined) return true;
  const letterOrDigit = /[0-9A-Za-z]/.test(String.fromCharCode(byte));
  return isPrintable(byte) && !letterOrDigit;
}

function parseConversion(format: Uint8Array, start: number): Conversion | undefined {
  let at = start;
  const char = (): string => (at < format.length ? String.fromCharCode(format[at] as number) : "");
  let flags = "";
  while ("0+- ".includes(char()) && char() !== "") {
    flags += char();
    at++;
  }
  let width = 0;
  if (/[1-9]/.test(char())) {
    while (/[0-9]/.test(char())) {
      // The kernel's field width is a signed 24-bit number.
      width = Math.min(width * 10 + Number(char()), 0x7f_ffff);
      at++;
    }
  }
  const common = { flags, width };
  if (char() === "p") return parsePointer(format, at + 1, common);
  if (char() === "s") {
    return endsWord(format[at + 1])
      ? { ...common, bytes: 8, kind: "s", side: "auto", end: at + 1 }
      : undefined;
  }
  if (char() === "c") return { ...common, bytes: 4, kind: "c", side: "auto", end: at + 1 };
  let bytes = 4;
  for (let longs = 0; longs < 2 && char() === "l"; longs++) {
    bytes = 8;
    at++;
  }
  const kind = char() === "i" ? "d" : char();
  if (kind !== "d" && kind !== "u" && kind !== "x" && kind !== "X") return undefined;
  return { ...common, bytes, kind, side: "auto", end: at + 1 };
}

/** `%p`, `%pK`, `%px` as numbers, `%pks` and `%pus` as strings; `at` is after the p. Symbols and addresses of networks are refused. */
function parsePointer(
  format: Uint8Array,
  at: number,
  common: { flags: string; width: number },
): Conversion | undefined {
  const letter = String.fromCharCode(format[at] ?? 0);
  const second = String.fromCharCode(format[at + 1] ?? 0);
  if ((letter === "k" || letter === "u") && second === "s") {
    const side = letter === "k" ? "kernel" : "user";
    return endsWord(format[at + 2]) ? { ...common, bytes: 8, kind: "s", side, end: at + 2 } : undefined;
  }
  if (letter === "K" || letter === "x") return { ...common, bytes: 8, kind: "p", side: "auto", end: at + 1 };
  if (!endsWord(format[at])) return undefined;
  return { ...common, bytes: 8, kind: "p", side: "auto", end: at };
}

function append(out: number[], conversion: Conversion, index: number, values: FormatArguments): void {
  const { kind, flags, width } = conversion;
  const left = flags.includes("-");
  if (kind === "s" || kind === "c") {
    const bytes =
      kind === "s" ? values.text(index, conversion.side) : Uint8Array.of(values.low(index) & 0xff);
    const padding = Math.max(0, width - bytes.length);
    if (!left) pad(out, padding);
    for (const byte of bytes) out.push(byte);
    if (left) pad(out, padding);
    return;
  }
  const [sign, digits] = number(conversion, values.low(index), values.high(index));
  const padding = Math.max(0, width - sign.length - digits.length);
  const zeroes = flags.includes("0") && !left;
  if (!left && !zeroes) pad(out, padding);
  push(out, sign);
  if (zeroes) push(out, "0".repeat(Math.min(padding, OUTPUT_LIMIT)));
  push(out, digits);
  if (left) pad(out, padding);
}

/** Longer paddings than any output buffer are cut. */
const OUTPUT_LIMIT = 4096;

function pad(out: number[], count: number): void {
  for (let i = 0; i < Math.min(count, OUTPUT_LIMIT); i++) out.push(0x20);
}

function push(out: number[], text: string): void {
  for (let i = 0; i < text.length; i++) out.push(text.charCodeAt(i));
}

/** Sign and digits of an integer conversion. */
function number(conversion: Conversion, low: number, high: number): [sign: string, digits: string] {
  const wide = conversion.bytes === 8;
  const value = wide
    ? (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
    : BigInt(conversion.kind === "d" ? low | 0 : low >>> 0);
  switch (conversion.kind) {
    case "d": {
      const signed = BigInt.asIntN(64, value);
      if (signed < 0n) return ["-", (-signed).toString()];
      const sign = conversion.flags.includes("+") ? "+" : conversion.flags.includes(" ") ? " " : "";
      return [sign, signed.toString()];
    }
    case "x":
      return ["", value.toString(16)];
    case "X":
      return ["", value.toString(16).toUpperCase()];
    case "p":
      // The kernel prints a hash of the address here; its width is the same.
      return ["", value.toString(16).padStart(16, "0")];
    default:
      return ["", value.toString()];
  }
}
