/** Functions that an object calls and does not define: it loads only after it was linked with one that does. */
import type { Diagnostic } from "@bpfkit/base/diagnostics";
import type { EmittedModule } from "../debug/emitted-module.ts";
import type { IrModule } from "../ir/module.ts";
import { sourceRangeOf } from "../select/refuse.ts";

/** Code of the warning. */
export const undefinedFunction = "CG201";

/** A warning for each, at the first call. Weak functions may be absent, and the kernel defines what is in `.ksyms`. */
export function undefinedFunctions(
  module: IrModule,
  { object, functions }: EmittedModule,
): readonly Diagnostic[] {
  const warnings = new Map<string, Diagnostic>();
  for (const { section, instructions } of functions) {
    const relocations = object.sections.find(({ name }) => name === section)?.relocations ?? [];
    const calls = new Map(relocations.map(({ offset, symbol }) => [offset, object.symbols[symbol]]));
    for (const { offset, debugLocation } of instructions) {
      const symbol = calls.get(offset);
      if (symbol === undefined || symbol.section !== "undefined" || symbol.binding === "weak") continue;
      const called = module.symbols.get(symbol.name);
      if (called?.kind !== "function" || called.section === ".ksyms" || warnings.has(symbol.name)) continue;
      const range = sourceRangeOf(module.metadata, debugLocation);
      warnings.set(symbol.name, {
        severity: "warning",
        code: undefinedFunction,
        message: `function ${symbol.name} is called, and defined nowhere in this file`,
        ...(range === undefined ? {} : { range }),
        hint: "Define it here, link the object with one that does (bpftool gen object), or declare a kernel function __ksym.",
      });
    }
  }
  return [...warnings.values()];
}
