/** IP addresses as text, in the way of inet_ntop(3). */

/** Bytes in network order of the first `words` of a C array of u32. */
function bytesOf(words: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(words.length * 4));
  words.forEach((word, index) => {
    view.setUint32(index * 4, word, true);
  });
  return new Uint8Array(view.buffer);
}

/** An address of a program's event: an array of four u32 in network order, of which IPv4 uses the first. */
export function ipAddress(version: number, words: readonly number[]): string {
  return version === 4 ? ipv4Text(bytesOf(words.slice(0, 1))) : ipv6Text(bytesOf(words.slice(0, 4)));
}

/** `192.0.2.1`. */
export function ipv4Text(bytes: Uint8Array): string {
  return bytes.join(".");
}

/** `2001:db8::1`: the longest run of two or more zero groups is left out, the first one of equals. */
export function ipv6Text(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(index * 2));
  const zeros = longestZeros(groups);
  const tail = dottedTail(bytes, zeros);
  const texts = groups.map((group) => group.toString(16));
  if (tail !== undefined) texts.splice(6, 2, tail);
  if (zeros.length < 2) return texts.join(":");
  const end = zeros.start + zeros.length;
  return `${texts.slice(0, zeros.start).join(":")}::${texts.slice(end).join(":")}`;
}

interface Run {
  readonly start: number;
  readonly length: number;
}

function longestZeros(groups: readonly number[]): Run {
  let best: Run = { start: 0, length: 0 };
  let start = 0;
  groups.forEach((group, index) => {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  });
  return best;
}

/** IPv4 addresses inside IPv6 (`::1.2.3.4`, `::ffff:1.2.3.4`) end in dots. */
function dottedTail(bytes: Uint8Array, { start, length }: Run): string | undefined {
  const isCompatible = start === 0 && length === 6;
  const isMapped = start === 0 && length === 5 && bytes[10] === 0xff && bytes[11] === 0xff;
  return isCompatible || isMapped ? ipv4Text(bytes.subarray(12)) : undefined;
}
