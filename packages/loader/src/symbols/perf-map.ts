/** Symbols that a just-in-time compiler such as Node's writes down for profilers (kernel: tools/perf/Documentation/jit-interface.txt). */
import { SymbolIndex } from "./symbol-index.ts";

/** Found in a map. */
export interface PerfMapSymbol {
  readonly name: string;
  /** Bytes from the symbol's start. */
  readonly offset: number;
}

const linePattern = /^(?:0x)?([0-9a-f]+) (?:0x)?([0-9a-f]+) (.+)$/gim;

/** The text of one `/tmp/perf-PID.map`. */
export class PerfMap {
  readonly #names: string[] = [];
  readonly #starts: Float64Array;
  readonly #index: SymbolIndex;

  constructor(text: string) {
    const starts: number[] = [];
    const sizes: number[] = [];
    for (const [, start = "", size = "", name = ""] of text.matchAll(linePattern)) {
      starts.push(Number.parseInt(start, 16));
      sizes.push(Number.parseInt(size, 16));
      this.#names.push(name);
    }
    this.#starts = Float64Array.from(starts);
    // Code is moved and thrown away: what was written last counts, which equal ranks give.
    const ranks = new Uint8Array(starts.length);
    this.#index = new SymbolIndex({ starts: this.#starts, sizes: Float64Array.from(sizes), ranks });
  }

  find(address: bigint): PerfMapSymbol | undefined {
    const place = Number(address);
    const entry = this.#index.find(place);
    if (entry === -1) return undefined;
    return { name: this.#names[entry] ?? "", offset: place - (this.#starts[entry] ?? 0) };
  }
}
