/** Which name an address was last found under. */
import { parseDnsAnswer } from "./dns-answer.ts";

/** The C struct `answer`, decoded. */
export interface AnswerEvent {
  readonly ts_us: bigint;
  readonly size: number;
  readonly packet: readonly number[];
}

/** Names kept, and for how long, as in BCC's tool. */
const mostEntries = 10_240;
const lifetimeUs = 86_400_000_000n;
/** A longer time between the answer and the connection is shown. */
const shortUs = 100_000n;

const loopback: ReadonlySet<string> = new Set(["127.0.0.1", "::1"]);

/** The cache. */
export class DnsCache {
  readonly #names = new Map<string, { readonly name: string; readonly ts: bigint }>();

  add(event: AnswerEvent): void {
    const answer = parseDnsAnswer(Uint8Array.from(event.packet.slice(0, event.size)));
    for (const address of answer?.addresses ?? []) {
      this.#names.delete(address);
      this.#names.set(address, { name: answer?.name ?? "", ts: event.ts_us });
    }
    for (const oldest of this.#names.keys()) {
      if (this.#names.size <= mostEntries) break;
      this.#names.delete(oldest);
    }
  }

  /** What the column QUERY shows for a connection to an address at a time. */
  text(address: string, nowUs: bigint): string {
    const known = this.#names.get(address);
    if (known === undefined || nowUs - known.ts > lifetimeUs) {
      return loopback.has(address) ? "localhost" : "No DNS Query";
    }
    const elapsedUs = nowUs - known.ts;
    return elapsedUs > shortUs ? `${known.name} (${(Number(elapsedUs) / 1000).toFixed(3)}ms)` : known.name;
  }
}
