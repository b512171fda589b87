/** Brings a module into the form instruction selection wants. The passes run in this order. */
import type { IrModule } from "../ir/index.ts";
import { castAccessedPointers } from "./address-spaces.ts";
import { splitAggregates } from "./aggregates.ts";
import { removeUnreachableBlocks } from "./block-order.ts";
import { copyByValueArguments } from "./by-value.ts";
import { removeDeadCode } from "./dead-code.ts";
import { delayConstants } from "./delay-constants.ts";
import { replaceEmptyAllocas } from "./empty-allocas.ts";
import { splitHoistedBounds } from "./hoisted-bounds.ts";
import { expandIntrinsics } from "./intrinsics.ts";
import { expandMemoryFunctions } from "./memory-functions.ts";
import { restorePowerSwitches } from "./power-switch.ts";
import { splitRangeCompares } from "./range-compare.ts";
import { lowerSwitches } from "./switch.ts";
import { defineArguments } from "./undefined-arguments.ts";
import { splitWideIntegers } from "./wide-integers.ts";

/** Changes the module in place. @throws BpfkitError CG1xx with the line of C for what BPF cannot do. */
export function prepareModule(module: IrModule): void {
  const defined = module.functions.filter((fn) => fn.blocks.length > 0);
  for (const fn of defined) {
    restorePowerSwitches(fn);
    removeUnreachableBlocks(fn);
    castAccessedPointers(fn, module);
    expandMemoryFunctions(fn, module);
    copyByValueArguments(fn, module);
    splitHoistedBounds(fn);
    expandIntrinsics(fn);
    lowerSwitches(fn);
  }
  splitAggregates(module);
  splitWideIntegers(module);
  for (const fn of defined) {
    removeDeadCode(fn);
    delayConstants(fn);
    splitRangeCompares(fn);
    replaceEmptyAllocas(fn);
    defineArguments(fn);
  }
}
