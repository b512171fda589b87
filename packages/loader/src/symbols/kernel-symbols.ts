/** Addresses to kernel function names and back, from /proc/kallsyms. */
import type { Kernel } from "@bpfkit/base/kernel";
import { SymbolIndex } from "./symbol-index.ts";

/** How a symbol is spelled. */
export interface SymbolOptions {
  /** `+0x1f` after the name. */
  readonly showOffset?: boolean;
  /** ` [kernel]`, ` [module]` or ` [libc.so.6]` at the end. */
  readonly showModule?: boolean;
}

/** What stands for an address that no symbol holds, as in BCC. */
export const unknownSymbol = "[unknown]";

/** Kernel addresses are counted from here, which keeps them exact as numbers (x86-64 and arm64 have them above). */
const base = 0xffff_0000_0000_0000n;
const baseHigh = 0xffff_0000;

const decoder = new TextDecoder("latin1");
const [newline, space, tab] = [10, 32, 9];

/** Letters of text symbols: `T` global, `t` local, `W` and `w` weak (nm(1)). */
const rankByLetter: Readonly<Record<number, number>> = { 84: 3, 116: 2, 87: 1, 119: 1 };

/** What kallsyms holds, names still as places in its text. */
interface SymbolText {
  readonly text: Uint8Array;
  readonly starts: Float64Array;
  readonly nameStarts: Uint32Array;
  readonly nameEnds: Uint32Array;
  readonly index: SymbolIndex;
  readonly hidden: boolean;
}

/** The symbols of one kernel, read on first use. */
export class KernelSymbols {
  readonly #kernel: Kernel;
  #read: SymbolText | undefined;
  #byName: Map<string, number> | undefined;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** True where the kernel shows no addresses to this user (sysctl kernel.kptr_restrict): then nothing is found. */
  get hidden(): boolean {
    return this.#load().hidden;
  }

  /** The function at an address: `[unknown]` where there is none. */
  name(address: bigint, options: SymbolOptions = {}): string {
    const symbols = this.#load();
    const place = Number(address - base);
    const entry = symbols.index.find(place);
    if (entry === -1) return unknownSymbol;
    const [name, module] = this.#nameAt(symbols, entry);
    const offset = options.showOffset ? `+0x${(place - (symbols.starts[entry] ?? 0)).toString(16)}` : "";
    return name + offset + (options.showModule ? ` [${module}]` : "");
  }

  /** The address of a symbol; undefined where there is none. Of several with one name, the first. */
  address(name: string): bigint | undefined {
    const symbols = this.#load();
    if (this.#byName === undefined) {
      this.#byName = new Map();
      for (let entry = symbols.starts.length - 1; entry >= 0; entry--) {
        this.#byName.set(this.#nameAt(symbols, entry)[0], entry);
      }
    }
    const entry = this.#byName.get(name);
    return entry === undefined ? undefined : base + BigInt(symbols.starts[entry] ?? 0);
  }

  #nameAt({ text, nameStarts, nameEnds }: SymbolText, entry: number): readonly [string, string] {
    const end = nameEnds[entry] ?? 0;
    const name = decoder.decode(text.subarray(nameStarts[entry] ?? 0, end));
    let lineEnd = text.indexOf(newline, end);
    if (lineEnd === -1) lineEnd = text.length;
    const module = /\[(.+)\]/.exec(decoder.decode(text.subarray(end, lineEnd)))?.[1];
    return [name, module ?? "kernel"];
  }

  #load(): SymbolText {
    this.#read ??= parse(this.#kernel.readKernelFile("/proc/kallsyms"));
    return this.#read;
  }
}

/** Lines are `ffffffff81000000 T name` with, for modules, `\t[module]` after it. */
function parse(text: Uint8Array): SymbolText {
  const most = Math.ceil(text.length / 4) + 1;
  const starts = new Float64Array(most);
  const ranks = new Uint8Array(most);
  const nameStarts = new Uint32Array(most);
  const nameEnds = new Uint32Array(most);
  let count = 0;
  let texts = 0;
  for (let at = 0; at < text.length; ) {
    let lineEnd = text.indexOf(newline, at);
    if (lineEnd === -1) lineEnd = text.length;
    const digitsEnd = at + digitsAt(text, at);
    const rank = rankByLetter[text[digitsEnd + 1] ?? 0];
    if (rank !== undefined && digitsEnd + 3 < lineEnd) {
      texts += 1;
      const split = Math.max(at, digitsEnd - 8);
      const high = hex(text, at, split) - baseHigh;
      // Anything lower is no place in the kernel: an offset of per-CPU data, or hidden from this user.
      if (high >= 0) {
        starts[count] = high * 2 ** 32 + hex(text, split, digitsEnd);
        ranks[count] = rank;
        nameStarts[count] = digitsEnd + 3;
        nameEnds[count] = wordEnd(text, digitsEnd + 3, lineEnd);
        count += 1;
      }
    }
    at = lineEnd + 1;
  }
  const used = starts.slice(0, count);
  const index = new SymbolIndex({ starts: used, ranks });
  return { text, starts: used, nameStarts, nameEnds, index, hidden: texts > 0 && count === 0 };
}

function wordEnd(text: Uint8Array, start: number, lineEnd: number): number {
  let end = start;
  while (end < lineEnd && text[end] !== tab && text[end] !== space) end += 1;
  return end;
}

/** How many hexadecimal digits begin here. */
function digitsAt(text: Uint8Array, start: number): number {
  let at = start;
  while (at < text.length && text[at] !== space && text[at] !== newline) at += 1;
  return at - start;
}

function hex(text: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) {
    const byte = text[at] ?? 0;
    value = value * 16 + (byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57);
  }
  return value;
}
