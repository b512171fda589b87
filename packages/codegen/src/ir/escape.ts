/** LLVM's escapes in quoted text: `\xx` for bytes that are not plain ASCII, for quotes and for backslashes. */

/** Bytes as they stand between quotes. */
export function escapeBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    text += plain ? String.fromCharCode(byte) : `\\${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}

/** Text in quotes, as UTF-8. */
export function quoteText(text: string): string {
  return `"${escapeBytes(new TextEncoder().encode(text))}"`;
}
