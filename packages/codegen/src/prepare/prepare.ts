/** Brings a module into the form instruction selection wants. The passes run in this order. */
import type { IrModule } from "../ir/index.ts";
import { lowerSwitches } from "./switch.ts";

/** Changes the module in place. @throws BpfkitError CG1xx with the line of C for what BPF cannot do. */
export function prepareModule(module: IrModule): void {
  for (const fn of module.functions) {
    if (fn.blocks.length === 0) continue;
    lowerSwitches(fn);
  }
}
