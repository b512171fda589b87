/** Addresses to kernel function names and back, from /proc/kallsyms. */
import type { Kernel } from "@bpfkit/base/kernel";

/** How a symbol is spelled. */
export interface SymbolOptions {
  /** `+0x1f` after the name. */
  readonly showOffset?: boolean;
  /** ` [kernel]` or ` [module]` at the end. */
  readonly showModule?: boolean;
}

const decoder = new TextDecoder("latin1");

/** The symbols of one kernel, read on first use. */
export class KernelSymbols {
  readonly #kernel: Kernel;
  #addresses: BigUint64Array | undefined;
  #names: readonly (readonly [name: string, module: string])[] = [];

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** The function at an address: `[unknown]` where there is none. */
  name(address: bigint, options: SymbolOptions = {}): string {
    const addresses = this.#load();
    let low = 0;
    let high = addresses.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((addresses[middle] ?? 0n) <= address) low = middle + 1;
      else high = middle;
    }
    const found = this.#names[low - 1];
    if (found === undefined) return "[unknown]";
    const offset = options.showOffset ? `+0x${(address - (addresses[low - 1] ?? 0n)).toString(16)}` : "";
    return found[0] + offset + (options.showModule ? ` [${found[1]}]` : "");
  }

  /** The address of a symbol; undefined where there is none. */
  address(name: string): bigint | undefined {
    const addresses = this.#load();
    const index = this.#names.findIndex((entry) => entry[0] === name);
    return index === -1 ? undefined : addresses[index];
  }

  #load(): BigUint64Array {
    if (this.#addresses !== undefined) return this.#addresses;
    const text = decoder.decode(this.#kernel.readKernelFile("/proc/kallsyms"));
    const symbols: { address: bigint; name: string; module: string }[] = [];
    for (const [, address, , name, module] of text.matchAll(
      /^([0-9a-f]+) ([tTwW]) (\S+)(?:\s+\[(\S+)\])?$/gm,
    )) {
      symbols.push({ address: BigInt(`0x${address}`), name: name ?? "", module: module ?? "kernel" });
    }
    symbols.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
    this.#names = symbols.map(({ name, module }) => [name, module] as const);
    this.#addresses = BigUint64Array.from(symbols, ({ address }) => address);
    return this.#addresses;
  }
}
