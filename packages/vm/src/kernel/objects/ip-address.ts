/** IP addresses as text and as bytes in network order. */
import { BpfkitError } from "@bpfkit/base/diagnostics";

/** 4 or 16 bytes of `192.0.2.1` or `2001:db8::1`. @throws BpfkitError VM043 for anything else */
export function ipBytes(text: string): Uint8Array {
  const bytes = text.includes(":") ? ipv6Bytes(text) : text.split(".").map(Number);
  const isWhole = bytes.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255);
  if (!isWhole || (bytes.length !== 4 && bytes.length !== 16)) {
    throw new BpfkitError("VM043", `'${text}' is no IP address`);
  }
  return Uint8Array.from(bytes);
}

function ipv6Bytes(text: string): number[] {
  const [head = "", tail] = text.split("::");
  const groups = (part: string) =>
    part === ""
      ? []
      : part
          .split(":")
          .map((group) => (/^[0-9a-f]{1,4}$/i.test(group) ? Number.parseInt(group, 16) : Number.NaN));
  const [front, back] = [groups(head), groups(tail ?? "")];
  const missing = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  const all = [...front, ...Array<number>(missing).fill(0), ...back];
  return all.flatMap((group) => [Math.floor(group / 256), group % 256]);
}

/** The 16 bytes by which IPv6 names an IPv4 address. */
export function mappedIpv6(ipv4: Uint8Array): Uint8Array {
  return Uint8Array.from([...Array<number>(10).fill(0), 0xff, 0xff, ...ipv4]);
}
