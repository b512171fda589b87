/** Runs program text in both engines, each in a world of its own, and insists that they agree. */
import { assemble, encodeInstructions, type Instruction } from "@bpfkit/elf/isa";
import * as assert from "uvu/assert";
import type { HelperTable } from "../helpers/definition.ts";
import type { BpfMap, MapDefinition, PerfSink } from "../maps/map.ts";
import { ProgramFault } from "../program/fault.ts";
import { Machine } from "../program/machine.ts";
import type { Engine, LoadedProgram, Rules } from "../program/program.ts";
import { type StillWorld, stillWorld } from "./still-world.ts";

/** The engines that every program test runs in. */
export const engines: readonly Engine[] = ["interpreter", "jit"];

/** Descriptors of maps in program text: the first map of a lab is `map[fd:FIRST_FD]`. */
export const FIRST_FD = 3;

/** How a lab loads a program. */
export interface LabLoadOptions {
  readonly type?: number;
  readonly license?: string;
  readonly rules?: Rules;
  readonly fuel?: number;
  readonly helpers?: HelperTable;
  readonly name?: string;
}

/** One machine in a motionless world. */
export class Lab {
  readonly engine: Engine;
  readonly world: StillWorld = stillWorld();
  readonly machine: Machine;
  readonly maps: BpfMap[] = [];
  readonly sinks = new Map<number, PerfSink>();
  readonly programs = new Map<number, LoadedProgram>();
  /** Descriptors that map elements keep alive. */
  readonly held: number[] = [];

  constructor(engine: Engine) {
    this.engine = engine;
    this.machine = new Machine(this.world, {
      perfSink: (fd) => this.sinks.get(fd),
      tailCallTarget: (fd) => this.programs.get(fd),
      hold: (fd) => {
        this.held.push(fd);
        return () => this.held.splice(this.held.indexOf(fd), 1);
      },
    });
  }

  /** Makes a map; its descriptor is FIRST_FD plus the number of maps made before. */
  map(definition: Partial<MapDefinition> & { type: number }): BpfMap {
    const map = this.machine.createMap({
      keySize: 4,
      valueSize: 8,
      maxEntries: 4,
      flags: 0,
      name: `map${this.maps.length}`,
      ...definition,
    });
    this.maps.push(map);
    return map;
  }

  /** Loads text in the kernel verifier's notation, or instructions. */
  load(text: string | readonly Instruction[], options: LabLoadOptions = {}): LoadedProgram {
    const list = typeof text === "string" ? assemble(text) : text;
    return this.machine.loadProgram({
      name: options.name ?? "test",
      type: options.type ?? 2,
      instructions: encodeInstructions(list),
      license: options.license ?? "GPL",
      mapByFd: (fd) => this.maps[fd - FIRST_FD],
      engine: this.engine,
      ...(options.rules === undefined ? {} : { rules: options.rules }),
      ...(options.fuel === undefined ? {} : { fuel: options.fuel }),
      ...(options.helpers === undefined ? {} : { helpers: options.helpers }),
    });
  }

  /** Offset of new memory that programs may use as context. */
  context(bytes: Uint8Array): number {
    const { memory } = this.world;
    const offset = memory.allocateOffset(Math.max(bytes.length, 8), 8, "program");
    memory.grant(offset, Math.max(bytes.length, 8), "write");
    memory.u8.set(bytes, offset);
    return offset;
  }

  /** Puts bytes into kernel memory, as the world would; the guest address. */
  kernelBytes(bytes: Uint8Array): bigint {
    const address = this.world.memory.allocate(bytes.length, 8, "kernel");
    this.world.memory.write(address, bytes);
    return address;
  }
}

/** What a run left behind. */
export interface Outcome {
  /** r0, or undefined after a fault. */
  readonly r0: bigint | undefined;
  readonly fault: { readonly code: string; readonly slot: number; readonly message: string } | undefined;
  readonly context: Uint8Array;
  readonly printed: readonly string[];
}

/** Loads and runs a program once, on a fresh context. */
export function runOnce(
  lab: Lab,
  text: string | readonly Instruction[],
  options: LabLoadOptions & { context?: Uint8Array } = {},
): Outcome {
  const program = lab.load(text, options);
  const context = options.context ?? new Uint8Array(64);
  const offset = lab.context(context);
  let r0: bigint | undefined;
  let fault: Outcome["fault"];
  try {
    r0 = program.run(lab.world.memory.addressOf(offset));
  } catch (error) {
    if (!(error instanceof ProgramFault)) throw error;
    fault = { code: error.code, slot: error.slot, message: error.message };
  }
  return {
    r0,
    fault,
    context: lab.world.memory.u8.slice(offset, offset + context.length),
    printed: lab.world.printed,
  };
}

/** Runs text in both engines and compares everything; `prepare` makes each lab's maps and memory, the same way twice. */
export function runBoth(
  text: string | readonly Instruction[],
  options: LabLoadOptions & { context?: Uint8Array; prepare?: (lab: Lab) => void } = {},
): Outcome {
  const outcomes = engines.map((engine) => {
    const lab = new Lab(engine);
    options.prepare?.(lab);
    return runOnce(lab, text, options);
  });
  assert.equal(outcomes[1], outcomes[0], "the JIT and the interpreter disagree");
  return outcomes[0] as Outcome;
}
