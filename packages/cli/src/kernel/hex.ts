/** Bytes in hexadecimal, as bpftool prints and reads them. */
import { UsageError } from "@bpfkit/base/diagnostics";

const pair = (byte: number): string => byte.toString(16).padStart(2, "0");

/** `07 00 ...`, eight and eight bytes to a line. */
export function hexText(bytes: Uint8Array): string {
  let text = "";
  bytes.forEach((byte, index) => {
    if (index > 0) text += index % 16 === 0 ? "\n" : index % 8 === 0 ? "  " : " ";
    text += pair(byte);
  });
  return text;
}

/** `["0x07","0x00"]`. */
export function hexWords(bytes: Uint8Array): string[] {
  return Array.from(bytes, (byte) => `0x${pair(byte)}`);
}

/** Bytes from words: numbers from 0 to 255, or with `hex` in front pairs of digits. @throws UsageError */
export function bytesOfWords(words: readonly string[], what: string): Uint8Array {
  const isHex = words[0] === "hex";
  const values = (isHex ? words.slice(1) : words).map((word) => {
    const value = isHex && /^[0-9a-f]{1,2}$/i.test(word) ? Number.parseInt(word, 16) : Number(word);
    if (word !== "" && Number.isInteger(value) && value >= 0 && value <= 255) return value;
    throw new UsageError(`'${word}' is no byte of the ${what}`, {
      hint: "Give bytes as numbers up to 255 or after the word hex, or the value of its C type as JSON.",
    });
  });
  return Uint8Array.from(values);
}
