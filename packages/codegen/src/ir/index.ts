/** The model of LLVM IR: types, values, instructions, functions, modules. */
export * from "./data-layout.ts";
export type { DebugNode } from "./debug-nodes.ts";
export { DebugNodes } from "./debug-nodes.ts";
export * from "./function.ts";
export * from "./instruction.ts";
export * from "./metadata.ts";
export * from "./module.ts";
export * from "./operands.ts";
export { parseIr } from "./parser.ts";
export { postorder } from "./postorder.ts";
export { printFunction, printModule } from "./print.ts";
export { fileName, scopeFile, sourceRange } from "./source-range.ts";
export * from "./type.ts";
export * from "./value.ts";
export { verifyModule } from "./verify.ts";
