/** Loading and running programs: the front door of the VM below the simulated kernel. */

import type { HelperTable } from "../helpers/definition.ts";
import type { BpfMap } from "../maps/map.ts";
import type { SourceLine } from "./fault.ts";

/** How programs are executed. */
export type Engine = "interpreter" | "jit";

/** Whose rules a program must follow at load. */
export type Rules = "kernel" | "isa";

/** What BPF_PROG_LOAD gives, with descriptors resolved. */
export interface ProgramDefinition {
  readonly name: string;
  /** enum bpf_prog_type. */
  readonly type: number;
  /** Encoded 8-byte slots, little-endian, with BPF_PSEUDO_MAP_FD / BPF_PSEUDO_MAP_VALUE holding map descriptors. */
  readonly instructions: Uint8Array;
  readonly license: string;
  /** The map behind a descriptor; undefined for any other descriptor. */
  readonly mapByFd: (fd: number) => BpfMap | undefined;
  readonly engine: Engine;
  /** Where slot N of the program comes from, for messages. */
  readonly sourceLine?: (slot: number) => SourceLine | undefined;
  /**
   * `kernel` (default) refuses what the kernel's verifier refuses of single instructions; `isa` takes what RFC 9669
   * gives a meaning, such as division by a constant zero, shifts beyond the width and unreachable code.
   */
  readonly rules?: Rules;
  /** Helpers instead of the usual ones, for conformance tests. */
  readonly helpers?: HelperTable;
  /** Highest number of backward jumps and calls of one run; default {@link DEFAULT_FUEL}. */
  readonly fuel?: number;
}

/** Backward jumps taken and calls made (subprograms, callbacks, tail calls) after which a run is ended. */
export const DEFAULT_FUEL = 1 << 25;

/** A program that passed the load-time checks. */
export interface LoadedProgram {
  readonly id: number;
  readonly name: string;
  /** enum bpf_prog_type. */
  readonly type: number;
  readonly engine: Engine;
  /** The maps its instructions refer to, in order of first mention. */
  readonly maps: readonly BpfMap[];
  /** Number of 8-byte slots. */
  readonly slotCount: number;
  /**
   * Runs with r1 = `context`, a guest address in granted memory, and returns r0.
   * @throws BpfkitError VM010.. (ProgramFault) where the program does what the verifier would have refused.
   */
  run(context: bigint): bigint;
  /** Same, with the context as an offset in linear memory, returning the low 32 bits of r0 as a signed number. */
  runAt(contextOffset: number): number;
}
