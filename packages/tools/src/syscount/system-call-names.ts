/** System calls by number and by name, for the processors that bpfkit knows. */
import type { Kernel } from "bpfkit/tracing";
import { arm64SystemCalls, x86SystemCalls } from "./system-calls.gen.ts";

/** The system calls of one processor. */
export class SystemCallNames {
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #names: ReadonlyMap<number, string>;

  constructor(architecture: Kernel["architecture"]) {
    const rows = Object.entries(architecture === "arm64" ? arm64SystemCalls : x86SystemCalls);
    this.#numbers = new Map(rows);
    this.#names = new Map(rows.map(([name, number]) => [number, name]));
  }

  /** `[unknown: 9999]` for a number that has no name. */
  nameOf(number: number): string {
    return this.#names.get(number) ?? `[unknown: ${number}]`;
  }

  /** Undefined for a name that is no system call. */
  numberOf(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  /** Every name, in the order of letters. */
  sorted(): string[] {
    return [...this.#numbers.keys()].sort();
  }
}
