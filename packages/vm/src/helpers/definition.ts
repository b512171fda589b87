/** What a helper is: what it takes, what it gives back, and how it is bound to a machine. */
import type { BpfMap } from "../maps/map.ts";
import type { Machine } from "../program/machine.ts";

/**
 * How an argument reaches a helper:
 * `memory` an offset in linear memory, 0 for NULL and for addresses outside the memory;
 * `int` the low 32 bits, signed;
 * `wide` all 64 bits, as two arguments: low word, high word;
 * `map` the id of a map, 0 where the register holds no map;
 * `callback` the number of a function of the running program, -1 where the register holds none.
 */
export type ArgumentKind = "memory" | "int" | "wide" | "map" | "callback";

/**
 * What a helper returns:
 * `int` a number that is sign-extended; `memory` an offset that becomes a guest address, 0 becomes NULL;
 * `wide` 64 bits that the helper leaves in {@link Machine.setWideResult}; its own return value is ignored;
 * `tail` 1 after the target program has run and its r0 is in the wide result, else r0 is the (negative) number.
 */
export type ResultKind = "int" | "memory" | "wide" | "tail";

/** A bound helper: plain numbers in, a 32-bit number out. */
export type HelperFunction = (...words: number[]) => number;

/** One row of the table. */
export interface HelperDefinition {
  /** Kernel name without the `bpf_` prefix. */
  readonly name: string;
  readonly arguments: readonly ArgumentKind[];
  /** How many of them a caller must give, where the rest is variadic. */
  readonly requiredArguments?: number;
  readonly result: ResultKind;
  /** True where only programs with a GPL-compatible licence may call it (`gpl_only` of its bpf_func_proto). */
  readonly gplOnly?: boolean;
  /** Makes the function that programs on `machine` call. */
  readonly bind: (machine: Machine) => HelperFunction;
}

/** Helper id to definition. */
export type HelperTable = ReadonlyMap<number, HelperDefinition>;

/** The map in argument 1, or the end of the run. */
export function mapArgument(machine: Machine, id: number): BpfMap {
  return machine.map(id) ?? machine.faultInHelper("R1 is not a map");
}

/** Ends the run unless the program may read `size` bytes at `offset`, its argument number `argument`. */
export function mustRead(machine: Machine, offset: number, size: number, argument: number): void {
  if (machine.memory.programMayRead(offset, size)) return;
  if (size === 0) return;
  refuseMemory(machine, "read", size, argument);
}

/** As {@link mustRead}, for writing. */
export function mustWrite(machine: Machine, offset: number, size: number, argument: number): void {
  if (machine.memory.programMayWrite(offset, size)) return;
  if (size === 0) return;
  refuseMemory(machine, "write", size, argument);
}

function refuseMemory(machine: Machine, verb: string, size: number, argument: number): never {
  if (size < 0) machine.faultInHelper(`R${argument + 1} min value is negative: a size of ${size} bytes`);
  machine.faultInHelper(`R${argument} does not point to ${size} byte(s) that the program may ${verb}`);
}
