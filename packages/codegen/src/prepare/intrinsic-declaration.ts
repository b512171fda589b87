/** Declarations of intrinsics that passes call. */
import type { IrFunction, IrModule, Type } from "../ir/index.ts";
import { voidType } from "../ir/index.ts";

/** The declaration of an intrinsic without result, made where the module has none. */
export function intrinsicDeclaration(
  module: IrModule,
  name: string,
  parameters: readonly Type[],
): IrFunction {
  const known = module.symbols.get(name);
  if (known?.kind === "function") return known;
  const fn: IrFunction = {
    kind: "function",
    type: { kind: "pointer", addressSpace: 0 },
    name,
    functionType: { kind: "function", result: voidType, parameters, variadic: false },
    linkage: "external",
    visibility: "default",
    callingConvention: "ccc",
    section: undefined,
    align: undefined,
    parameters: parameters.map((type, index) => ({
      kind: "parameter",
      type,
      name: String(index),
      index,
      attributes: new Map(),
    })),
    resultAttributes: new Map(),
    attributes: new Map(),
    blocks: [],
    subprogram: undefined,
    attachments: [],
  };
  module.symbols.set(name, fn);
  module.functions.push(fn);
  return fn;
}
