/** A loaded program with its code. */
import type { BpfMap, TailCallTarget } from "../maps/map.ts";
import type { Executable } from "./executable.ts";
import type { SourceLine } from "./fault.ts";
import type { ProgramImage } from "./image.ts";
import type { Machine } from "./machine.ts";
import { DEFAULT_FUEL, type Engine, type LoadedProgram, type ProgramDefinition } from "./program.ts";

/** What {@link RunnableProgram} is made of. */
export interface ProgramParts {
  readonly id: number;
  readonly machine: Machine;
  readonly image: ProgramImage;
  readonly maps: readonly BpfMap[];
  readonly executable: Executable;
  readonly helperName: (slot: number) => string;
}

/** The only implementation of {@link LoadedProgram}. */
export class RunnableProgram implements LoadedProgram, TailCallTarget {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  readonly engine: Engine;
  readonly maps: readonly BpfMap[];
  readonly slotCount: number;
  readonly fuel: number;
  readonly functionCount: number;
  readonly executable: Executable;
  /** Name of the helper called at a slot, without `bpf_`. */
  readonly helperName: (slot: number) => string;
  readonly sourceLine: (slot: number) => SourceLine | undefined;
  readonly #machine: Machine;

  constructor(definition: ProgramDefinition, parts: ProgramParts) {
    this.id = parts.id;
    this.name = definition.name;
    this.type = definition.type;
    this.engine = definition.engine;
    this.maps = parts.maps;
    this.slotCount = parts.image.slotCount;
    this.functionCount = parts.image.functions.length;
    this.fuel = definition.fuel ?? DEFAULT_FUEL;
    this.executable = parts.executable;
    this.helperName = parts.helperName;
    this.sourceLine = definition.sourceLine ?? (() => undefined);
    this.#machine = parts.machine;
  }

  run(context: bigint): bigint {
    this.#machine.run(this, this.#machine.memory.offsetOf(context));
    return this.#machine.wideResult();
  }

  runAt(contextOffset: number): number {
    this.#machine.run(this, contextOffset);
    return this.#machine.lowResult();
  }
}
