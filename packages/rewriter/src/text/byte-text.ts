/** Texts whose offsets are UTF-8 bytes, as clang counts them: one character per byte. */

/** The text with every byte of its UTF-8 form as one character. The same string where it is ASCII. */
export function encodeOffsets(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is asked for
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  const bytes = new TextEncoder().encode(text);
  let result = "";
  for (const byte of bytes) result += String.fromCharCode(byte);
  return result;
}

/** The reverse of {@link encodeOffsets}. */
export function decodeOffsets(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is asked for
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) bytes[index] = text.charCodeAt(index);
  return new TextDecoder().decode(bytes);
}
