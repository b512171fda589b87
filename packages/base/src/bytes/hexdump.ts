/** Bytes as text for errors and golden files: sixteen a line. */

/** Options of {@link hexdump}. */
export interface HexdumpOptions {
  /** Address of the first byte as printed; 0 unless told. */
  readonly base?: number;
  /** At most so many bytes; the rest is counted in a last line. */
  readonly limit?: number;
}

/** `00000000  7f 45 4c 46 ...  |.ELF|`, a line for each sixteen bytes, joined by newlines. */
export function hexdump(bytes: Uint8Array, options: HexdumpOptions = {}): string {
  const base = options.base ?? 0;
  const shown = Math.min(bytes.length, options.limit ?? bytes.length);
  const lines: string[] = [];
  for (let start = 0; start < shown; start += 16) {
    const row = [...bytes.subarray(start, Math.min(start + 16, shown))];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0"));
    const left = hex.slice(0, 8).join(" ").padEnd(23);
    const right = hex.slice(8).join(" ").padEnd(23);
    const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${(base + start).toString(16).padStart(8, "0")}  ${left}  ${right}  |${text}|`);
  }
  if (shown < bytes.length) lines.push(`... ${bytes.length - shown} more bytes`);
  return lines.join("\n");
}
