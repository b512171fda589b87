/** Helper calls of the reference interpreter: registers to argument words and back. */

import type { ArgumentKind, HelperDefinition, HelperFunction, HelperTable } from "../helpers/definition.ts";
import { MEMORY_BASE_HIGH, MEMORY_BASE_LOW } from "../memory/layout.ts";
import { calledHelpers } from "../program/called-helpers.ts";
import { FUNCTION_HANDLE_HIGH, FUNCTION_HANDLE_LOW, MAP_HANDLE_HIGH } from "../program/handles.ts";
import type { ProgramImage } from "../program/image.ts";
import type { Machine } from "../program/machine.ts";

interface BoundHelper {
  readonly definition: HelperDefinition;
  readonly call: HelperFunction;
}

/** The helpers that one program calls, bound to its machine. */
export class HelperCalls {
  readonly #machine: Machine;
  readonly #bound = new Map<number, BoundHelper>();

  constructor(image: ProgramImage, machine: Machine, helpers: HelperTable) {
    this.#machine = machine;
    for (const id of calledHelpers(image, helpers)) {
      const definition = helpers.get(id) as HelperDefinition;
      this.#bound.set(id, { definition, call: definition.bind(machine) });
    }
  }

  has(id: number): boolean {
    return this.#bound.has(id);
  }

  /** Calls helper `id` with r1 to r5 and sets r0; true when a tail call replaced the calling function. */
  call(id: number, regs: BigUint64Array): boolean {
    const { definition, call } = this.#bound.get(id) as BoundHelper;
    const words: number[] = [];
    definition.arguments.forEach((kind, i) => {
      this.#pushArgument(words, kind, regs[1 + i] as bigint);
    });
    const result = call(...words);
    switch (definition.result) {
      case "int":
        regs[0] = BigInt(result);
        return false;
      case "memory":
        regs[0] = result === 0 ? 0n : this.#machine.memory.addressOf(result);
        return false;
      case "wide":
        regs[0] = this.#machine.wideResult();
        return false;
      case "tail":
        regs[0] = result === 1 ? this.#machine.wideResult() : BigInt(result);
        return result === 1;
    }
  }

  #pushArgument(words: number[], kind: ArgumentKind, value: bigint): void {
    const low = Number(value & 0xffff_ffffn) | 0;
    const high = Number(value >> 32n) | 0;
    switch (kind) {
      case "memory":
        words.push(offsetOf(this.#machine, low, high));
        return;
      case "int":
        words.push(low);
        return;
      case "wide":
        words.push(low, high);
        return;
      case "map":
        words.push(high === MAP_HANDLE_HIGH ? low : 0);
        return;
      case "callback":
        words.push(high === FUNCTION_HANDLE_HIGH ? (low - FUNCTION_HANDLE_LOW) | 0 : -1);
    }
  }
}

/** Addresses below the memory's limit become offsets, all others 0. */
function offsetOf(machine: Machine, low: number, high: number): number {
  if (high !== MEMORY_BASE_HIGH) return 0;
  const offset = (low >>> 0) - MEMORY_BASE_LOW;
  return offset > 0 && offset < machine.memory.maximumBytes ? offset : 0;
}
