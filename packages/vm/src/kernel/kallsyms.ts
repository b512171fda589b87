/** Kernel symbols with addresses: the profile knows only names and their order, so addresses are made up, the same each time. */

/** Where kernel text starts without address randomisation (x86-64). */
const TextStart = 0xffff_ffff_8100_0000n;

/** Bytes from one made-up function to the next; every function is this long. */
const FunctionSpacing = 0x100n;

/**
 * Text symbols that stacks and registers mention but that cannot be probed, so a profile does not list them.
 * They follow the probeable ones.
 */
const UnprobeableFunctions = [
  "entry_SYSCALL_64_after_hwframe",
  "do_syscall_64",
  "asm_common_interrupt",
  "common_interrupt",
  "asm_sysvec_apic_timer_interrupt",
  "sysvec_apic_timer_interrupt",
  "ret_from_fork",
  "arch_rethook_trampoline",
  "secondary_startup_64_no_verify",
  "start_secondary",
  "irq_entries_start",
] as const;

/** Names to addresses and back. Tables are built on first use. */
export class KernelSymbols {
  readonly #names: () => readonly string[];
  #list: readonly string[] | undefined;
  #index: Map<string, number> | undefined;
  #probeableCount = 0;

  /** `names` is asked once, when a symbol is first wanted. */
  constructor(names: () => readonly string[]) {
    this.#names = names;
  }

  /** True for functions that kprobes and fentry accept. */
  isProbeable(name: string): boolean {
    const index = this.#indexes().get(name);
    return index !== undefined && index < this.#probeableCount;
  }

  /** True for any text symbol. */
  has(name: string): boolean {
    return this.#indexes().has(name);
  }

  /** Address of a function; 0n for an unknown one. Of several functions with one name, the first. */
  addressOf(name: string): bigint {
    const index = this.#indexes().get(name);
    return index === undefined ? 0n : TextStart + BigInt(index) * FunctionSpacing;
  }

  /** A return address inside the function: some way in, and always the same; 0n for an unknown function. */
  returnAddressIn(name: string): bigint {
    const address = this.addressOf(name);
    if (address === 0n) return 0n;
    let mixed = 0;
    for (let at = 0; at < name.length; at++) mixed = (Math.imul(mixed, 31) + name.charCodeAt(at)) >>> 0;
    return address + BigInt(0x10 + (mixed % 0xe0));
  }

  /** The name of the function that holds an address. */
  nameAt(address: bigint): string | undefined {
    const index = (address - TextStart) / FunctionSpacing;
    return address < TextStart ? undefined : this.#symbols()[Number(index)];
  }

  /** `/proc/kallsyms` as root sees it. */
  text(): string {
    const lines = this.#symbols().map((name, index) => {
      const address = TextStart + BigInt(index) * FunctionSpacing;
      return `${address.toString(16)} ${index < this.#probeableCount ? "T" : "t"} ${name}\n`;
    });
    return lines.join("");
  }

  #symbols(): readonly string[] {
    if (this.#list === undefined) {
      const probeable = this.#names();
      this.#probeableCount = probeable.length;
      this.#list = [...probeable, ...UnprobeableFunctions];
    }
    return this.#list;
  }

  #indexes(): ReadonlyMap<string, number> {
    if (this.#index === undefined) {
      const index = new Map<string, number>();
      this.#symbols().forEach((name, at) => {
        if (!index.has(name)) index.set(name, at);
      });
      this.#index = index;
    }
    return this.#index;
  }
}
