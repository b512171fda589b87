/** Which virtual registers are live where blocks begin and end. */
import type { MachineFunction } from "../machine/machine-function.ts";
import { forEachDefinition, forEachUse } from "../machine/operands.ts";
import type { Register } from "../machine/register.ts";
import { firstVirtual } from "../machine/register.ts";

/** Live registers by block id. Sets are small lists: their sum is what the analysis costs. */
export interface Liveness {
  readonly liveIn: readonly (readonly Register[])[];
  readonly liveOut: readonly (readonly Register[])[];
}

/**
 * Computes liveness of code without phis, by walking from each use up to the definitions.
 * Needs linked blocks.
 */
export function livenessOf(fn: MachineFunction): Liveness {
  const { upward, defining } = collect(fn);
  const liveIn: Register[][] = Array.from({ length: fn.blockLimit }, () => []);
  const liveOut: Register[][] = Array.from({ length: fn.blockLimit }, () => []);
  const seenIn = new Int32Array(fn.blockLimit).fill(-1);
  const seenOut = new Int32Array(fn.blockLimit).fill(-1);
  const byId = new Map(fn.blocks.map((block) => [block.id, block]));
  const work: number[] = [];
  for (let register = firstVirtual; register < fn.registerLimit; register++) {
    const starts = upward[register];
    if (starts === undefined) continue;
    const definedIn = defining[register] ?? [];
    for (const id of starts) {
      if (seenIn[id] === register) continue;
      seenIn[id] = register;
      work.push(id);
    }
    while (work.length > 0) {
      const id = work.pop()!;
      liveIn[id]!.push(register);
      for (const predecessor of byId.get(id)?.predecessors ?? []) {
        if (seenOut[predecessor.id] !== register) {
          seenOut[predecessor.id] = register;
          liveOut[predecessor.id]!.push(register);
        }
        if (seenIn[predecessor.id] === register || definedIn.includes(predecessor.id)) continue;
        seenIn[predecessor.id] = register;
        work.push(predecessor.id);
      }
    }
  }
  return { liveIn, liveOut };
}

/** Per register: blocks that read it before they write it, and blocks that write it. */
function collect(fn: MachineFunction): { upward: number[][]; defining: number[][] } {
  const upward: number[][] = [];
  const defining: number[][] = [];
  const written = new Int32Array(fn.registerLimit).fill(-1);
  const read = new Int32Array(fn.registerLimit).fill(-1);
  for (const block of fn.blocks) {
    for (const insn of block.instructions) {
      forEachUse(insn, (register) => {
        if (register < firstVirtual || written[register] === block.id || read[register] === block.id) return;
        read[register] = block.id;
        add(upward, register, block.id);
      });
      forEachDefinition(insn, (register) => {
        if (register < firstVirtual || written[register] === block.id) return;
        written[register] = block.id;
        add(defining, register, block.id);
      });
    }
  }
  return { upward, defining };
}

function add(lists: number[][], register: Register, id: number): void {
  const list = lists[register];
  if (list === undefined) lists[register] = [id];
  else list.push(id);
}
