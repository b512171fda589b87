/** All passes of the back end over one function, in order. */
import { findLoops } from "../analysis/loops.ts";
import { layOutFrame } from "../frame/frame.ts";
import type { IrFunction } from "../ir/function.ts";
import type { IrModule } from "../ir/module.ts";
import type { Cpu, MachineFunction } from "../machine/machine-function.ts";
import { simplifyBlocks } from "../peephole/blocks.ts";
import { combineShifts } from "../peephole/combine-shifts.ts";
import { foldCoreValues } from "../peephole/core-access.ts";
import { removeDeadValues, removeDeadWrites } from "../peephole/dead-code.ts";
import { removeUndemandedBits } from "../peephole/demanded-bits.ts";
import { removeRedundantExtensions } from "../peephole/known-bits.ts";
import { removeRedundantMoves } from "../peephole/local-values.ts";
import { narrowComparisons } from "../peephole/narrow-compare.ts";
import { mergeEqualPhis, shareConstantWays } from "../peephole/phis.ts";
import { sinkIntoSuccessors } from "../peephole/sink-blocks.ts";
import { mergeTails } from "../peephole/tail-merging.ts";
import { allocateRegisters } from "../registers/allocate.ts";
import { selectFunction } from "../select/select.ts";
import { orderBlocks, settleJumps } from "./layout.ts";

/** Called after each pass with its name; for looking at what passes do, and for tests of what must hold in between. */
export type PassObserver = (pass: string, fn: MachineFunction) => void;

/**
 * Compiles a function to machine code on physical registers, laid out, with its frame.
 * @throws BpfkitError CG1xx, with the line of C, for what BPF cannot do
 */
export function compileFunction(
  module: IrModule,
  source: IrFunction,
  cpu: Cpu,
  observe: PassObserver = () => {},
): MachineFunction {
  const fn = selectFunction(module, source, cpu);
  observe("select", fn);
  const run = (name: string, pass: (fn: MachineFunction) => void): void => {
    pass(fn);
    observe(name, fn);
  };
  run("fold-core-values", foldCoreValues);
  run("combine-shifts", combineShifts);
  run("undemanded-bits", removeUndemandedBits);
  run("redundant-extensions", removeRedundantExtensions);
  run("combine-shifts", combineShifts);
  run("equal-phis", mergeEqualPhis);
  run("dead-values", removeDeadValues);
  findLoops(fn);
  run("narrow-comparisons", narrowComparisons);
  run("constant-ways", shareConstantWays);
  run("dead-values", removeDeadValues);
  findLoops(fn);
  run("sink", sinkIntoSuccessors);
  run("optimise", orderBlocks);
  run("allocate", allocateRegisters);
  run("clean-up", cleanUp);
  run("frame", () => layOutFrame(module, source, fn));
  run("simplify", simplifyBlocks);
  for (let round = 0; round < 8 && mergeTails(fn); round++) run("merge-tails", simplifyBlocks);
  run("clean-up", cleanUp);
  run("finish", settleJumps);
  return fn;
}

/** Small rewrites of allocated code until they find nothing more. */
function cleanUp(fn: MachineFunction): void {
  simplifyBlocks(fn);
  for (let round = 0; round < 4; round++) {
    orderBlocks(fn);
    const fewerMoves = removeRedundantMoves(fn);
    const fewerWrites = removeDeadWrites(fn);
    simplifyBlocks(fn);
    if (!fewerMoves && !fewerWrites) break;
  }
  orderBlocks(fn);
}
