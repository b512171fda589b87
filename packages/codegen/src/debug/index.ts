/** DI metadata to BTF and .BTF.ext, as LLVM's BTFDebug does it. */
export type { DebugInfoOptions } from "./debug-info.ts";
export { addDebugInfo } from "./debug-info.ts";
export type { EmittedFunction, EmittedGlobal, EmittedInstruction, EmittedModule } from "./emitted-module.ts";
