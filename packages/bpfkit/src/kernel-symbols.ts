/** Addresses to kernel function names and back, from /proc/kallsyms. */
import { Errno } from "@bpfkit/base/abi";
import { SyscallError } from "@bpfkit/base/diagnostics";
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
  #probeable: string | undefined;

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

  /** Whether the kernel has a function of this name that can be probed. */
  isProbeable(name: string): boolean {
    this.#probeable ??= `\n${this.#readProbeable()}\n`;
    const at = this.#probeable.indexOf(`\n${name}`);
    const next = at === -1 ? "" : this.#probeable[at + name.length + 1];
    if (next === "\n" || next === " " || next === "\t") return true;
    return at !== -1 && new RegExp(`^${escapePattern(name)}(\\s|$)`, "m").test(this.#probeable);
  }

  #readProbeable(): string {
    try {
      return decoder.decode(this.#kernel.readKernelFile("/sys/kernel/tracing/available_filter_functions"));
    } catch (error) {
      if (!(error instanceof SyscallError) || error.errno !== Errno.ENOENT) throw error;
      // Without function tracing, every text symbol is a candidate.
      this.#load();
      return this.#names.map((entry) => entry[0]).join("\n");
    }
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

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
