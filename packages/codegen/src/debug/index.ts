/** DI metadata to BTF and .BTF.ext, as LLVM's BTFDebug does it. */
export type { EmittedFunction, EmittedGlobal, EmittedInstruction, EmittedModule } from "./emitted-module.ts";
