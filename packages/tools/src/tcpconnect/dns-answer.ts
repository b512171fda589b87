/** Reads answers of DNS servers (RFC 1035): which name was asked for, and the addresses that it has. */
import { ipv4Text, ipv6Text } from "../output/ip-address.ts";

/** A name and its addresses. */
export interface DnsAnswer {
  readonly name: string;
  readonly addresses: readonly string[];
}

const headerBytes = 12;
const responseFlag = 0x8000;
/** Types and lengths of records that hold addresses. */
const recordType = { A: 1, AAAA: 28 } as const;
/** A name has at most 255 bytes; jumps make no progress, so they are few. */
const longestName = 255;
const mostJumps = 32;

/** Thrown inside of this file for what is no well-formed message. */
class Malformed extends Error {}

/** Walks through a message. */
class Message {
  readonly #view: DataView;
  at = headerBytes;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(at: number): number {
    if (at >= this.#view.byteLength) throw new Malformed();
    return this.#view.getUint8(at);
  }

  word(at: number): number {
    return (this.byte(at) << 8) | this.byte(at + 1);
  }

  bytes(at: number, length: number): Uint8Array {
    if (at + length > this.#view.byteLength) throw new Malformed();
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, length);
  }

  /** The name here, without its final dot; goes on behind it. */
  name(): string {
    const labels: string[] = [];
    let at = this.at;
    let after: number | undefined;
    for (let length = 0, jumps = 0; ; ) {
      const size = this.byte(at);
      if ((size & 0xc0) === 0xc0) {
        // The rest stands elsewhere in the message.
        after ??= at + 2;
        at = this.word(at) & 0x3fff;
        if (++jumps > mostJumps) throw new Malformed();
        continue;
      }
      length += size + 1;
      if (size > 63 || length > longestName) throw new Malformed();
      at++;
      if (size === 0) break;
      labels.push(String.fromCharCode(...this.bytes(at, size)));
      at += size;
    }
    this.at = after ?? at;
    return labels.join(".");
  }
}

/** Undefined for what is no answer to one question, or is cut off or malformed. */
export function parseDnsAnswer(packet: Uint8Array): DnsAnswer | undefined {
  try {
    return parse(new Message(packet));
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

function parse(message: Message): DnsAnswer | undefined {
  const isAnswer = (message.word(2) & responseFlag) !== 0;
  const [questions, records] = [message.word(4), message.word(6)];
  if (!isAnswer || questions !== 1) return undefined;
  const name = printable(message.name());
  message.at += 4;
  const addresses: string[] = [];
  for (let record = 0; record < records; record++) {
    message.name();
    const type = message.word(message.at);
    const length = message.word(message.at + 8);
    const data = message.bytes(message.at + 10, length);
    message.at += 10 + length;
    if (type === recordType.A && length === 4) addresses.push(ipv4Text(data));
    else if (type === recordType.AAAA && length === 16) addresses.push(ipv6Text(data));
  }
  return { name, addresses };
}

/** Names come from the network: what is no printable ASCII is shown as in a zone file, `\DDD`. */
function printable(name: string): string {
  return name.replace(
    /[^\x21-\x7e]/g,
    (character) => `\\${String(character.charCodeAt(0)).padStart(3, "0")}`,
  );
}
